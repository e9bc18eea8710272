package history_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/internal/test/long"

	"pgregory.net/rapid"
)

// server is a collection as the service keeps it.
type server struct {
	at      engine.Timestamp
	records map[engine.ID]engine.Incoming
}

// sync is one sync of a device with the server. cut stops it after so many
// batches of uploads, lost loses the receipt of the last.
func (s *server) sync(t *rapid.T, e *history.Engine, batches int, lost bool) {
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	session, err := e.Begin(ctx, engine.Start{AcceptDeletions: true})
	check(err)
	var page []engine.Incoming
	for _, id := range slices.Sorted(maps.Keys(s.records)) {
		if r := s.records[id]; r.Modified > session.Since() {
			page = append(page, r)
		}
	}
	slices.SortStableFunc(page, func(a, b engine.Incoming) int { return int(a.Modified - b.Modified) })
	check(session.Stage(ctx, page))
	_, err = session.Merge(ctx, s.at)
	check(err)
	for ; batches > 0; batches-- {
		out, err := session.Outgoing(ctx, 2)
		check(err)
		if len(out) == 0 {
			break
		}
		s.at += 100
		r := engine.Receipt{At: s.at}
		for _, o := range out {
			s.records[o.ID] = engine.Incoming{ID: o.ID, Modified: s.at, Payload: o.Payload}
			r.Stored = append(r.Stored, o.ID)
		}
		if batches == 1 && lost {
			break
		}
		check(session.Uploaded(ctx, r))
	}
	check(session.End(ctx, nil))
}

// state is what a user sees: each page with its title and visits.
func state(t *rapid.T, e *history.Engine) map[string]string {
	all := make(map[string]string)
	for p, err := range e.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if p, err = e.Get(t.Context(), p.ID); err != nil {
			t.Fatal(err)
		}
		for i := range p.Visits {
			p.Visits[i].Remote = false // on one of the two it is
		}
		all[p.URL] = fmt.Sprintf("%s %q %v", p.ID, p.Title, p.Visits)
	}
	return all
}

// Whatever two devices do, and wherever their syncs are cut short: once both have
// synced in peace, both have the same pages, none twice, no visit lost that nobody
// deleted, and there is nothing left to send.
func TestDevicesConverge(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	long.Check(t, 30, func(t *rapid.T) {
		s := &server{at: 179_537_000_000, records: make(map[engine.ID]engine.Incoming)}
		clock := now
		tick := func() time.Time { clock = clock.Add(time.Second); return clock }
		var devices []*history.Engine
		for range 2 {
			dir, err := os.MkdirTemp(root, "")
			if err != nil {
				t.Fatal(err)
			}
			e, err := openWith(dir, tick)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			devices = append(devices, e)
		}
		deleted := make(map[string]bool)
		visited := make(map[string]map[int64]bool)
		url := rapid.SampledFrom([]string{site(1), site(2), site(3)})
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			e := devices[rapid.IntRange(0, 1).Draw(t, "device")]
			u := url.Draw(t, "url")
			switch rapid.SampledFrom([]string{"visit", "visit", "title", "delete", "sync", "cut", "lost", "reset"}).Draw(t, "step") {
			case "visit":
				at := tick().Add(-time.Minute)
				if _, err := e.AddVisit(t.Context(), u, "", history.Visit{At: at}); err != nil {
					t.Fatal(err)
				}
				if visited[u] == nil {
					visited[u] = make(map[int64]bool)
				}
				visited[u][at.UnixMicro()] = true
			case "title":
				if p, err := e.GetURL(t.Context(), u); err == nil {
					if err := retitle(t.Context(), e, p.ID, rapid.StringMatching("[a-z]{3}").Draw(t, "title")); err != nil {
						t.Fatal(err)
					}
				}
			case "delete":
				if _, err := e.DeleteURL(t.Context(), u); err == nil {
					deleted[u] = true
				}
			case "sync":
				s.sync(t, e, 100, false)
			case "cut":
				s.sync(t, e, 1, false)
			case "lost":
				s.sync(t, e, 1, true)
			case "reset":
				if err := e.Reset(t.Context(), engine.Association{Global: "g"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 2 {
			for _, e := range devices {
				s.sync(t, e, 100, false)
			}
		}
		first, second := state(t, devices[0]), state(t, devices[1])
		if !maps.Equal(first, second) {
			t.Fatalf("they differ:\n%v\n%v", first, second)
		}
		for _, e := range devices {
			if n, err := e.Changes(t.Context()); err != nil || n != 0 {
				t.Fatalf("%d changes are left, %v", n, err)
			}
		}
		for u, dates := range visited {
			p, err := devices[0].GetURL(t.Context(), u)
			if deleted[u] {
				continue
			}
			if err != nil || p.VisitCount != len(dates) {
				t.Fatalf("%s has %d visits, %v; want %d", u, p.VisitCount, err, len(dates))
			}
		}
	})
}
