-- +goose Up
-- The syncs that took pages of the user's away, and those pages; see history's Undo.
CREATE TABLE history_log (
    n       INTEGER PRIMARY KEY,
    run     TEXT    NOT NULL UNIQUE,
    at      INTEGER NOT NULL,           -- Unix milliseconds
    deleted INTEGER NOT NULL,
    undone  INTEGER NOT NULL DEFAULT 0  -- Unix milliseconds; 0: it stands
) STRICT;
CREATE TABLE history_kept (
    log      INTEGER NOT NULL REFERENCES history_log (n) ON DELETE CASCADE,
    guid     TEXT    NOT NULL,
    url      TEXT    NOT NULL,
    rev_host TEXT    NOT NULL,          -- as in origins
    first    INTEGER NOT NULL,          -- the oldest visit, and
    last     INTEGER NOT NULL,          -- the newest; Unix microseconds
    record   BLOB    NOT NULL,          -- the page, as its record would have it
    PRIMARY KEY (log, guid)
) STRICT, WITHOUT ROWID;
CREATE INDEX history_kept_host ON history_kept (rev_host);
CREATE INDEX history_kept_last ON history_kept (last);
