-- +goose Up
-- What the next merge of the whole collection is told besides: 1: another device
-- started over, and what the server has no more goes here too; 2: the bookmarks were
-- wiped here, and what comes is what was here before; 0: nothing.
ALTER TABLE bookmark_meta ADD COLUMN cleared INTEGER NOT NULL DEFAULT 0;
