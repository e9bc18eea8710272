-- +goose Up
-- oldest program: 1
-- The accounts that were disabled or removed, or whose storage was replaced, until all storage nodes were told.
CREATE TABLE ended_storages (
  account TEXT PRIMARY KEY,
  at      INTEGER NOT NULL -- when that was read first; 0: not yet
) STRICT, WITHOUT ROWID;
CREATE INDEX ended_storages_at ON ended_storages (at);
