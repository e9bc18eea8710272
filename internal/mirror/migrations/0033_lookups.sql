-- +goose Up
-- The words by which records are found; see lookup.go. Where records are encrypted, key is
-- a MAC.
CREATE TABLE lookups (
    key BLOB    NOT NULL,
    n   INTEGER NOT NULL REFERENCES records (n) ON DELETE CASCADE,
    PRIMARY KEY (key, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX lookups_record ON lookups (n);
-- Which version of the words all records are entered with; 0: none.
ALTER TABLE meta ADD COLUMN lookups INTEGER NOT NULL DEFAULT 0;
