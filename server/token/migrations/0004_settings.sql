-- +goose Up
-- What an operator set for the whole server while it ran.
CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT;
