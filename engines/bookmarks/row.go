package bookmarks

import (
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// row is an item with what the file knows besides.
type row struct {
	Item
	n, parent, place int64
	extra            []byte
	changes, version int
}

// scanRow reads one row of sqlItem.
func scanRow(scan func(...any) error) (*row, error) {
	r := &row{}
	var added, modified int64
	var tags []byte
	err := scan(&r.n, &r.ID, &r.Parent, &r.parent, &r.Position, &r.Kind, &r.place, &r.URL, &r.Title, &added, &modified, &r.extra, &r.changes, &r.version, &r.Keyword, &tags)
	if err != nil {
		return nil, err
	}
	r.Added, r.Modified = instant(added), instant(modified)
	if len(tags) > 2 {
		err = json.Unmarshal(tags, &r.Tags)
	}
	return r, err
}

// instant is the time of Unix milliseconds; 0 is the zero time.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// find returns the item, or [engine.ErrNotFound].
func (t *tx) find(guid engine.ID) (*row, error) {
	return found(scanRow(t.QueryRow(sqlByGUID, localID(guid)).Scan))
}

func (t *tx) findRow(n int64) (*row, error) {
	return found(scanRow(t.QueryRow(sqlByRow, n).Scan))
}

func found(r *row, err error) (*row, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNotFound
	}
	return r, err
}

// rows reads all rows of a query that begins as sqlItem does.
func (t *tx) rows(query string, args ...any) (all []*row, err error) {
	rows, err := t.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanRow(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// folder returns the folder with that GUID.
func (t *tx) folder(guid engine.ID) (*row, error) {
	r, err := t.find(guid)
	if err == nil && r.Kind != Folder {
		err = ErrNotFolder
	}
	return r, err
}
