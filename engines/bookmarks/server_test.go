package bookmarks_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// account is a server's collection, and the clock of all devices.
type account struct {
	at      engine.Timestamp
	records map[engine.ID]engine.Incoming
	runs    int
}

func newAccount() *account {
	return &account{at: 179_537_000_000, records: make(map[engine.ID]engine.Incoming)}
}

func (a *account) now() time.Time { return a.at.Time() }

// tick lets time pass.
func (a *account) tick() engine.Timestamp { a.at += 100; return a.at }

// modified is when the collection was last written to.
func (a *account) modified() (at engine.Timestamp) {
	for _, in := range a.records {
		at = max(at, in.Modified)
	}
	return at
}

// put writes a record as another device.
func (a *account) put(id engine.ID, record string) {
	a.records[id] = engine.Incoming{ID: id, Modified: a.tick(), Payload: []byte(record)}
}

func (a *account) delete(id engine.ID) {
	a.records[id] = engine.Incoming{ID: id, Modified: a.tick()}
}

// record is a record's members.
func (a *account) record(t testing.TB, id engine.ID) (m map[string]any) {
	t.Helper()
	in, ok := a.records[id]
	if !ok || in.Tombstone() {
		t.Fatalf("the server has no record %s", id)
	}
	if err := json.Unmarshal(in.Payload, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// device is an engine that syncs with an account.
type device struct {
	*bookmarks.Engine
	t testing.TB
	a *account
	// start is passed to the Begin of the next sync.
	start engine.Start
	// shuffle changes the order in which records arrive.
	shuffle func([]engine.Incoming)
	// lose is after how many uploaded pages the connection breaks, so that the last receipt
	// is lost; 0: it does not break.
	lose int
	// refuse tells which records the server refuses for ever; nil: none.
	refuse func(engine.Outgoing) bool
}

func (a *account) device(t testing.TB) *device {
	t.Helper()
	e := open(t, filepath.Join(t.TempDir(), "places.sqlite"), a.now)
	t.Cleanup(func() { _ = e.Close() })
	return &device{Engine: e, t: t, a: a}
}

var errBroken = errors.New("the connection broke")

// sync is one sync; it returns what the engine merged and how many records went up.
func (d *device) sync() (engine.Merged, []engine.Outgoing) {
	d.t.Helper()
	m, out, err := d.trySync()
	if err != nil && !errors.Is(err, errBroken) {
		d.t.Fatal(err)
	}
	return m, out
}

func (d *device) trySync() (m engine.Merged, all []engine.Outgoing, err error) {
	ctx := context.Background()
	d.a.runs++
	if d.start.Run == "" {
		d.start.Run = "run " + time.Duration(d.a.runs).String()
	}
	s, err := d.Begin(ctx, d.start)
	d.start = engine.Start{}
	if err != nil {
		return m, nil, err
	}
	defer func() {
		if failed := s.End(ctx, err); err == nil {
			err = failed
		}
	}()
	var page []engine.Incoming
	for _, id := range slices.Sorted(maps.Keys(d.a.records)) {
		if in := d.a.records[id]; in.Modified > s.Since() || slices.Contains(s.Retry(), id) {
			page = append(page, in)
		}
	}
	if d.shuffle != nil {
		d.shuffle(page)
	}
	if err := s.Stage(ctx, page); err != nil {
		return m, nil, err
	}
	if m, err = s.Merge(ctx, d.a.modified()); err != nil {
		return m, nil, err
	}
	for pages := 1; ; pages++ {
		out, err := s.Outgoing(ctx, 3+1000*max(0, 1-d.lose))
		if err != nil || len(out) == 0 {
			return m, all, err
		}
		at := d.a.tick()
		r := engine.Receipt{At: at}
		for _, o := range out {
			if d.refuse != nil && d.refuse(o) {
				r.Refused = append(r.Refused, engine.Refusal{ID: o.ID, Reason: "too large", Permanent: true})
				continue
			}
			d.a.records[o.ID] = engine.Incoming{ID: o.ID, Modified: at, Payload: o.Payload}
			r.Stored = append(r.Stored, o.ID)
		}
		all = append(all, out...)
		if pages == d.lose {
			d.lose = 0
			return m, all, errBroken
		}
		if err := s.Uploaded(ctx, r); err != nil {
			return m, all, err
		}
	}
}

// add adds a bookmark.
func (d *device) add(folder engine.ID, title string) engine.ID {
	d.t.Helper()
	d.a.tick()
	it, err := d.Insert(d.t.Context(), bookmarks.Item{Parent: folder, Title: title, URL: "https://example.org/" + title}, bookmarks.End)
	if err != nil {
		d.t.Fatal(err)
	}
	return it.ID
}

func (d *device) addFolder(folder engine.ID, title string) engine.ID {
	d.t.Helper()
	d.a.tick()
	it, err := d.Insert(d.t.Context(), bookmarks.Item{Parent: folder, Kind: bookmarks.Folder, Title: title}, bookmarks.End)
	if err != nil {
		d.t.Fatal(err)
	}
	return it.ID
}

func (d *device) rename(guid engine.ID, title string) {
	d.t.Helper()
	d.a.tick()
	if _, err := d.UpdateFields(d.t.Context(), guid, bookmarks.Change{Title: &title}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) move(guid, folder engine.ID, at int) {
	d.t.Helper()
	d.a.tick()
	if err := d.Move(d.t.Context(), guid, folder, at); err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) remove(guid engine.ID) {
	d.t.Helper()
	d.a.tick()
	if err := d.Delete(d.t.Context(), guid); err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) get(guid engine.ID) bookmarks.Item {
	d.t.Helper()
	it, err := d.Get(d.t.Context(), guid)
	if err != nil {
		d.t.Fatal(err)
	}
	return it
}

// titles are the titles of a folder's items, in order; those of folders end with a slash.
func (d *device) titles(folder engine.ID) (titles []string) {
	d.t.Helper()
	items, err := d.Children(d.t.Context(), folder)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, it := range items {
		switch it.Kind {
		case bookmarks.Folder:
			it.Title += "/"
		case bookmarks.Separator:
			it.Title = "---"
		}
		titles = append(titles, it.Title)
	}
	return titles
}

func (d *device) want(folder engine.ID, want ...string) {
	d.t.Helper()
	if got := d.titles(folder); !slices.Equal(got, want) {
		d.t.Fatalf("%s holds %q; want %q", folder, got, want)
	}
}

// sound fails the test if the engine finds anything wrong.
func (d *device) sound() {
	d.t.Helper()
	c, err := d.Check(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	if len(c.Counts) > 0 {
		d.t.Fatalf("the check finds %v: %v", c.Counts, c.Faults)
	}
}
