-- +goose Up
CREATE TABLE meta (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    global   TEXT    NOT NULL DEFAULT '',
    sync_id  TEXT    NOT NULL DEFAULT '',
    since    INTEGER NOT NULL DEFAULT 0,  -- server time, hundredths of a second
    changes  INTEGER NOT NULL DEFAULT 0,  -- edits of the own tabs that are not on the server
    refused  INTEGER NOT NULL DEFAULT 0,  -- the value of changes that the server refused for ever
    uploaded INTEGER NOT NULL DEFAULT 0,  -- the own record's server time; 0: it is not there
    device   TEXT    NOT NULL DEFAULT '', -- whose ID it has there
    room     INTEGER NOT NULL,            -- how many bytes of it the server takes
    devices  TEXT    NOT NULL DEFAULT '[]'
);

-- This device's tabs.
CREATE TABLE tabs (
    n         INTEGER PRIMARY KEY,
    url       TEXT    NOT NULL UNIQUE,
    title     TEXT    NOT NULL,
    icon      TEXT    NOT NULL,
    last_used INTEGER NOT NULL -- Unix seconds
);

-- The other devices' records.
CREATE TABLE others (
    id       TEXT PRIMARY KEY,
    modified INTEGER NOT NULL,
    payload  BLOB    NOT NULL
);

CREATE TABLE staged (
    id       TEXT PRIMARY KEY,
    modified INTEGER NOT NULL,
    payload  BLOB, -- NULL without err: a tombstone
    err      TEXT
);

CREATE TABLE retry (
    id       TEXT PRIMARY KEY,
    attempts INTEGER NOT NULL,
    reason   TEXT    NOT NULL
);
