-- +goose Up
-- An account's picture, as this server drew it.
CREATE TABLE avatars (
  uid   TEXT PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  id    TEXT NOT NULL UNIQUE, -- in its address
  type  TEXT NOT NULL,
  image BLOB NOT NULL
) STRICT;
