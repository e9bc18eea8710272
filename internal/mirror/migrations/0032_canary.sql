-- +goose Up
-- A known text, sealed with the key that the records are; see key.go. NULL: they are not
-- encrypted, or no version with a canary has opened the file yet.
ALTER TABLE meta ADD COLUMN canary BLOB;
