-- +goose Up
-- Where sign-up is by e-mail an account is confirmed by a code that was sent to
-- its address.
ALTER TABLE accounts ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 1;
CREATE INDEX accounts_unconfirmed ON accounts (created_at) WHERE confirmed = 0;

CREATE TABLE confirmations (
  uid        TEXT PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  mac        BLOB NOT NULL,    -- of uid and code, under a key that is not in this file
  tries      INTEGER NOT NULL, -- that were wrong
  expires_at INTEGER NOT NULL
) STRICT;
