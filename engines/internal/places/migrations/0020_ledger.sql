-- +goose Up
-- The bookkeeping of syncs; see package ledger.
CREATE TABLE history_ledger (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    global  TEXT    NOT NULL DEFAULT '',
    sync_id TEXT    NOT NULL DEFAULT '',
    since   INTEGER NOT NULL DEFAULT 0, -- server time, hundredths of a second
    past    INTEGER NOT NULL DEFAULT 0  -- the largest since there was before a reset
) STRICT;
INSERT INTO history_ledger SELECT one, global, sync_id, since, past FROM history_meta;
DROP TABLE history_meta;
ALTER TABLE history_staged RENAME COLUMN guid TO id;
ALTER TABLE history_outgoing RENAME COLUMN guid TO id;
ALTER TABLE history_retry RENAME COLUMN guid TO id;
