-- +goose Up
-- The user's tree. The roots are made when it is first opened.
CREATE TABLE bookmarks (
    n        INTEGER PRIMARY KEY,
    guid     TEXT    NOT NULL UNIQUE,
    parent   INTEGER REFERENCES bookmarks (n), -- NULL: the root of all
    position INTEGER NOT NULL,                 -- orders the siblings; there may be gaps
    kind     INTEGER NOT NULL,                 -- see Kind
    place    INTEGER REFERENCES places (id),   -- of a bookmark or query
    title    TEXT    NOT NULL DEFAULT '',
    added    INTEGER NOT NULL DEFAULT 0,       -- Unix milliseconds; 0: not known
    modified INTEGER NOT NULL DEFAULT 0,       -- Unix milliseconds
    extra    TEXT,                             -- the record's members that this program does not know, a JSON object
    changes  INTEGER NOT NULL DEFAULT 0,       -- the user's edits that are not on the server
    refused  INTEGER NOT NULL DEFAULT 0,       -- the value of changes that the server refused for ever
    version  INTEGER NOT NULL DEFAULT 1        -- counts all changes, the user's and the syncs'
) STRICT;
CREATE INDEX bookmarks_parent ON bookmarks (parent, position);
CREATE INDEX bookmarks_place ON bookmarks (place) WHERE place IS NOT NULL;
CREATE INDEX bookmarks_changed ON bookmarks (n) WHERE changes > 0;

-- Tags and keywords are the URL's: all bookmarks of it share them.
CREATE TABLE bookmark_tags (
    place INTEGER NOT NULL REFERENCES places (id),
    tag   TEXT    NOT NULL,
    PRIMARY KEY (place, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX bookmark_tags_tag ON bookmark_tags (tag);

CREATE TABLE bookmark_keywords (
    keyword TEXT    PRIMARY KEY,
    place   INTEGER NOT NULL UNIQUE REFERENCES places (id)
) STRICT, WITHOUT ROWID;

-- Items that the user deleted and the server may have, until it knows.
CREATE TABLE bookmark_tombstones (
    guid    TEXT    PRIMARY KEY,
    deleted INTEGER NOT NULL,           -- when, Unix milliseconds
    refused INTEGER NOT NULL DEFAULT 0  -- 1: the server refused it for ever
) STRICT, WITHOUT ROWID;

CREATE TABLE bookmark_meta (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    global     TEXT    NOT NULL DEFAULT '',
    sync_id    TEXT    NOT NULL DEFAULT '',
    since      INTEGER NOT NULL DEFAULT 0, -- server time, hundredths of a second
    generation INTEGER NOT NULL DEFAULT 0, -- counts the user's edits
    whole      INTEGER NOT NULL DEFAULT 1  -- 1: the next merge must look at the whole tree
) STRICT;
INSERT INTO bookmark_meta (one) VALUES (1);

-- What the server has, as far as we saw.
CREATE TABLE bookmark_mirror (
    guid     TEXT    PRIMARY KEY,
    parent   TEXT    NOT NULL,           -- as the record says; the GUID of a root, not its name there
    kind     INTEGER NOT NULL,           -- 0: a tombstone
    modified INTEGER NOT NULL,           -- server time, hundredths of a second
    merge    INTEGER NOT NULL DEFAULT 0, -- 1: the user's tree has not had it yet
    payload  BLOB                        -- NULL: a tombstone
) STRICT;
CREATE INDEX bookmark_mirror_merge ON bookmark_mirror (guid) WHERE merge = 1;

-- What this sync brought, until Merge has put it into the mirror. A row with
-- neither payload nor err is a tombstone.
CREATE TABLE bookmark_staged (
    n        INTEGER PRIMARY KEY,
    guid     TEXT    NOT NULL UNIQUE,
    parent   TEXT    NOT NULL,
    kind     INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    payload  BLOB,
    err      TEXT,
    fatal    INTEGER NOT NULL DEFAULT 0 -- 1: the record breaks the rules; reading it again won't help
) STRICT;

-- The snapshot of what goes up. Rows outlive their session until the next Merge:
-- they are what the server may hold without our knowing.
CREATE TABLE bookmark_outgoing (
    n         INTEGER PRIMARY KEY,
    guid      TEXT    NOT NULL UNIQUE,
    parent    TEXT    NOT NULL,
    kind      INTEGER NOT NULL,
    payload   BLOB,            -- NULL: a tombstone
    changes   INTEGER NOT NULL,
    sortindex INTEGER NOT NULL
) STRICT;

-- Records on the server that could not be read or applied.
CREATE TABLE bookmark_retry (
    guid     TEXT    PRIMARY KEY,
    attempts INTEGER NOT NULL, -- 3 and more: not asked for again
    reason   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bookmark_retry_due ON bookmark_retry (attempts, guid);

-- The syncs that changed something, and what each item was before.
CREATE TABLE bookmark_log (
    n       INTEGER PRIMARY KEY,
    run     TEXT    NOT NULL UNIQUE,
    at      INTEGER NOT NULL,           -- Unix milliseconds
    added   INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL DEFAULT 0,
    moved   INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    repairs TEXT,                       -- what the merge repaired: a JSON object of kinds and counts; NULL: nothing
    undone  INTEGER NOT NULL DEFAULT 0  -- Unix milliseconds; 0: it stands
) STRICT;
CREATE TABLE bookmark_kept (
    log     INTEGER NOT NULL REFERENCES bookmark_log (n) ON DELETE CASCADE,
    guid    TEXT    NOT NULL,
    before  TEXT,             -- the item, a JSON object; NULL: it was not there
    after   TEXT,             -- likewise; NULL: it is not there any more, or was added
    version INTEGER NOT NULL, -- the item's, when the sync had changed it
    PRIMARY KEY (log, guid)
) STRICT, WITHOUT ROWID;
