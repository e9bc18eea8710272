-- +goose Up

-- The storage's one row: when anything in it last changed. It outlives a wipe,
-- so that time never runs backwards for a client. All times are hundredths of a
-- second since 1970.
CREATE TABLE storage (
    modified INTEGER NOT NULL
) STRICT;
INSERT INTO storage VALUES (0);

-- records and bytes count what is in the table records, expired ones included;
-- the triggers below keep them.
CREATE TABLE collections (
    number   INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    modified INTEGER NOT NULL,
    records  INTEGER NOT NULL DEFAULT 0,
    bytes    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The payload comes last, and as a blob: SQLite reads a row's other columns
-- without it, and a string may hold NUL.
CREATE TABLE records (
    collection INTEGER NOT NULL,
    id         TEXT NOT NULL,
    modified   INTEGER NOT NULL,
    sortindex  INTEGER,
    expires    INTEGER,
    payload    BLOB NOT NULL
) STRICT;

-- One index for each order of a listing. That by time holds all that decides
-- whether a row is listed, so that counting and listing IDs reads no row.
CREATE UNIQUE INDEX records_by_id ON records (collection, id);
CREATE INDEX records_by_time   ON records (collection, modified, id, expires);
CREATE INDEX records_by_weight ON records (collection, ifnull(sortindex, -1000000000), id);
CREATE INDEX records_by_expiry ON records (expires) WHERE expires IS NOT NULL;

-- +goose StatementBegin
CREATE TRIGGER records_added AFTER INSERT ON records BEGIN
    UPDATE collections SET records = records + 1, bytes = bytes + length(new.payload)
    WHERE number = new.collection;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER records_changed AFTER UPDATE OF payload ON records BEGIN
    UPDATE collections SET bytes = bytes + length(new.payload) - length(old.payload)
    WHERE number = new.collection;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER records_removed AFTER DELETE ON records BEGIN
    UPDATE collections SET records = records - 1, bytes = bytes - length(old.payload)
    WHERE number = old.collection;
END;
-- +goose StatementEnd

-- A batch waits for its commit. token is what the client knows it by.
CREATE TABLE batches (
    number     INTEGER PRIMARY KEY,
    token      TEXT NOT NULL UNIQUE,
    collection TEXT NOT NULL,
    expires    INTEGER NOT NULL,
    records    INTEGER NOT NULL DEFAULT 0,
    bytes      INTEGER NOT NULL DEFAULT 0
) STRICT;

-- fields says which of the last three the client sent (see Fields); ttl is in
-- seconds and starts to run with the commit.
CREATE TABLE batch_items (
    batch     INTEGER NOT NULL,
    id        TEXT NOT NULL,
    fields    INTEGER NOT NULL,
    sortindex INTEGER,
    ttl       INTEGER,
    payload   BLOB NOT NULL,
    UNIQUE (batch, id)
) STRICT;
