-- +goose Up
-- Where pages come from: what "forget this site" and typing a host go by.
CREATE TABLE origins (
    id       INTEGER PRIMARY KEY,
    prefix   TEXT    NOT NULL, -- "https://", "about:"
    host     TEXT    NOT NULL, -- with its port; "" where the URL has none
    rev_host TEXT    NOT NULL, -- without the port, reversed, with a dot at the end: subdomains share a prefix
    UNIQUE (prefix, host)
) STRICT;
CREATE INDEX origins_rev_host ON origins (rev_host);

-- One row for each URL that somebody has visited or bookmarked.
CREATE TABLE places (
    id            INTEGER PRIMARY KEY,
    guid          TEXT    NOT NULL UNIQUE,       -- the ID of its record in history
    url           TEXT    NOT NULL,
    url_hash      INTEGER NOT NULL,              -- see hashURL: URLs are long, and their index need not be
    origin        INTEGER NOT NULL REFERENCES origins (id),
    title         TEXT    NOT NULL DEFAULT '',
    hidden        INTEGER NOT NULL DEFAULT 0,    -- 1: seen only inside or on the way to other pages
    typed         INTEGER NOT NULL DEFAULT 0,    -- visits whose URL was typed
    visits        INTEGER NOT NULL DEFAULT 0,    -- rows in visits
    last_visit    INTEGER NOT NULL DEFAULT 0,    -- Unix microseconds; 0: never visited
    frecency      INTEGER NOT NULL DEFAULT 0,    -- see package places; Unix seconds
    bookmarks     INTEGER NOT NULL DEFAULT 0,    -- bookmarks of this URL
    bookmarked    INTEGER NOT NULL DEFAULT 0,    -- when the newest was made, Unix microseconds
    bookmark_text TEXT    NOT NULL DEFAULT '',   -- their titles, tags and keywords, for the search
    -- What follows is the sync state of history.
    syncable      INTEGER NOT NULL DEFAULT 0,    -- 1: its record may go up
    changes       INTEGER NOT NULL DEFAULT 0,    -- the user's edits that are not on the server
    refused       INTEGER NOT NULL DEFAULT 0,    -- the value of changes that the server refused for ever
    synced        INTEGER NOT NULL DEFAULT 0,    -- 1: the server has its record
    base_title    TEXT,                          -- the server's title where the user gave another; NULL: title
    edited        INTEGER NOT NULL DEFAULT 0,    -- when the user gave it, Unix milliseconds
    unknown       TEXT                           -- the record's fields that this program does not know, a JSON object
) STRICT;
CREATE INDEX places_url ON places (url_hash);
CREATE INDEX places_origin ON places (origin);
CREATE INDEX places_frecency ON places (frecency);
-- The pages that a history shows, newest first, and how many they are.
CREATE INDEX places_last_visit ON places (last_visit) WHERE last_visit > 0 AND hidden = 0;
-- What goes up, the most important first.
CREATE INDEX places_changed ON places (frecency) WHERE changes > 0;

CREATE TABLE visits (
    place   INTEGER NOT NULL REFERENCES places (id),
    date    INTEGER NOT NULL, -- Unix microseconds
    type    INTEGER NOT NULL, -- see Transition
    unknown TEXT,             -- as in places
    PRIMARY KEY (place, date, type)
) STRICT, WITHOUT ROWID;
CREATE INDEX visits_date ON visits (date);

-- Visits that the user deleted of a page that stays: the server's record still
-- has them, for its visits are a set that only grows.
CREATE TABLE visit_tombstones (
    place INTEGER NOT NULL REFERENCES places (id) ON DELETE CASCADE,
    date  INTEGER NOT NULL,
    PRIMARY KEY (place, date)
) STRICT, WITHOUT ROWID;

-- Pages that the user deleted, until the server knows.
CREATE TABLE history_tombstones (
    guid    TEXT    PRIMARY KEY,
    deleted INTEGER NOT NULL,           -- when, Unix microseconds
    seen    INTEGER NOT NULL,           -- the server time up to which the record was known then, hundredths of a second
    refused INTEGER NOT NULL DEFAULT 0  -- 1: the server refused it for ever
) STRICT, WITHOUT ROWID;

CREATE TABLE history_meta (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    global  TEXT    NOT NULL DEFAULT '',
    sync_id TEXT    NOT NULL DEFAULT '',
    since   INTEGER NOT NULL DEFAULT 0  -- server time, hundredths of a second
) STRICT;
INSERT INTO history_meta (one) VALUES (1);

-- What this sync brought, until Merge has dealt with it. A row with neither
-- payload nor err is a tombstone.
CREATE TABLE history_staged (
    n        INTEGER PRIMARY KEY,
    guid     TEXT    NOT NULL UNIQUE,
    modified INTEGER NOT NULL,
    payload  BLOB,
    err      TEXT,
    fatal    INTEGER NOT NULL DEFAULT 0 -- 1: the record breaks the rules; reading it again won't help
) STRICT;
CREATE INDEX history_staged_tombstones ON history_staged (guid) WHERE payload IS NULL AND err IS NULL;

-- The snapshot of what goes up. Rows outlive their session until the next Merge:
-- they are what the server may hold without our knowing.
CREATE TABLE history_outgoing (
    n         INTEGER PRIMARY KEY,
    guid      TEXT    NOT NULL UNIQUE,
    payload   BLOB,    -- NULL: a tombstone
    title     TEXT,    -- the payload's
    changes   INTEGER NOT NULL DEFAULT 0,
    sortindex INTEGER
) STRICT;

-- Records on the server that could not be read or applied.
CREATE TABLE history_retry (
    guid     TEXT    PRIMARY KEY,
    attempts INTEGER NOT NULL, -- 3 and more: not asked for again
    reason   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX history_retry_due ON history_retry (attempts, guid);

-- The words of each place (see package places), one row per place, under its id.
-- It holds no text of its own. Words are cut to eight letters, so that every
-- beginning of a word is a term here and no list of rows is merged from others.
CREATE VIRTUAL TABLE search USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, prefix = '1 2 3 4 5 6 7', tokenize = 'ascii'
);
