-- +goose Up
-- The bookkeeping of syncs; see package ledger.
CREATE TABLE ledger (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    global  TEXT    NOT NULL DEFAULT '',
    sync_id TEXT    NOT NULL DEFAULT '',
    since   INTEGER NOT NULL DEFAULT 0, -- server time, hundredths of a second
    past    INTEGER NOT NULL DEFAULT 0  -- the largest since there was before a reset
) STRICT;
INSERT INTO ledger (one) VALUES (1);
UPDATE ledger SET (global, sync_id, since) = (SELECT global, sync_id, since FROM meta) WHERE EXISTS (SELECT 1 FROM meta);
ALTER TABLE meta DROP COLUMN global;
ALTER TABLE meta DROP COLUMN sync_id;
ALTER TABLE meta DROP COLUMN since;
