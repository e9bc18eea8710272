-- +goose Up
-- An invitation lets one person sign up where sign-up is by invitation. Who used
-- it stays known until the account goes.
CREATE TABLE invitations (
  hash       BLOB PRIMARY KEY, -- of the code
  note       TEXT NOT NULL,    -- for whom it is, in the operator's words
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  uid        TEXT REFERENCES accounts ON DELETE CASCADE -- NULL: not used yet
) STRICT;
CREATE INDEX invitations_uid ON invitations (uid);
CREATE INDEX invitations_expires ON invitations (expires_at) WHERE uid IS NULL;
