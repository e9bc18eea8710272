-- +goose Up
-- The storage that the mirrors are of whose life is 1 and whose past is not 0: a reset
-- that leads back to it began no other life of it.
ALTER TABLE meta ADD COLUMN past_global TEXT NOT NULL DEFAULT '';
ALTER TABLE meta ADD COLUMN past_sync_id TEXT NOT NULL DEFAULT '';
ALTER TABLE records ADD COLUMN life INTEGER NOT NULL DEFAULT 0;
