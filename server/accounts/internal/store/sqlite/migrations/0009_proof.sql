-- +goose Up
-- When a session last showed its password, and its second step, after it was
-- signed in; of a token that sets a password: when its owner showed the second
-- step. 0: not.
ALTER TABLE tokens ADD COLUMN password_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN second_at INTEGER NOT NULL DEFAULT 0;
-- What was given for one code has the same grant_id, and ends together.
ALTER TABLE tokens ADD COLUMN grant_id BLOB;
ALTER TABLE refresh_tokens ADD COLUMN grant_id BLOB;
CREATE INDEX tokens_grant ON tokens (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id) WHERE grant_id IS NOT NULL;
