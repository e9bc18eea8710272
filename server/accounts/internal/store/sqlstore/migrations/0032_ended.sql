-- +goose Up
-- oldest program: 1
-- The accounts of which a session or a refresh token ended, until all storage nodes were told.
CREATE TABLE ended_sessions (
  uid TEXT PRIMARY KEY,
  at  INTEGER NOT NULL -- when that was read first; 0: not yet
) STRICT, WITHOUT ROWID;
CREATE INDEX ended_sessions_at ON ended_sessions (at);
