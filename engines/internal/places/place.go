package places

import (
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// Place is a row of places, as far as both engines care.
type Place struct {
	ID    int64
	GUID  string
	URL   string
	Title string
	// Hidden pages were seen only inside or on the way to others.
	Hidden bool
	// Typed and Visits count visits.
	Typed, Visits int
	// LastVisit is in Unix microseconds; 0: never.
	LastVisit int64
	// Frecency is the moment at which the page's score will have decayed to one
	// point, in Unix seconds. 0: it has none.
	Frecency int64
	// Bookmarks counts the bookmarks of this URL.
	Bookmarks int
}

// NewGUID makes an ID of the usual kind: nine random bytes as twelve base64url
// characters. Bookmarks use it too.
func (d *DB) NewGUID() (string, error) {
	var raw [9]byte
	if _, err := io.ReadFull(d.rand, raw[:]); err != nil {
		return "", fmt.Errorf("cannot make an id: %w", err)
	}
	if raw[0]>>2 == 62 { // a dash; see engine.NewID
		raw[0] |= 1 << 2
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// NewGUID makes an ID; see [DB.NewGUID].
func (t *Tx) NewGUID() (string, error) { return t.db.NewGUID() }

// Find finds the place with that very URL; see [Normalise] for what makes
// two URLs one. ok is false if it does not exist.
func (t *Tx) Find(url string) (p Place, ok bool, err error) {
	return t.place(sqlFind, hashURL(url), url)
}

// Get finds a place by its row.
func (t *Tx) Get(id int64) (p Place, ok bool, err error) { return t.place(sqlGet, id) }

// ByGUID finds a place by the ID of its record in history.
func (t *Tx) ByGUID(guid string) (p Place, ok bool, err error) { return t.place(sqlByGUID, guid) }

func (t *Tx) place(query string, args ...any) (p Place, ok bool, err error) {
	err = t.QueryRow(query, args...).Scan(&p.ID, &p.GUID, &p.URL, &p.Title, &p.Hidden, &p.Typed, &p.Visits, &p.LastVisit, &p.Frecency, &p.Bookmarks)
	if errors.Is(err, sql.ErrNoRows) {
		return Place{}, false, nil
	}
	return p, err == nil, err
}

// Ensure returns the row of the place with that URL, and makes one with a new
// GUID and without a title if it does not exist. The caller gives a new place a visit or
// a bookmark in the same transaction. The URL should come from [Normalise].
func (t *Tx) Ensure(url string) (id int64, err error) {
	if p, ok, err := t.Find(url); err != nil || ok {
		return p.ID, err
	}
	guid, err := t.NewGUID()
	if err != nil {
		return 0, err
	}
	return t.Insert(guid, url, "")
}

// Insert makes a place. There must be none with the GUID or the URL.
func (t *Tx) Insert(guid, url, title string) (id int64, err error) {
	origin, err := t.Origin(url)
	if err != nil {
		return 0, err
	}
	if err := t.QueryRow(sqlInsert, guid, url, hashURL(url), origin, title).Scan(&id); err != nil {
		return 0, err
	}
	t.Index(id, url, title)
	return id, nil
}

// SetTitle gives a place the title that it has in history, and reindexes it.
func (t *Tx) SetTitle(id int64, title string) error {
	if _, err := t.Exec(sqlSetTitle, id, title); err != nil {
		return err
	}
	t.Reindex(id)
	return nil
}

// Bookmarked is what bookmarks say about a place.
type Bookmarked struct {
	// Count is how many bookmarks the URL has.
	Count int
	// Added is when the newest was made, in Unix microseconds.
	Added int64
	// Text is what the search finds the place by besides its URL and its title:
	// the bookmarks' titles, the URL's tags and keywords, with spaces between.
	Text string
}

// SetBookmarked replaces what bookmarks say about a place, brings its frecency
// and the search up to date, and releases it if it has no bookmark any more.
func (t *Tx) SetBookmarked(id int64, b Bookmarked) error {
	var url, title, text string
	if err := t.QueryRow(sqlText, id).Scan(&url, &title, &text); err != nil {
		return err
	}
	if _, err := t.Exec(sqlSetBookmarked, id, b.Count, b.Added, b.Text); err != nil {
		return err
	}
	if b.Count == 0 {
		if gone, err := t.Release(id); err != nil || gone {
			return err
		}
	}
	if b.Text != text {
		t.Reindex(id)
	}
	return t.Rank(id)
}

// Release removes a place that has neither a visit nor a bookmark, and its
// origin with the last place of it. gone is set if it did.
func (t *Tx) Release(id int64) (gone bool, err error) {
	var origin int64
	err = t.QueryRow(sqlRelease, id).Scan(&origin)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	clear(t.origins) // this one may go
	if _, err := t.Exec(sqlDropOrigin, origin); err != nil {
		return false, err
	}
	t.note(id, wording{gone: true})
	return true, nil
}
