-- +goose Up
-- The push service said that a device's subscription is over.
ALTER TABLE devices ADD COLUMN push_expired INTEGER NOT NULL DEFAULT 0;
