-- +goose Up
-- What is known of each user's file without opening it. size and changed are
-- those of the file (bytes, and nanoseconds since 1970) when the rest was read: a
-- row whose file has others now says nothing.
CREATE TABLE files (
    uid      INTEGER PRIMARY KEY,
    size     INTEGER NOT NULL,
    changed  INTEGER NOT NULL,
    bytes    INTEGER NOT NULL, -- of the payloads
    modified INTEGER NOT NULL, -- the storage's, in hundredths of a second
    expires  INTEGER           -- when the first record or batch does, likewise
) STRICT;
