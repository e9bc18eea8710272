-- +goose Up
-- 1: the account is gone, and nothing brings its storage back.
ALTER TABLE standings ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;
