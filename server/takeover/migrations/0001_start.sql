-- +goose Up
-- What was taken over of an account, so that a second run takes only the difference. Times are in
-- hundredths of a second since 1970.
CREATE TABLE takeovers (
  account  TEXT    PRIMARY KEY,
  uid      INTEGER NOT NULL, -- of the storage here
  source   INTEGER NOT NULL, -- the last-modified time of the storage there
  modified INTEGER NOT NULL, -- and here; 0: devices have written here since
  hash     BLOB    NOT NULL  -- of all records and times there
) STRICT;
