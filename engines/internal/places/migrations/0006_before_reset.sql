-- +goose Up
-- Nothing ever read it: what the next merge has to look at shows in the file itself.
ALTER TABLE bookmark_meta DROP COLUMN whole;
-- From here on, places.synced is 2 where the server had the record before a reset, and
-- may have it still.
