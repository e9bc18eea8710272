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
CREATE INDEX users_replaced ON users (replaced_at) WHERE replaced_at IS NOT NULL AND NOT emptied;
