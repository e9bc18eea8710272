-- +goose Up
-- oldest program: 1
-- The signatures of requests that changed something, while a copy of such a request would be taken.
CREATE TABLE signatures (
  uid     TEXT NOT NULL,
  hash    BLOB NOT NULL, -- of what signed the request, with its time and nonce
  ends_at INTEGER NOT NULL,
  PRIMARY KEY (uid, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX signatures_ends ON signatures (ends_at);
