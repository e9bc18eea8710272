-- +goose Up
-- Why the server refused the record for ever; it counts while refused = changes.
ALTER TABLE records ADD COLUMN reason TEXT NOT NULL DEFAULT '';
CREATE INDEX records_refused ON records (n) WHERE refused > 0;
