-- +goose Up

-- The one row of the storage: its last-modified time. It outlives a wipe, so that the
-- time never goes back for a client. All times are in hundredths of a second since 1970.
CREATE TABLE storage (
    modified INTEGER NOT NULL
) STRICT;
INSERT INTO storage VALUES (0);

-- records and bytes count the rows in the table records, expired ones included.
-- The triggers below update them.
CREATE TABLE collections (
    number   INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    modified INTEGER NOT NULL,
    records  INTEGER NOT NULL DEFAULT 0,
    bytes    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The payload is the last column, so that SQLite reads the others without it, and a
-- blob, since it may contain NUL.
CREATE TABLE records (
    collection INTEGER NOT NULL,
    id         TEXT NOT NULL,
    modified   INTEGER NOT NULL,
    sortindex  INTEGER,
    expires    INTEGER,
    payload    BLOB NOT NULL
) STRICT;

-- One index for each order of a listing. The one by time has all columns that decide
-- whether a row is listed, so that counting and listing IDs read no rows.
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

-- The batches that wait for their commit. Clients know them by token.
CREATE TABLE batches (
    number     INTEGER PRIMARY KEY,
    token      TEXT NOT NULL UNIQUE,
    collection TEXT NOT NULL,
    expires    INTEGER NOT NULL,
    records    INTEGER NOT NULL DEFAULT 0,
    bytes      INTEGER NOT NULL DEFAULT 0
) STRICT;

-- fields says which of the last three columns the client sent (see storage.Fields). ttl is in
-- seconds and begins with the commit.
CREATE TABLE batch_items (
    batch     INTEGER NOT NULL,
    id        TEXT NOT NULL,
    fields    INTEGER NOT NULL,
    sortindex INTEGER,
    ttl       INTEGER,
    payload   BLOB NOT NULL,
    UNIQUE (batch, id)
) STRICT;
