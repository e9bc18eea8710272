-- +goose Up
-- The channels of devices that pair, where servers share them. Times are milliseconds since 1970.
CREATE TABLE channels (
  id         TEXT NOT NULL PRIMARY KEY,
  network    TEXT NOT NULL, -- of who created it
  first      TEXT NOT NULL, -- the server that the first party is connected to
  second     TEXT,          -- that of the second; NULL: nobody joined yet
  ended      INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX channels_created ON channels (created_at);
CREATE INDEX channels_network ON channels (network, created_at);

-- What waits for a party at another server, which reads it within a second.
CREATE TABLE channel_messages (
  server  TEXT NOT NULL,    -- that it is for
  channel TEXT NOT NULL,
  n       INTEGER NOT NULL, -- in the order in which they were sent
  body    TEXT NOT NULL,    -- JSON
  sent_at INTEGER NOT NULL,
  PRIMARY KEY (server, channel, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX channel_messages_sent ON channel_messages (sent_at);
