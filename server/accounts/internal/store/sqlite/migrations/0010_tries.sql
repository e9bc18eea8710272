-- +goose Up
-- How often something was tried in the present window: of an account, by a hash
-- that also an address without an account has, from a network of the sender, or
-- from all ('').
CREATE TABLE tries (
  what    BLOB NOT NULL,
  network TEXT NOT NULL,
  n       INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  PRIMARY KEY (what, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX tries_ends ON tries (ends_at);

-- The networks that an account was signed in from: its owner is not kept out there
-- by what strangers try elsewhere.
CREATE TABLE known_networks (
  uid     TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  network TEXT NOT NULL,
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (uid, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_networks_seen ON known_networks (seen_at);
