-- +goose Up
-- What an ID token tells: whether a sign-in took the second step, and the word by
-- which a client knows its own request again.
ALTER TABLE tokens ADD COLUMN second_step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE codes ADD COLUMN nonce TEXT NOT NULL DEFAULT '';
