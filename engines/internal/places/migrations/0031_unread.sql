-- +goose Up
-- Records that this version of the program does not know; see package ledger.
ALTER TABLE history_staged ADD COLUMN unread BLOB;
ALTER TABLE history_retry ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE history_retry ADD COLUMN modified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE history_retry ADD COLUMN payload BLOB;
CREATE INDEX history_retry_held ON history_retry (id) WHERE held = 1;
ALTER TABLE bookmark_staged ADD COLUMN unread BLOB;
ALTER TABLE bookmark_retry ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bookmark_retry ADD COLUMN modified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bookmark_retry ADD COLUMN payload BLOB;
CREATE INDEX bookmark_retry_held ON bookmark_retry (id) WHERE held = 1;
