-- +goose Up
-- fenced is 1 while the user's storage takes no writes, since it is being moved.
ALTER TABLE storage ADD COLUMN fenced INTEGER NOT NULL DEFAULT 0;
