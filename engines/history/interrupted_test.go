package history

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// download is a device that gets its history from an account, five pages a transaction.
type download struct {
	*Engine
	t      *testing.T
	clock  time.Time
	then   func() // called back when the time is asked for, as in each transaction of a merge
	path   string
	server map[engine.ID]engine.Incoming
	at     engine.Timestamp
}

const arrivingPages = 32

func newDownload(t *testing.T) *download {
	d := &download{t: t, clock: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), server: make(map[engine.ID]engine.Incoming)}
	d.at = engine.Timestamp(d.clock.UnixMilli() / 10)
	for i := range arrivingPages {
		id := engine.ID(fmt.Sprintf("page%08d", i))
		d.server[id] = engine.Incoming{ID: id, Modified: d.at, Payload: fmt.Appendf(nil,
			`{"id":%q,"histUri":"https://example.org/%d","title":"Page %d","visits":[{"date":%d,"type":1},{"date":%d,"type":2}]}`,
			id, i, i, d.clock.Add(-time.Hour).UnixMicro()+int64(i), d.clock.Add(-2*time.Hour).UnixMicro())}
	}
	d.path = filepath.Join(t.TempDir(), "places.sqlite")
	d.open()
	if _, err := d.AddVisit(t.Context(), "https://mine.example/", "mine", Visit{At: d.clock.Add(-time.Minute), Type: Typed}); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *download) open() {
	var err error
	d.Engine, err = Open(context.Background(), Config{Path: d.path, Rand: rand.Reader, Now: func() time.Time {
		if d.then != nil {
			d.then()
		}
		return d.clock
	}})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = d.Close() })
	d.setBatch(5)
}

// killed is the device as it would be if it were killed now and started again.
func (d *download) killed() *download {
	k := &download{t: d.t, clock: d.clock, server: maps.Clone(d.server), at: d.at, path: filepath.Join(d.t.TempDir(), "places.sqlite")}
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(d.path + suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.t.Error(err)
		}
		if err := os.WriteFile(k.path+suffix, b, 0o600); err != nil {
			d.t.Error(err)
		}
	}
	return k
}

// sync is one whole sync; it returns how many records went up.
func (d *download) sync() (sent int) {
	d.t.Helper()
	ctx := context.Background()
	s, err := d.Begin(ctx, engine.Start{})
	if err != nil {
		d.t.Fatal(err)
	}
	var page []engine.Incoming
	for _, id := range slices.Sorted(maps.Keys(d.server)) {
		if in := d.server[id]; in.Modified > s.Since() {
			page = append(page, in)
		}
	}
	if err := s.Stage(ctx, page); err != nil {
		d.t.Fatal(err)
	}
	if _, err := s.Merge(ctx, d.at); err != nil {
		d.t.Fatal(err)
	}
	for {
		out, err := s.Outgoing(ctx, 100)
		if err != nil {
			d.t.Fatal(err)
		}
		if len(out) == 0 {
			break
		}
		d.at += 100
		r := engine.Receipt{At: d.at}
		for _, o := range out {
			r.Stored = append(r.Stored, o.ID)
			d.server[o.ID] = engine.Incoming{ID: o.ID, Modified: d.at, Payload: o.Payload}
		}
		if err := s.Uploaded(ctx, r); err != nil {
			d.t.Fatal(err)
		}
		sent += len(out)
	}
	if err := s.End(ctx, nil); err != nil {
		d.t.Fatal(err)
	}
	return sent
}

// all are the titles and the numbers of visits of all pages, by URL.
func (d *download) all() map[string]string {
	d.t.Helper()
	all := make(map[string]string)
	for p, err := range d.List(context.Background()) {
		if err != nil {
			d.t.Fatal(err)
		}
		all[p.URL] = fmt.Sprint(p.Title, " ", p.VisitCount)
	}
	return all
}

// After a process is killed while a first download is applied, the next sync completes it, and
// sends what the user had.
func TestAKillDuringAFirstDownload(t *testing.T) {
	t.Parallel()
	d := newDownload(t)
	var killed []*download
	moment := 0
	d.then = func() {
		if moment++; moment%7 == 0 {
			killed = append(killed, d.killed())
		}
	}
	d.sync()
	d.then = nil
	want := d.all()
	if len(want) != arrivingPages+1 {
		t.Fatalf("%d pages arrived", len(want)-1)
	}
	partly := 0
	for _, k := range killed {
		k.open()
		if n := len(k.all()); n > 1 && n < arrivingPages+1 {
			partly++
		}
		k.sync()
		if got := k.all(); !maps.Equal(got, want) {
			t.Fatalf("after a kill and a sync it has\n%v\nwant\n%v", got, want)
		}
		if n := k.sync(); n > 0 || len(k.server) != arrivingPages+1 {
			t.Fatalf("%d records still go up; the server has %d", n, len(k.server))
		}
	}
	if partly < 3 {
		t.Fatalf("%d of %d kills were in the middle", partly, len(killed))
	}
}

// What an app edits between two transactions of a first download stays, and goes up.
func TestAnEditDuringAFirstDownload(t *testing.T) {
	t.Parallel()
	d := newDownload(t)
	done := make(chan error, 1)
	var visited, deleted Page
	d.then = func() {
		then := d.then
		d.then = nil // the edit asks for the time too
		var here []Page
		for p, err := range d.List(context.Background()) {
			if err != nil {
				t.Error(err)
				return
			}
			if p.URL != "https://mine.example/" {
				here = append(here, p)
			}
		}
		if len(here) < 2 {
			d.then = then
			return // nothing is here yet
		}
		visited, deleted = here[0], here[1]
		before := d.db.File().WriterStats().WaitCount
		go func() {
			ctx := context.Background()
			err := d.Delete(ctx, deleted.ID)
			if err == nil {
				_, err = d.AddVisit(ctx, visited.URL, "visited", Visit{At: d.clock, Type: Link})
			}
			if err == nil {
				_, err = d.AddVisit(ctx, "https://new.example/", "new", Visit{At: d.clock, Type: Link})
			}
			done <- err
		}()
		for d.db.File().WriterStats().WaitCount == before && len(done) == 0 { // it waits for this transaction
			runtime.Gosched()
		}
	}
	d.sync()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	d.sync()
	got := d.all()
	if _, back := got[deleted.URL]; back || got[visited.URL] != "visited 3" || got["https://new.example/"] != "new 1" || len(got) != arrivingPages+1 {
		t.Fatalf("it has %v", got)
	}
	if in := d.server[deleted.ID]; in.Payload != nil {
		t.Fatal("the deletion did not go up")
	}
	if n := d.sync(); n > 0 {
		t.Fatalf("%d records still go up", n)
	}
}
