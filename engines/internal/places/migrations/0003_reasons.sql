-- +goose Up
-- Why the server refused a record for ever; it counts while refused = changes.
ALTER TABLE bookmarks ADD COLUMN reason TEXT NOT NULL DEFAULT '';
CREATE INDEX bookmarks_refused ON bookmarks (n) WHERE refused > 0;
ALTER TABLE places ADD COLUMN reason TEXT NOT NULL DEFAULT '';
CREATE INDEX places_refused ON places (id) WHERE refused > 0;

-- The server time up to which the history was seen before it was reset.
ALTER TABLE history_meta ADD COLUMN past INTEGER NOT NULL DEFAULT 0;
