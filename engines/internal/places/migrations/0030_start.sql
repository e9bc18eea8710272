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
CREATE INDEX origins_host ON origins (host);

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
    reason        TEXT    NOT NULL DEFAULT '',   -- why; it counts while refused = changes
    synced        INTEGER NOT NULL DEFAULT 0,    -- 1: the server has its record; 2: it had it before a reset, and may have it still
    base_title    TEXT,                          -- the server's title where the user gave another; NULL: title
    edited        INTEGER NOT NULL DEFAULT 0,    -- when the user gave it, Unix milliseconds
    unknown       TEXT,                          -- the record's fields that this program does not know, a JSON object
    -- What history keeps on this device alone.
    preview       TEXT    NOT NULL DEFAULT ''    -- the URL of an image of the page
) STRICT;
CREATE INDEX places_url ON places (url_hash);
CREATE INDEX places_origin ON places (origin, frecency);
CREATE INDEX places_frecency ON places (frecency);
-- The pages that a history shows, newest first, and how many they are.
CREATE INDEX places_last_visit ON places (last_visit) WHERE last_visit > 0 AND hidden = 0;
-- What goes up, the most important first.
CREATE INDEX places_changed ON places (frecency) WHERE changes > 0;
CREATE INDEX places_refused ON places (id) WHERE refused > 0;

