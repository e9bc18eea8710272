-- +goose Up
-- What syncs took away or overwrote, for the user to bring back. at and undone are Unix
-- milliseconds; undone = 0: the sync stands.
CREATE TABLE undo_log (
    n       INTEGER PRIMARY KEY,
    run     TEXT    NOT NULL UNIQUE,
    at      INTEGER NOT NULL,
    changed INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    undone  INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE undo_items (
    log    INTEGER NOT NULL REFERENCES undo_log (n) ON DELETE CASCADE,
    id     TEXT    NOT NULL,
    before BLOB    NOT NULL,
    after  BLOB, -- NULL: the sync deleted it
    PRIMARY KEY (log, id)
) WITHOUT ROWID;
