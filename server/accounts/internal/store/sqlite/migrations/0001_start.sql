-- +goose Up
-- Times are milliseconds since 1970. What proves something to the server is
-- kept as its SHA-256 ("hash"), or under a key that only its holder sends.

CREATE TABLE secrets (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT;

CREATE TABLE accounts (
  uid             TEXT PRIMARY KEY,
  email           TEXT NOT NULL,        -- as signed up with: it is a salt
  email_key       TEXT NOT NULL UNIQUE, -- to find it by
  created_at      INTEGER NOT NULL,
  generation      INTEGER NOT NULL,     -- when the credentials last changed
  keys_changed_at INTEGER NOT NULL,     -- when kB last changed; never above generation
  auth_salt       BLOB NOT NULL,
  cost            INTEGER NOT NULL,
  verify_hash     BLOB NOT NULL,
  wrap_wrap_kb    BLOB NOT NULL,
  client_salt     TEXT,                 -- these three: version 2 of the stretching, or NULL
  verify_hash_v2  BLOB,
  wrap_wrap_kb_v2 BLOB,
  ka              BLOB NOT NULL,
  display_name    TEXT NOT NULL DEFAULT '',
  profile_changed_at INTEGER NOT NULL
) STRICT;

-- Tokens that requests are signed with: sessions, key fetches, password changes.
CREATE TABLE tokens (
  hash       BLOB PRIMARY KEY, -- of the HAWK id
  kind       TEXT NOT NULL,
  uid        TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  sealed_key BLOB NOT NULL,    -- the HAWK key, under the HAWK id
  bundle     BLOB,             -- of a key fetch token: what it fetches
  created_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL,
  user_agent TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX tokens_uid ON tokens (uid);
CREATE INDEX tokens_kind ON tokens (kind, created_at);

CREATE TABLE refresh_tokens (
  hash       BLOB PRIMARY KEY,
  uid        TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  client_id  TEXT NOT NULL,
  scope      TEXT NOT NULL,
  session    BLOB REFERENCES tokens ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX refresh_tokens_uid ON refresh_tokens (uid);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session);

CREATE TABLE codes (
  hash        BLOB PRIMARY KEY,
  uid         TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  client_id   TEXT NOT NULL,
  scope       TEXT NOT NULL,
  challenge   TEXT NOT NULL,
  offline     INTEGER NOT NULL,
  keys_jwe    TEXT NOT NULL,
  auth_at     INTEGER NOT NULL, -- seconds
  session     BLOB NOT NULL REFERENCES tokens ON DELETE CASCADE,
  expires_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX codes_uid ON codes (uid);
CREATE INDEX codes_session ON codes (session);
CREATE INDEX codes_expires ON codes (expires_at);

-- Access tokens that were revoked before their end.
CREATE TABLE revoked (
  jti        TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX revoked_expires ON revoked (expires_at);

-- A device belongs to a session or to a refresh token, and goes with it.
CREATE TABLE devices (
  id            TEXT PRIMARY KEY,
  uid           TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  session       BLOB UNIQUE REFERENCES tokens ON DELETE CASCADE,
  refresh       BLOB UNIQUE REFERENCES refresh_tokens ON DELETE CASCADE,
  name          TEXT NOT NULL,
  type          TEXT NOT NULL,
  push_callback TEXT NOT NULL,
  push_key      TEXT NOT NULL,
  push_auth     TEXT NOT NULL,
  commands      TEXT NOT NULL, -- JSON object
  created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX devices_uid ON devices (uid);

CREATE TABLE commands (
  idx        INTEGER PRIMARY KEY AUTOINCREMENT,
  device     TEXT NOT NULL REFERENCES devices ON DELETE CASCADE,
  sender     TEXT NOT NULL,
  command    TEXT NOT NULL,
  payload    TEXT NOT NULL, -- JSON
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX commands_device ON commands (device, idx);
CREATE INDEX commands_expires ON commands (expires_at);

CREATE TABLE signing_keys (
  kid        TEXT PRIMARY KEY,
  private    BLOB NOT NULL, -- PKCS #8
  created_at INTEGER NOT NULL,
  retired_at INTEGER        -- NULL: signs new tokens
) STRICT;
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (retired_at IS NULL) WHERE retired_at IS NULL;
