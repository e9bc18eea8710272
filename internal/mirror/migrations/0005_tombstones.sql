-- +goose Up
-- The deletions that are known to be on the server; see package tombstones.
CREATE TABLE tombstones (
    n       INTEGER PRIMARY KEY, -- the order in which they came
    store   TEXT    NOT NULL,    -- the collection
    id      TEXT    NOT NULL,
    account TEXT    NOT NULL,    -- whose storage it was; see engine.Start
    at      INTEGER NOT NULL,    -- the server's time of the deletion, hundredths of a second
    UNIQUE (store, id)
);
CREATE INDEX tombstones_at ON tombstones (store, at);
