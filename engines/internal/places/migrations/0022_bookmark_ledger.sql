-- +goose Up
CREATE TABLE bookmark_ledger (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    global  TEXT    NOT NULL DEFAULT '',
    sync_id TEXT    NOT NULL DEFAULT '',
    since   INTEGER NOT NULL DEFAULT 0, -- server time, hundredths of a second
    past    INTEGER NOT NULL DEFAULT 0  -- the largest since there was before a reset
) STRICT;
INSERT INTO bookmark_ledger (one, global, sync_id, since) SELECT one, global, sync_id, since FROM bookmark_meta;
ALTER TABLE bookmark_meta DROP COLUMN global;
ALTER TABLE bookmark_meta DROP COLUMN sync_id;
ALTER TABLE bookmark_meta DROP COLUMN since;
ALTER TABLE bookmark_staged RENAME COLUMN guid TO id;
ALTER TABLE bookmark_outgoing RENAME COLUMN guid TO id;
ALTER TABLE bookmark_retry RENAME COLUMN guid TO id;
