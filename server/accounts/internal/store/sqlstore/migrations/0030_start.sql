-- +goose Up
-- Times are milliseconds since 1970. What proves something to the server is
-- kept as its SHA-256 ("hash"), or under a key that only its holder sends.
--
-- Each key that can begins with the user, and no reference leaves them: accounts can
-- be kept apart. A token, a code or an address that somebody shows is found by an index
-- of its own.

CREATE TABLE secrets (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
  kid        TEXT PRIMARY KEY,
  private    BLOB NOT NULL, -- PKCS #8
  created_at INTEGER NOT NULL,
  retired_at INTEGER        -- NULL: signs new tokens
) STRICT;
CREATE UNIQUE INDEX signing_keys_current ON signing_keys ((retired_at IS NULL)) WHERE retired_at IS NULL;

CREATE TABLE accounts (
  uid                TEXT PRIMARY KEY,
  email              TEXT NOT NULL,        -- as signed up with: it is a salt
  email_key          TEXT NOT NULL UNIQUE, -- to find it by
  confirmed          INTEGER NOT NULL,     -- 0: waits for the code that was sent to its address
  created_at         INTEGER NOT NULL,
  generation         INTEGER NOT NULL,     -- when the credentials last changed
  keys_changed_at    INTEGER NOT NULL,     -- when kB last changed; never above generation
  auth_salt          BLOB NOT NULL,
  cost               INTEGER NOT NULL,
  verify_hash        BLOB NOT NULL,
  wrap_wrap_kb       BLOB NOT NULL,
  client_salt        TEXT,                 -- these three: version 2 of the stretching, or NULL
  verify_hash_v2     BLOB,
  wrap_wrap_kb_v2    BLOB,
  ka                 BLOB NOT NULL,
  display_name       TEXT NOT NULL DEFAULT '',
  profile_changed_at INTEGER NOT NULL,
  next_command       INTEGER NOT NULL DEFAULT 1 -- the index of its devices' next command
) STRICT;
CREATE INDEX accounts_unconfirmed ON accounts (created_at) WHERE confirmed = 0;

