-- +goose Up
-- What the user's edits were made on where another device deleted the record and the
-- edits beat that: it is no mirror, as the server has the record no more.
ALTER TABLE records ADD COLUMN base BLOB;
