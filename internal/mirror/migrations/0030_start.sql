-- +goose Up
-- One row: whose state this is.
CREATE TABLE meta (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    collection TEXT    NOT NULL,
    forks      BLOB,   -- makes the IDs of records that fork, so that forking twice is forking once
    -- The storage that the mirrors are of whose life is 1 and whose past is not 0: a reset
    -- that leads back to it began no other life of it.
    past_global  TEXT NOT NULL DEFAULT '',
    past_sync_id TEXT NOT NULL DEFAULT '',
    -- A known text, sealed with the key that the records are; see key.go. NULL: they are not
    -- encrypted, or no version with a canary has opened the file yet.
    canary       BLOB,
    -- The key of the MACs in the table noted, sealed as records are; NULL: none were noted.
    noted        BLOB,
    -- Which version of the words all records are entered with; 0: none.
    lookups      INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The bookkeeping of syncs; see package ledger.
CREATE TABLE ledger (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    global  TEXT    NOT NULL DEFAULT '',
    sync_id TEXT    NOT NULL DEFAULT '',
    since   INTEGER NOT NULL DEFAULT 0, -- server time, hundredths of a second
    past    INTEGER NOT NULL DEFAULT 0  -- the largest since there was before a reset
) STRICT;
INSERT INTO ledger (one) VALUES (1);

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
    reason   TEXT    NOT NULL DEFAULT '', -- why; it counts while refused = changes
    edited   INTEGER NOT NULL DEFAULT 0, -- the user's last edit, Unix milliseconds
    modified INTEGER NOT NULL DEFAULT 0, -- the mirror's server time, hundredths of a second
    -- What Reset leaves of the mirror: 0: the mirror is what this storage last had;
    -- 1: it is what the storage had before, and the user has not changed the record since;
    -- 2: the same, and the user has.
    past     INTEGER NOT NULL DEFAULT 0,
    life     INTEGER NOT NULL DEFAULT 0, -- see meta
    -- What the user's edits were made on where another device deleted the record and the
    -- edits beat that: it is no mirror, as the server has the record no more.
    base     BLOB,
    dupe     BLOB,                       -- the content key; NULL: none, or deleted
    -- The loose key: records that share it may be the same thing although their content
    -- keys differ. NULL: none, or deleted.
    loose    BLOB
) STRICT;
CREATE UNIQUE INDEX records_dupe ON records (dupe) WHERE dupe IS NOT NULL;
CREATE INDEX records_changed ON records (n) WHERE changes > 0;
CREATE INDEX records_deleted ON records (n) WHERE deleted = 1;
CREATE INDEX records_refused ON records (n) WHERE refused > 0;
CREATE INDEX records_loose ON records (loose) WHERE loose IS NOT NULL;

-- What this sync brought, until Merge has dealt with it. A row with neither
-- payload nor err is a tombstone.
CREATE TABLE staged (
    n        INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    modified INTEGER NOT NULL,
    payload  BLOB,
    dupe     BLOB,
    loose    BLOB,
    err      TEXT,
    fatal    INTEGER NOT NULL DEFAULT 0, -- 1: the record breaks the rules; reading it again won't help
    unread   BLOB                        -- a record that this version does not know, as it came
) STRICT;
CREATE INDEX staged_tombstones ON staged (id) WHERE payload IS NULL AND err IS NULL;

-- The snapshot of what goes up. Rows outlive their session until the next Merge:
-- they are what the server may hold without our knowing.
CREATE TABLE outgoing (
    n       INTEGER PRIMARY KEY, -- as in records
    id      TEXT    NOT NULL,
    payload BLOB, -- NULL: a tombstone
    changes INTEGER NOT NULL
) STRICT;

-- Records on the server that could not be read or applied.
CREATE TABLE retry (
    id       TEXT PRIMARY KEY,
    attempts INTEGER NOT NULL, -- 3 and more: not asked for again
    reason   TEXT    NOT NULL,
    -- Of a record that this version does not know; see package ledger.
    held     INTEGER NOT NULL DEFAULT 0, -- 1: what is here of it waits
    modified INTEGER NOT NULL DEFAULT 0, -- server time, hundredths of a second
    payload  BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX retry_due ON retry (attempts, id);
CREATE INDEX retry_held ON retry (id) WHERE held = 1;

-- The deletions that the server is known to have; see package ledger.
CREATE TABLE tombstones (
    n       INTEGER PRIMARY KEY, -- the order in which they came
    store   TEXT    NOT NULL,    -- the collection
    id      TEXT    NOT NULL,
    account TEXT    NOT NULL,    -- whose storage it was; see engine.Start
    at      INTEGER NOT NULL,    -- the server's time of the deletion, hundredths of a second
    UNIQUE (store, id)
) STRICT;
CREATE INDEX tombstones_at ON tombstones (store, at);

-- What syncs took away or overwrote, for the user to bring back. at and undone are Unix
-- milliseconds; undone = 0: the sync stands.
CREATE TABLE undo_log (
    n       INTEGER PRIMARY KEY,
    run     TEXT    NOT NULL UNIQUE,
    at      INTEGER NOT NULL,
    changed INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    undone  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE undo_items (
    log    INTEGER NOT NULL REFERENCES undo_log (n) ON DELETE CASCADE,
    id     TEXT    NOT NULL,
    before BLOB    NOT NULL,
    after  BLOB, -- NULL: the sync deleted it
    PRIMARY KEY (log, id)
) STRICT, WITHOUT ROWID;

-- The words by which records are found; see lookup.go. Where records are encrypted, key is
-- a MAC.
CREATE TABLE lookups (
    key BLOB    NOT NULL,
    n   INTEGER NOT NULL REFERENCES records (n) ON DELETE CASCADE,
    PRIMARY KEY (key, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX lookups_record ON lookups (n);

-- The texts that an engine noted, of which the file holds MACs; see noted.go.
CREATE TABLE noted (
    n   INTEGER PRIMARY KEY, -- the order in which they came
    mac BLOB    NOT NULL UNIQUE
) STRICT;
