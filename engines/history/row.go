package history

import (
	"database/sql"
	"errors"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// row is a page as the file has it. A place that only bookmarks know is one
// without visits.
type row struct {
	id        int64
	guid      engine.ID
	url       string
	title     string
	hidden    bool
	syncable  bool
	visits    int
	lastVisit int64
	typed     int
	bookmarks int
	changes   int
	synced    bool
	had       bool // the server had it before a Reset
	baseTitle *string
	edited    int64
	unknown   []byte
	preview   string
}

func scanRow(scan func(...any) error) (*row, error) {
	var r row
	err := scan(&r.id, &r.guid, &r.url, &r.title, &r.hidden, &r.syncable, &r.visits, &r.lastVisit, &r.typed, &r.bookmarks,
		&r.changes, &r.synced, &r.had, &r.baseTitle, &r.edited, &r.unknown, &r.preview)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &r, err
}

// syncState is the value of the column synced.
func (r *row) syncState() int {
	switch {
	case r.synced:
		return 1
	case r.had:
		return 2
	}
	return 0
}

// The finders return nil if the place does not exist.

func (t *tx) byGUID(id engine.ID) (*row, error) { return scanRow(t.QueryRow(sqlByGUID, id).Scan) }

func (t *tx) byID(id int64) (*row, error) { return scanRow(t.QueryRow(sqlByID, id).Scan) }

func (t *tx) byURL(url string) (*row, error) {
	return scanRow(t.QueryRow(sqlByURL, places.HashURL(url), url).Scan)
}

// askedFor finds the page of a URL as a user gives it.
func (t *tx) askedFor(url string) (r *row, err error) {
	for _, url := range places.Spellings(url) {
		if r, err = t.byURL(url); err != nil || r != nil && r.visits > 0 {
			return r, err
		}
	}
	return r, err
}

// count notes a visit that the page did not have.
func (r *row) count(v visit) {
	r.hidden = (r.hidden || r.visits == 0) && !v.shows()
	if _, goes := storable(r.url); goes && v.sends() {
		r.syncable = true
	}
	if places.Transition(v.kind) == places.Typed {
		r.typed++
	}
	r.visits++
	r.lastVisit = max(r.lastVisit, v.date)
}

// shows reports whether a visit like this makes a page one that the user saw.
func (v *visit) shows() bool {
	kind := places.Transition(v.kind)
	return kind != places.Embed && kind != places.FramedLink && v.flags&(places.Redirected|places.Failed) == 0
}

// sends reports whether a visit like this is reason enough to send the page.
func (v *visit) sends() bool { return v.shows() && places.Transition(v.kind) != places.Download }

// insert writes a page that is new, with its visits. r.guid may be "".
func (t *tx) insert(r *row, visits []visit) error {
	if r.guid == "" {
		guid, err := t.NewGUID()
		if err != nil {
			return err
		}
		r.guid = engine.ID(guid)
	}
	visits = distinct(visits)
	for _, v := range visits {
		r.count(v)
	}
	origin, err := t.Origin(r.url)
	if err != nil {
		return err
	}
	err = t.QueryRow(sqlInsertPage, r.guid, r.url, places.HashURL(r.url), origin, r.title, r.hidden, r.syncable, r.visits, r.lastVisit, r.typed,
		frecency(visits), r.changes, r.syncState(), r.edited, text(r.unknown), r.preview).Scan(&r.id)
	if err != nil {
		return err
	}
	for _, v := range visits {
		if _, err := t.addVisit(r.id, v); err != nil {
			return err
		}
	}
	t.Index(r.id, r.url, r.title)
	t.changed = append(t.changed, r.guid)
	return nil
}

// frecency is that of a page without bookmarks that has these visits alone.
func frecency(visits []visit) int64 {
	last := make([]places.Visit, 0, 20)
	for _, v := range newest(visits, 10) {
		last = append(last, places.Visit{Date: v.date, Type: places.Transition(v.kind).Ranked(v.flags)})
	}
	return places.Frecency(last, len(visits), 0)
}

// text is an object of unknown fields as its column has it.
func text(object []byte) any {
	if object == nil {
		return nil
	}
	return string(object)
}

// addVisit adds a visit if the page does not have it, and returns how many that were.
func (t *tx) addVisit(id int64, v visit) (int64, error) {
	referrer, err := t.referrer(v.referrer)
	if err != nil {
		return 0, err
	}
	return t.Exec(sqlAddVisit, id, v.date, v.kind, text(v.unknown), int(v.flags), referrer)
}

// addVisits adds those visits that the page does not have, and counts them.
func (t *tx) addVisits(r *row, visits []visit) (added int, err error) {
	for _, v := range visits {
		n, err := t.addVisit(r.id, v)
		if err != nil {
			return added, err
		}
		if n > 0 {
			r.count(v)
			added++
		}
	}
	return added, nil
}

// noteUnknown gives visits the unknown fields that their record has, which go back with it.
func (t *tx) noteUnknown(id int64, visits []visit) error {
	for _, v := range visits {
		if v.unknown == nil {
			continue
		}
		if _, err := t.Exec(sqlNoteUnknown, id, v.date, v.kind, text(v.unknown)); err != nil {
			return err
		}
	}
	return nil
}

// save writes what has changed of a page, and ranks it where that may differ.
func (t *tx) save(r *row, ranked, worded bool) error {
	if ranked || worded {
		t.changed = append(t.changed, r.guid)
	}
	if _, err := t.Exec(sqlSavePage, r.id, r.title, r.hidden, r.syncable, r.visits, r.lastVisit, r.typed,
		r.changes, r.syncState(), r.baseTitle, r.edited, text(r.unknown), r.preview); err != nil {
		return err
	}
	if worded {
		t.Reindex(r.id)
	}
	if ranked {
		return t.Rank(r.id)
	}
	return nil
}

// last returns the page's newest visits, newest first.
func (t *tx) last(id int64, n int) (visits []visit, err error) {
	rows, err := t.Query(sqlVisits, id, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v visit
		if err := rows.Scan(&v.date, &v.kind, &v.unknown, &v.flags, &v.referrer); err != nil {
			return nil, err
		}
		visits = append(visits, v)
	}
	return visits, rows.Err()
}

// touch notes that the user changed a page, if that is of interest to others: a
// change of a page that they do not know goes up if it was visited lately.
func (t *tx) touch(r *row) error {
	// The deletion that is on its way would delete the page again.
	n, err := t.Exec(sqlRemoveTombstone, r.guid)
	if err != nil {
		return err
	}
	r.synced = r.synced || n > 0
	r.noteChange(t.Now())
	return nil
}

// noteChange counts a change that the user made at a time, if it goes up.
func (r *row) noteChange(now time.Time) {
	if r.syncable && !r.hidden && (r.synced || r.had || r.lastVisit >= now.Add(-backfill).UnixMicro()) {
		r.changes++
	}
}

// remove deletes a page from the history: a tombstone goes up if the server may
// have it. The place stays for its bookmarks.
func (t *tx) remove(r *row) error {
	if _, err := t.Exec(sqlDropUndoItemsOfPage, places.RevHost(r.url), r.url); err != nil {
		return err
	}
	known := r.synced || r.had
	if !known {
		_, sent, err := t.sent(r.guid)
		if err != nil {
			return err
		}
		known = sent
	}
	if known {
		var since engine.Timestamp
		if err := t.QueryRow(sqlSince).Scan(&since); err != nil {
			return err
		}
		if since == 0 || r.had && !r.synced {
			since = forEver // as Reset says of the tombstones that are there
		}
		if err := t.addTombstone(r.guid, since); err != nil {
			return err
		}
	}
	return t.drop(r)
}

// addTombstone adds a tombstone. seen is the server time up to which the record is
// known to be as it was deleted.
func (t *tx) addTombstone(guid engine.ID, seen engine.Timestamp) error {
	_, err := t.Exec(sqlAddTombstone, guid, t.Now().UnixMicro(), seen)
	return err
}

// drop takes a page out of the history.
func (t *tx) drop(r *row) error {
	t.changed = append(t.changed, r.guid)
	for _, query := range []string{sqlDropVisits, sqlRemoveTombstoneVisits, sqlForgetAccepted, sqlForgetUsesOfPage, sqlForgetReferrer, sqlForgetUseReferrer} {
		if _, err := t.Exec(query, r.id); err != nil {
			return err
		}
	}
	kept := row{id: r.id, guid: r.guid, url: r.url, bookmarks: r.bookmarks}
	if _, err := t.Exec(sqlSavePage, kept.id, "", false, false, 0, 0, 0, 0, 0, nil, 0, nil, ""); err != nil {
		return err
	}
	if gone, err := t.Release(r.id); err != nil || gone {
		return err
	}
	return t.save(&kept, true, true)
}

// sent is what the last snapshot had for a page: the server may hold it although
// no receipt came.
func (t *tx) sent(guid engine.ID) (s sentRecord, ok bool, err error) {
	err = t.QueryRow(sqlSent, guid).Scan(&s.payload, &s.title)
	if errors.Is(err, sql.ErrNoRows) {
		return s, false, nil
	}
	return s, err == nil, err
}

type sentRecord struct {
	payload []byte
	title   string
}

// newest returns the n newest of the visits, newest first, and leaves them in
// their order.
func newest(visits []visit, n int) []visit {
	sorted := sortedVisits(visits)
	return sorted[:min(n, len(sorted))]
}
