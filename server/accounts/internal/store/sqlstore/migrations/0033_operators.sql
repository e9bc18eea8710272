-- +goose Up
-- oldest program: 1
-- The accounts that may open the operator's pages.
CREATE TABLE operators (
  uid      TEXT PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A code opens the operator's pages once.
CREATE TABLE operator_codes (
  hash       BLOB PRIMARY KEY,
  uid        TEXT REFERENCES operators ON DELETE CASCADE, -- NULL: of the command line
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX operator_codes_uid ON operator_codes (uid);
CREATE INDEX operator_codes_expires ON operator_codes (expires_at);

-- The browsers that have the operator's pages open.
CREATE TABLE operator_sessions (
  hash       BLOB PRIMARY KEY, -- of the cookie
  uid        TEXT REFERENCES operators ON DELETE CASCADE, -- NULL: of the command line
  generation INTEGER NOT NULL, -- of the account, when the session was opened: a new password ends it
  created_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX operator_sessions_uid ON operator_sessions (uid);
CREATE INDEX operator_sessions_used ON operator_sessions (used_at);
CREATE INDEX operator_sessions_created ON operator_sessions (created_at);
