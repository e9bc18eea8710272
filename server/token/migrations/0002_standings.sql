-- +goose Up
-- What an operator decided about an account, by the account's uid. It outlives
-- the account's keys, and so stands apart from users.
CREATE TABLE standings (
  account  TEXT PRIMARY KEY,
  disabled INTEGER NOT NULL DEFAULT 0,
  quota    INTEGER -- bytes; 0: none; NULL: the server's
) STRICT;
