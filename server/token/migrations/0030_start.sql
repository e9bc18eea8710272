-- +goose Up
-- One row for each encryption key that an account has had. The uid names the
-- storage, so a new key starts with an empty one; AUTOINCREMENT never gives a
-- number twice.
CREATE TABLE users (
  uid             INTEGER PRIMARY KEY AUTOINCREMENT,
  account         TEXT    NOT NULL,
  client_state    BLOB    NOT NULL,
  generation      INTEGER NOT NULL,
  keys_changed_at INTEGER NOT NULL,
  created_at      INTEGER NOT NULL, -- ms
  replaced_at     INTEGER,          -- ms; NULL: the account's current key
  emptied         INTEGER NOT NULL DEFAULT 0, -- 1: replaced, and its storage deleted
  UNIQUE (account, client_state)
) STRICT;
CREATE UNIQUE INDEX users_current ON users (account) WHERE replaced_at IS NULL;
CREATE INDEX users_replaced ON users (replaced_at) WHERE replaced_at IS NOT NULL AND emptied = 0;

-- What an operator decided about an account, by the account's uid. It outlives
-- the account's keys, and so stands apart from users.
CREATE TABLE account_status (
  account  TEXT PRIMARY KEY,
  disabled INTEGER NOT NULL DEFAULT 0,
  quota    INTEGER,                   -- bytes; 0: none; NULL: the server's
  retired  INTEGER NOT NULL DEFAULT 0 -- 1: the account is gone, and nothing brings its storage back
) STRICT;

-- What an operator set for the whole server while it ran.
CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT;
