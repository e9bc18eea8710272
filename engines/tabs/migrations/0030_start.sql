-- +goose Up
CREATE TABLE meta (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    changes  INTEGER NOT NULL DEFAULT 0,  -- edits of the own tabs that are not on the server
    refused  INTEGER NOT NULL DEFAULT 0,  -- the value of changes that the server refused for ever
    uploaded INTEGER NOT NULL DEFAULT 0,  -- the own record's server time; 0: it is not there
    device   TEXT    NOT NULL DEFAULT '', -- whose ID it has there
    room     INTEGER NOT NULL,            -- how many bytes of it the server takes
    devices  TEXT    NOT NULL DEFAULT '[]'
) STRICT;

-- This device's tabs.
CREATE TABLE tabs (
    n         INTEGER PRIMARY KEY,
    url       TEXT    NOT NULL UNIQUE,
    title     TEXT    NOT NULL,
    icon      TEXT    NOT NULL,
    last_used INTEGER NOT NULL, -- Unix seconds
    pinned    INTEGER NOT NULL DEFAULT 0,
    inactive  INTEGER NOT NULL DEFAULT 0,
    position  INTEGER NOT NULL DEFAULT 0,  -- in its window
    window_id TEXT    NOT NULL DEFAULT '', -- of windows
    group_id  TEXT    NOT NULL DEFAULT ''  -- of tab_groups
) STRICT;

-- This device's windows and groups of tabs.
CREATE TABLE windows (
    id        TEXT    PRIMARY KEY,
    position  INTEGER NOT NULL,
    last_used INTEGER NOT NULL, -- Unix milliseconds
    type      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tab_groups (
    id        TEXT    PRIMARY KEY,
    name      TEXT    NOT NULL,
    color     TEXT    NOT NULL,
    collapsed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The other devices' records.
CREATE TABLE others (
    id       TEXT PRIMARY KEY,
    modified INTEGER NOT NULL,
    payload  BLOB    NOT NULL
) STRICT;

-- Tabs of other devices that the user closed here, until their device says that they are closed.
CREATE TABLE closes (
    n        INTEGER PRIMARY KEY,
    device   TEXT    NOT NULL,           -- the ID of its record
    url      TEXT    NOT NULL,
    queued   INTEGER NOT NULL,           -- when the user closed it, Unix milliseconds
    sent     INTEGER NOT NULL DEFAULT 0, -- when the device was asked; 0: not yet
    attempts INTEGER NOT NULL DEFAULT 0, -- how often that failed
    retry_at INTEGER NOT NULL DEFAULT 0, -- not asked again before
    UNIQUE (device, url)
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
CREATE TABLE staged (
    n        INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    modified INTEGER NOT NULL,
    payload  BLOB, -- NULL without err: a tombstone
    err      TEXT,
    fatal    INTEGER NOT NULL DEFAULT 0, -- 1: the record breaks the rules; reading it again won't help
    unread   BLOB                        -- a record that this version does not know, as it came
) STRICT;
-- What goes up is made by each sync again, and is not here; see session.Outgoing.
CREATE TABLE outgoing (
    n       INTEGER PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    payload BLOB,
    changes INTEGER NOT NULL
) STRICT;
CREATE TABLE retry (
    id       TEXT    PRIMARY KEY,
    attempts INTEGER NOT NULL, -- 3 and more: not asked for again
    reason   TEXT    NOT NULL,
    -- Of a record that this version does not know; see package ledger.
    held     INTEGER NOT NULL DEFAULT 0, -- 1: what is here of it waits
    modified INTEGER NOT NULL DEFAULT 0, -- server time, hundredths of a second
    payload  BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX retry_due ON retry (attempts, id);
CREATE INDEX retry_held ON retry (id) WHERE held = 1;
