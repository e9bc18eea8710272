-- +goose Up
-- Messages that wait to be sent. Times are milliseconds since 1970.
CREATE TABLE outbox (
  owner   TEXT NOT NULL,    -- on whose account it is counted: an account's uid, or the hash of an address
  id      BLOB NOT NULL,    -- random
  kind    TEXT NOT NULL,
  body    BLOB NOT NULL,    -- encrypted: it may contain a code
  tries   INTEGER NOT NULL, -- that failed
  due_at  INTEGER NOT NULL, -- when a server may take it: later while one sends it
  ends_at INTEGER NOT NULL, -- when it is useless
  PRIMARY KEY (owner, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (kind, due_at);