-- What a person typed before picking a place; see Accept.
CREATE TABLE accepted (
    input TEXT    NOT NULL,
    place INTEGER NOT NULL REFERENCES places (id) ON DELETE CASCADE,
    until INTEGER NOT NULL, -- when its score will have decayed to one point, Unix seconds
    PRIMARY KEY (input, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX accepted_place ON accepted (place);
CREATE INDEX accepted_until ON accepted (until);

CREATE TABLE visits (
    place   INTEGER NOT NULL REFERENCES places (id),
    date    INTEGER NOT NULL, -- Unix microseconds
    type    INTEGER NOT NULL, -- see Transition
    unknown TEXT,             -- as in places
    -- What is kept on this device alone.
    flags    INTEGER NOT NULL DEFAULT 0,                          -- see Flags
    referrer INTEGER REFERENCES places (id) ON DELETE SET NULL,   -- the page that led there
    PRIMARY KEY (place, date, type)
) STRICT, WITHOUT ROWID;
CREATE INDEX visits_date ON visits (date);
CREATE INDEX visits_referrer ON visits (referrer) WHERE referrer IS NOT NULL;

-- How pages were used, as an app noted it; see history's Use.
CREATE TABLE page_uses (
    id       INTEGER PRIMARY KEY,
    place    INTEGER NOT NULL REFERENCES places (id) ON DELETE CASCADE,
    term     TEXT    NOT NULL,                             -- what was searched for
    referrer INTEGER REFERENCES places (id) ON DELETE SET NULL,
    kind     INTEGER NOT NULL,                             -- see UseKind
    began    INTEGER NOT NULL,                             -- the first note of it, and
    noted    INTEGER NOT NULL,                             -- the last; Unix milliseconds
    viewed   INTEGER NOT NULL                              -- milliseconds
) STRICT;
CREATE INDEX page_uses_place ON page_uses (place, noted);
CREATE INDEX page_uses_referrer ON page_uses (referrer) WHERE referrer IS NOT NULL;
CREATE INDEX page_uses_noted ON page_uses (noted);
CREATE INDEX page_uses_term ON page_uses (id) WHERE term <> '';

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
    -- When the user cleared this device, Unix microseconds: visits up to then that a sync
    -- brings stay away; 0: never.
    cleared INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO history_meta (one) VALUES (1);

-- The bookkeeping of syncs; see package ledger.
CREATE TABLE history_ledger (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    global  TEXT    NOT NULL DEFAULT '',
    sync_id TEXT    NOT NULL DEFAULT '',
    since   INTEGER NOT NULL DEFAULT 0, -- server time, hundredths of a second
    past    INTEGER NOT NULL DEFAULT 0  -- the largest since there was before a reset
) STRICT;
INSERT INTO history_ledger (one) VALUES (1);

-- What this sync brought, until Merge has dealt with it. A row with neither
-- payload nor err is a tombstone.
CREATE TABLE history_staged (
    n        INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    modified INTEGER NOT NULL,
    payload  BLOB,
    err      TEXT,
    fatal    INTEGER NOT NULL DEFAULT 0, -- 1: the record breaks the rules; reading it again won't help
    unread   BLOB                        -- a record that this version does not know, as it came
) STRICT;
CREATE INDEX history_staged_tombstones ON history_staged (id) WHERE payload IS NULL AND err IS NULL;

-- The snapshot of what goes up. Rows outlive their session until the next Merge:
-- they are what the server may hold without our knowing.
CREATE TABLE history_outgoing (
    n         INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL UNIQUE,
    payload   BLOB,    -- NULL: a tombstone
    title     TEXT,    -- the payload's
    changes   INTEGER NOT NULL DEFAULT 0,
    sortindex INTEGER
) STRICT;

-- Records on the server that could not be read or applied.
CREATE TABLE history_retry (
    id       TEXT    PRIMARY KEY,
    attempts INTEGER NOT NULL, -- 3 and more: not asked for again
    reason   TEXT    NOT NULL,
    -- Of a record that this version does not know; see package ledger.
    held     INTEGER NOT NULL DEFAULT 0, -- 1: what is here of it waits
    modified INTEGER NOT NULL DEFAULT 0, -- server time, hundredths of a second
    payload  BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX history_retry_due ON history_retry (attempts, id);
CREATE INDEX history_retry_held ON history_retry (id) WHERE held = 1;

-- The words of each place (see package places), one row per place, under its id.
-- It holds no text of its own. Words are cut to eight letters, so that every
-- beginning of a word is a term here and no list of rows is merged from others.
CREATE VIRTUAL TABLE search USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, prefix = '1 2 3 4 5 6 7', tokenize = 'ascii'
);

-- The syncs that took pages of the user's away, and those pages; see history's Undo.
CREATE TABLE history_log (
    n       INTEGER PRIMARY KEY,
    run     TEXT    NOT NULL UNIQUE,
    at      INTEGER NOT NULL,           -- Unix milliseconds
    deleted INTEGER NOT NULL,
    undone  INTEGER NOT NULL DEFAULT 0  -- Unix milliseconds; 0: it stands
) STRICT;
CREATE TABLE history_undo_items (
    log      INTEGER NOT NULL REFERENCES history_log (n) ON DELETE CASCADE,
    guid     TEXT    NOT NULL,
    url      TEXT    NOT NULL,
    rev_host TEXT    NOT NULL,          -- as in origins
    first    INTEGER NOT NULL,          -- the oldest visit, and
    last     INTEGER NOT NULL,          -- the newest; Unix microseconds
    record   BLOB    NOT NULL,          -- the page, as its record would have it
    preview  TEXT    NOT NULL,          -- as in places
    flags    TEXT,                      -- those of the record's visits, a JSON array; NULL: they have none
    PRIMARY KEY (log, guid)
) STRICT, WITHOUT ROWID;
CREATE INDEX history_undo_items_host ON history_undo_items (rev_host);
CREATE INDEX history_undo_items_last ON history_undo_items (last);

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
    reason   TEXT    NOT NULL DEFAULT '',      -- why; it counts while refused = changes
    version  INTEGER NOT NULL DEFAULT 1,       -- counts all changes, the user's and the syncs'
    -- The version that a sync marked as changed. While it is this one, the item goes up and
    -- nobody edited it: a deletion by another device deletes it. -1: it is an edit of what
    -- the server lost.
    resend   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX bookmarks_parent ON bookmarks (parent, position);
CREATE INDEX bookmarks_place ON bookmarks (place) WHERE place IS NOT NULL;
CREATE INDEX bookmarks_added ON bookmarks (added) WHERE kind = 1; -- of bookmarks, for the most recent
CREATE INDEX bookmarks_changed ON bookmarks (n) WHERE changes > 0;
CREATE INDEX bookmarks_refused ON bookmarks (n) WHERE refused > 0;

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
    generation INTEGER NOT NULL DEFAULT 0, -- counts the user's edits
    -- What the next merge of the whole collection is told besides: 1: another device
    -- started over, and what the server has no more goes here too; 2: the bookmarks were
    -- wiped here, and what comes is what was here before; 0: nothing.
    cleared    INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO bookmark_meta (one) VALUES (1);

-- The bookkeeping of syncs; see package ledger.
CREATE TABLE bookmark_ledger (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    global  TEXT    NOT NULL DEFAULT '',
    sync_id TEXT    NOT NULL DEFAULT '',
    since   INTEGER NOT NULL DEFAULT 0, -- server time, hundredths of a second
    past    INTEGER NOT NULL DEFAULT 0  -- the largest since there was before a reset
) STRICT;
INSERT INTO bookmark_ledger (one) VALUES (1);

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
    id       TEXT    NOT NULL UNIQUE,
    parent   TEXT    NOT NULL,
    kind     INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    payload  BLOB,
    err      TEXT,
    fatal    INTEGER NOT NULL DEFAULT 0, -- 1: the record breaks the rules; reading it again won't help
    unread   BLOB                        -- a record that this version does not know, as it came
) STRICT;

-- The snapshot of what goes up. Rows outlive their session until the next Merge:
-- they are what the server may hold without our knowing.
CREATE TABLE bookmark_outgoing (
    n         INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL UNIQUE,
    parent    TEXT    NOT NULL,
    kind      INTEGER NOT NULL,
    payload   BLOB,            -- NULL: a tombstone
    changes   INTEGER NOT NULL,
    sortindex INTEGER NOT NULL
) STRICT;

-- Records on the server that could not be read or applied.
CREATE TABLE bookmark_retry (
    id       TEXT    PRIMARY KEY,
    attempts INTEGER NOT NULL, -- 3 and more: not asked for again
    reason   TEXT    NOT NULL,
    -- Of a record that this version does not know; see package ledger.
    held     INTEGER NOT NULL DEFAULT 0, -- 1: what is here of it waits
    modified INTEGER NOT NULL DEFAULT 0, -- server time, hundredths of a second
    payload  BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX bookmark_retry_due ON bookmark_retry (attempts, id);
CREATE INDEX bookmark_retry_held ON bookmark_retry (id) WHERE held = 1;

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
CREATE TABLE bookmark_undo_items (
    log     INTEGER NOT NULL REFERENCES bookmark_log (n) ON DELETE CASCADE,
    guid    TEXT    NOT NULL,
    before  TEXT,             -- the item, a JSON object; NULL: it was not there
    after   TEXT,             -- likewise; NULL: it is not there any more, or was added
    version INTEGER NOT NULL, -- the item's, when the sync had changed it
    PRIMARY KEY (log, guid)
) STRICT, WITHOUT ROWID;

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
