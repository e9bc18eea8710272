-- +goose Up
-- What Reset leaves of the mirror: 0: the mirror is what this storage last had;
-- 1: it is what the storage had before, and the user has not changed the record since;
-- 2: the same, and the user has.
ALTER TABLE records ADD COLUMN past INTEGER NOT NULL DEFAULT 0;

-- The loose key: records that share it may be the same thing although their content
-- keys differ. NULL: none, or deleted.
ALTER TABLE records ADD COLUMN loose BLOB;
ALTER TABLE staged ADD COLUMN loose BLOB;
CREATE INDEX records_loose ON records (loose) WHERE loose IS NOT NULL;

-- Makes the IDs of records that fork, so that forking twice is forking once.
ALTER TABLE meta ADD COLUMN forks BLOB;
-- 0: an earlier version wrote the file, and its records have no loose keys yet.
ALTER TABLE meta ADD COLUMN loose INTEGER NOT NULL DEFAULT 0;
