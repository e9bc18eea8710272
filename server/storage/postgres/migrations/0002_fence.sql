-- oldest program: 1
-- fenced says that the user's storage takes no writes, since it is being moved.
ALTER TABLE storage_users ADD COLUMN fenced boolean NOT NULL DEFAULT false;