-- The code that confirms an account.
CREATE TABLE confirmations (
  uid        TEXT PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  mac        BLOB NOT NULL,    -- of uid and code, under a key that is not in this file
  tries      INTEGER NOT NULL, -- that were wrong
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- An invitation lets one person sign up where sign-up is by invitation. Who used
-- it stays known until the account goes.
CREATE TABLE invitations (
  hash       BLOB PRIMARY KEY, -- of the code
  note       TEXT NOT NULL,    -- for whom it is, in the operator's words
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  uid        TEXT REFERENCES accounts ON DELETE CASCADE -- NULL: not used yet
) STRICT, WITHOUT ROWID;
CREATE INDEX invitations_uid ON invitations (uid) WHERE uid IS NOT NULL;
CREATE INDEX invitations_expires ON invitations (expires_at) WHERE uid IS NULL;

-- An account's picture, as this server drew it.
CREATE TABLE avatars (
  uid   TEXT PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  id    TEXT NOT NULL UNIQUE, -- in its address
  type  TEXT NOT NULL,
  image BLOB NOT NULL
) STRICT;

-- Tokens that requests are signed with: sessions, key fetches, and what sets a
-- password.
CREATE TABLE tokens (
  uid         TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  hash        BLOB NOT NULL,    -- of the HAWK ID
  kind        TEXT NOT NULL,
  sealed_key  BLOB NOT NULL,    -- the HAWK key, under the HAWK ID
  bundle      BLOB,             -- of a key fetch token: what it fetches
  session     BLOB,             -- of a key fetch token: the session that it waits with
  verified    INTEGER NOT NULL, -- 0: waits for a code
  created_at  INTEGER NOT NULL,
  used_at     INTEGER NOT NULL,
  user_agent  TEXT NOT NULL,
  grant_id    BLOB,             -- what was given for one code has the same, and ends together
  second_step INTEGER NOT NULL DEFAULT 0, -- 1: the sign-in took the second step
  -- When a session last showed its password, and its second step, after it was signed
  -- in; of a token that sets a password: when its owner showed the second step. 0: not.
  password_at INTEGER NOT NULL DEFAULT 0,
  second_at   INTEGER NOT NULL,
  PRIMARY KEY (uid, hash),
  FOREIGN KEY (uid, session) REFERENCES tokens (uid, hash) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tokens_hash ON tokens (hash);
CREATE INDEX tokens_session ON tokens (uid, session) WHERE session IS NOT NULL;
CREATE INDEX tokens_grant ON tokens (uid, grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX tokens_kind ON tokens (kind, created_at);
CREATE INDEX tokens_unverified ON tokens (created_at) WHERE verified = 0;

CREATE TABLE refresh_tokens (
  uid        TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  hash       BLOB NOT NULL,
  client_id  TEXT NOT NULL,
  scope      TEXT NOT NULL,
  session    BLOB, -- that it came from, or NULL
  grant_id   BLOB, -- as of tokens
  created_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL,
  PRIMARY KEY (uid, hash),
  FOREIGN KEY (uid, session) REFERENCES tokens (uid, hash) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX refresh_tokens_hash ON refresh_tokens (hash);
CREATE INDEX refresh_tokens_session ON refresh_tokens (uid, session) WHERE session IS NOT NULL;
CREATE INDEX refresh_tokens_grant ON refresh_tokens (uid, grant_id) WHERE grant_id IS NOT NULL;

-- Authorization codes.
CREATE TABLE codes (
  uid        TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  hash       BLOB NOT NULL,
  client_id  TEXT NOT NULL,
  scope      TEXT NOT NULL,
  challenge  TEXT NOT NULL,
  offline    INTEGER NOT NULL,
  keys_jwe   TEXT NOT NULL,
  nonce      TEXT NOT NULL,    -- by which a client knows its own request again
  auth_at    INTEGER NOT NULL, -- seconds
  session    BLOB NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (uid, hash),
  FOREIGN KEY (uid, session) REFERENCES tokens (uid, hash) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX codes_hash ON codes (hash);
CREATE INDEX codes_session ON codes (uid, session);
CREATE INDEX codes_expires ON codes (expires_at);

-- Access tokens that were revoked before their end.
CREATE TABLE revoked (
  uid        TEXT NOT NULL,
  jti        TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (uid, jti)
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_expires ON revoked (expires_at);

-- A device belongs to a session or to a refresh token, and goes with it.
CREATE TABLE devices (
  uid           TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  id            TEXT NOT NULL,
  session       BLOB,
  refresh       BLOB,
  name          TEXT NOT NULL,
  type          TEXT NOT NULL,
  push_callback TEXT NOT NULL,
  push_key      TEXT NOT NULL,
  push_auth     TEXT NOT NULL,
  push_expired  INTEGER NOT NULL DEFAULT 0, -- 1: the push service said that it is over
  commands      TEXT NOT NULL,              -- JSON object
  created_at    INTEGER NOT NULL,
  PRIMARY KEY (uid, id),
  UNIQUE (uid, session),
  UNIQUE (uid, refresh),
  FOREIGN KEY (uid, session) REFERENCES tokens (uid, hash) ON DELETE CASCADE,
  FOREIGN KEY (uid, refresh) REFERENCES refresh_tokens (uid, hash) ON DELETE CASCADE
) STRICT;

-- What waits for a device.
CREATE TABLE commands (
  uid        TEXT NOT NULL,
  idx        INTEGER NOT NULL, -- from the account's next_command
  device     TEXT NOT NULL,
  sender     TEXT NOT NULL,
  command    TEXT NOT NULL,
  payload    TEXT NOT NULL, -- JSON
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (uid, idx),
  FOREIGN KEY (uid, device) REFERENCES devices (uid, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX commands_device ON commands (uid, device, idx);
CREATE INDEX commands_expires ON commands (expires_at);

-- Authenticator apps.
CREATE TABLE totp (
  uid       TEXT PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  secret    BLOB NOT NULL,
  enabled   INTEGER NOT NULL, -- 0: no code was shown yet
  used_step INTEGER NOT NULL  -- that of the last code, which is not good again
) STRICT, WITHOUT ROWID;

CREATE TABLE backup_codes (
  uid  TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  hash BLOB NOT NULL, -- of uid and code
  PRIMARY KEY (uid, hash)
) STRICT, WITHOUT ROWID;

-- What was done to an account without its user, until they have read it.
CREATE TABLE notices (
  uid  TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  kind TEXT NOT NULL,
  at   INTEGER NOT NULL,
  PRIMARY KEY (uid, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX notices_at ON notices (uid, at);

-- A recovery key opens an account whose password is forgotten, and keeps its kB.
CREATE TABLE recovery_keys (
  uid  TEXT PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  hash BLOB NOT NULL, -- of the key's ID
  data TEXT NOT NULL  -- kB, sealed under the key, which the server never sees
) STRICT, WITHOUT ROWID;

-- How often something was tried in the present window: of an account, by a hash
-- that also an address without an account has, from a network of the sender, or
-- from all ('').
CREATE TABLE tries (
  what    BLOB NOT NULL,
  network TEXT NOT NULL,
  n       INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  PRIMARY KEY (what, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX tries_ends ON tries (ends_at);

-- The networks that an account was signed in from: its owner is not kept out there
-- by what strangers try elsewhere.
CREATE TABLE known_networks (
  uid     TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  network TEXT NOT NULL,
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (uid, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_networks_seen ON known_networks (seen_at);
