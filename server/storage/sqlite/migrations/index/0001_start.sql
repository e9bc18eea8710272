-- +goose Up
-- A summary of each user's file. size and changed are those of the file (in bytes, and
-- in nanoseconds since 1970) when the summary was read: a row whose file has others now is
-- out of date.
CREATE TABLE files (
    uid      INTEGER PRIMARY KEY,
    size     INTEGER NOT NULL,
    changed  INTEGER NOT NULL,
    bytes    INTEGER NOT NULL, -- of the payloads
    modified INTEGER NOT NULL, -- the storage's, in hundredths of a second
    expires  INTEGER           -- when the first record or batch does, likewise
) STRICT;
