-- +goose Up
-- The storage nodes, by their root URL; '' is the server's own storage. Without a row, all
-- storages are there.
CREATE TABLE nodes (
  url      TEXT PRIMARY KEY,
  capacity INTEGER NOT NULL,           -- the most users
  users    INTEGER NOT NULL DEFAULT 0, -- the current storages there, and the moves that go there
  draining INTEGER NOT NULL DEFAULT 0, -- 1: its users are moved away, and it gets no more
  down     INTEGER NOT NULL DEFAULT 0  -- 1: it did not answer, and gets no new users
) STRICT, WITHOUT ROWID;

ALTER TABLE users ADD COLUMN node TEXT NOT NULL DEFAULT '';
CREATE INDEX users_by_node ON users (node, uid) WHERE replaced_at IS NULL;

-- The moves under way: the storage uid is copied to the storage to_uid, which has a row in users that counts as
-- replaced until the switch.
CREATE TABLE moves (
  to_uid    INTEGER PRIMARY KEY,
  to_node   TEXT NOT NULL,
  uid       INTEGER NOT NULL,
  from_node TEXT NOT NULL,
  ended     INTEGER NOT NULL DEFAULT 0 -- 1: given up, so that no switch may follow
) STRICT, WITHOUT ROWID;
