-- +goose Up
-- A recovery key opens an account whose password is forgotten, and keeps its kB.
CREATE TABLE recovery_keys (
  uid        TEXT PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  hash       BLOB NOT NULL, -- of the key's id
  data       TEXT NOT NULL, -- kB, sealed under the key, which the server never sees
  created_at INTEGER NOT NULL
) STRICT;
