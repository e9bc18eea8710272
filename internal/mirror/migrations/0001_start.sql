-- +goose Up
-- One row: whose state this is.
CREATE TABLE meta (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    collection TEXT    NOT NULL,
    global     TEXT    NOT NULL DEFAULT '',
    sync_id    TEXT    NOT NULL DEFAULT '',
    since      INTEGER NOT NULL DEFAULT 0 -- server time, hundredths of a second
);

-- Local and mirror in one row: most records are the same on both sides, and
-- then local is NULL and the payload is stored once.
CREATE TABLE records (
    n        INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    mirror   BLOB,                       -- what the server last had; NULL: not known to be there
    local    BLOB,                       -- what the user sees; NULL: the mirror
    deleted  INTEGER NOT NULL DEFAULT 0, -- 1: the user deleted it, and a tombstone is due
    changes  INTEGER NOT NULL DEFAULT 0, -- the user's edits that are not on the server
    refused  INTEGER NOT NULL DEFAULT 0, -- the value of changes that the server refused for ever
    edited   INTEGER NOT NULL DEFAULT 0, -- the user's last edit, Unix milliseconds
    modified INTEGER NOT NULL DEFAULT 0, -- the mirror's server time, hundredths of a second
    dupe     BLOB                        -- the content key; NULL: none, or deleted
);
CREATE UNIQUE INDEX records_dupe ON records (dupe) WHERE dupe IS NOT NULL;
CREATE INDEX records_changed ON records (n) WHERE changes > 0;
CREATE INDEX records_deleted ON records (n) WHERE deleted = 1;

-- What this sync brought, until Merge has dealt with it. A row with neither
-- payload nor err is a tombstone.
CREATE TABLE staged (
    n        INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    modified INTEGER NOT NULL,
    payload  BLOB,
    dupe     BLOB,
    err      TEXT,
    fatal    INTEGER NOT NULL DEFAULT 0 -- 1: the record breaks the rules; reading it again won't help
);
CREATE INDEX staged_tombstones ON staged (id) WHERE payload IS NULL AND err IS NULL;

-- The snapshot of what goes up. Rows outlive their session until the next Merge:
-- they are what the server may hold without our knowing.
CREATE TABLE outgoing (
    n       INTEGER PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    payload BLOB, -- NULL: a tombstone
    changes INTEGER NOT NULL
);

-- Records on the server that could not be read or applied.
CREATE TABLE retry (
    id       TEXT PRIMARY KEY,
    attempts INTEGER NOT NULL, -- 3 and more: not asked for again
    reason   TEXT    NOT NULL
) WITHOUT ROWID;
CREATE INDEX retry_due ON retry (attempts, id);
