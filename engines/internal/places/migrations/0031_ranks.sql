-- +goose Up
-- The frecency of a place by its row: a search sorts thousands of rows by it, and the rows
-- themselves are wide.
CREATE INDEX places_rank ON places (id, frecency);
