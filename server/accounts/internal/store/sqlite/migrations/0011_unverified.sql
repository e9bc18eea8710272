-- +goose Up
-- For the purge of sessions that wait for a code.
CREATE INDEX tokens_unverified ON tokens (created_at) WHERE verified = 0;
