-- +goose Up
-- Two-step sign-in. A session waits for its second step while verified is 0, and
-- a key fetch token with it.
ALTER TABLE tokens ADD COLUMN verified INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tokens ADD COLUMN session BLOB REFERENCES tokens ON DELETE CASCADE; -- of a key fetch token
CREATE INDEX tokens_session ON tokens (session);

CREATE TABLE totp (
  uid       TEXT PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  secret    BLOB NOT NULL,
  enabled   INTEGER NOT NULL, -- 0: no code was shown yet
  used_step INTEGER NOT NULL  -- that of the last code, which is not good again
) STRICT;

CREATE TABLE backup_codes (
  hash BLOB PRIMARY KEY, -- of uid and code
  uid  TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE
) STRICT;
CREATE INDEX backup_codes_uid ON backup_codes (uid);
