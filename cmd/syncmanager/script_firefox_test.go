package main

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// firefoxSchema has the tables that an import reads from a Firefox profile's database, with the
// folders that every profile has.
const firefoxSchema = `PRAGMA journal_mode = WAL;
	CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url LONGVARCHAR, title LONGVARCHAR, hidden INTEGER DEFAULT 0 NOT NULL,
		typed INTEGER DEFAULT 0 NOT NULL);
	CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, from_visit INTEGER, place_id INTEGER, visit_date INTEGER, visit_type INTEGER);
	CREATE TABLE moz_bookmarks (id INTEGER PRIMARY KEY, type INTEGER, fk INTEGER DEFAULT NULL, parent INTEGER, position INTEGER,
		title LONGVARCHAR, dateAdded INTEGER, lastModified INTEGER, guid TEXT);
	CREATE TABLE moz_keywords (id INTEGER PRIMARY KEY AUTOINCREMENT, keyword TEXT UNIQUE, place_id INTEGER, post_data TEXT);
	INSERT INTO moz_bookmarks (id, type, parent, position, guid) VALUES (1, 2, 0, 0, 'root________'), (2, 2, 1, 0, 'menu________'),
		(3, 2, 1, 1, 'toolbar_____'), (4, 2, 1, 2, 'tags________'), (5, 2, 1, 3, 'unfiled_____'), (6, 2, 1, 4, 'mobile______');`

// firefoxRows are written last, and so are only in the write-ahead log.
const firefoxRows = `
	INSERT INTO moz_places (id, url, title) VALUES (1, 'https://log.example/', 'Log'), (2, 'no scheme', NULL);
	INSERT INTO moz_historyvisits (place_id, visit_date, visit_type) VALUES (1, 1700000000000000, 2), (2, 1700000000000000, 1);
	INSERT INTO moz_bookmarks (id, type, fk, parent, position, title, guid) VALUES
		(10, 2, NULL, 3, 0, 'Folder', 'folderAAAAAA'), (11, 1, 1, 10, 0, 'In the log', 'aaaaaaaaaaaa');`

// firefox DIR makes a profile of Firefox with a bookmark and a visit, and keeps its database
// open and locked, as a running Firefox does, until the story ends.
func cmdFirefox(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: firefox DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "places.sqlite")
	db, err := sql.Open("sqlite", path)
	ts.Check(err)
	_, err = db.Exec(firefoxSchema)
	ts.Check(errors.Join(err, db.Close()))

	db, err = sql.Open("sqlite", path+"?_pragma=wal_autocheckpoint(0)")
	ts.Check(err)
	db.SetMaxOpenConns(1)
	ts.Defer(func() { _ = db.Close() })
	_, err = db.Exec(`PRAGMA locking_mode = EXCLUSIVE;` + firefoxRows)
	ts.Check(err)
	if log, err := os.Stat(path + "-wal"); err != nil || log.Size() == 0 {
		ts.Fatalf("nothing is in the log: %v", err)
	}
}
