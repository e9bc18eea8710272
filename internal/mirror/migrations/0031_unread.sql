-- +goose Up
-- Records that this version of the program does not know; see package ledger.
ALTER TABLE staged ADD COLUMN unread BLOB;
ALTER TABLE retry ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE retry ADD COLUMN modified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE retry ADD COLUMN payload BLOB;
CREATE INDEX retry_held ON retry (id) WHERE held = 1;
