package bookmarks_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

// folded adapts the engine to the suite for flat collections, which knows items and no
// folders. It adds the folder that lists the items to what comes in, as another device would
// write it, and hides the folder from what goes up.
type folded struct {
	*bookmarks.Engine
	list *[]engine.ID // the server's list of Unfiled
}

type foldedSession struct {
	engine.Session
	f      *folded
	list   []engine.ID // with what was staged
	dirty  bool
	ready  []engine.Outgoing
	hidden []engine.Outgoing
	merged bool
}

func (f *folded) Begin(ctx context.Context, start engine.Start) (engine.Session, error) {
	s, err := f.Engine.Begin(ctx, start)
	return &foldedSession{Session: s, f: f, list: slices.Clone(*f.list)}, err
}

func (f *folded) Wipe(ctx context.Context) error {
	*f.list = nil
	return f.Engine.Wipe(ctx)
}

func (f *folded) Reset(ctx context.Context, a engine.Association) error {
	*f.list = nil
	return f.Engine.Reset(ctx, a)
}

func (f *folded) Changes(ctx context.Context) (int, error) {
	n, err := f.Engine.Changes(ctx)
	roots, err2 := f.ChangedRoots(ctx)
	return n - roots, cmp.Or(err, err2)
}

func (s *foldedSession) Stage(ctx context.Context, page []engine.Incoming) error {
	var at engine.Timestamp
	for _, in := range page {
		at = max(at, in.Modified)
		i := slices.Index(s.list, in.ID)
		switch {
		case in.Tombstone() && i >= 0:
			s.list, s.dirty = slices.Delete(s.list, i, i+1), true
		case in.Payload != nil && i < 0 && json.Valid(in.Payload):
			s.list, s.dirty = append(s.list, in.ID), true
		}
	}
	if s.dirty {
		children, _ := json.Marshal(s.list)
		page = append(page, engine.Incoming{ID: "unfiled", Modified: at, Payload: fmt.Appendf(nil,
			`{"id":"unfiled","type":"folder","parentid":"places","hasDupe":true,"parentName":"","title":"unfiled","children":%s}`, children)})
	}
	return s.Session.Stage(ctx, page)
}

func (s *foldedSession) Merge(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
	m, err := s.Session.Merge(ctx, at)
	if err != nil {
		return m, err
	}
	s.merged = true
	*s.f.list = s.list
	if err := s.fetch(ctx); err != nil {
		return m, err
	}
	m.Outgoing -= len(s.hidden)
	return m, nil
}

func (s *foldedSession) fetch(ctx context.Context) error {
	for {
		page, err := s.Session.Outgoing(ctx, 1000)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, out := range page {
			if bookmarks.IsRoot(bookmarks.LocalID(out.ID)) {
				s.hidden = append(s.hidden, out)
			} else {
				s.ready = append(s.ready, out)
			}
		}
	}
}

func (s *foldedSession) Outgoing(ctx context.Context, max int) ([]engine.Outgoing, error) {
	if err := s.fetch(ctx); err != nil {
		return nil, err
	}
	n := min(max, len(s.ready))
	page := s.ready[:n]
	s.ready = s.ready[n:]
	return page, nil
}

func (s *foldedSession) Uploaded(ctx context.Context, r engine.Receipt) error {
	if r.At != 0 {
		for _, out := range s.hidden {
			r.Stored = append(r.Stored, out.ID)
			if out.ID == "unfiled" {
				var record struct{ Children []engine.ID }
				if err := json.Unmarshal(out.Payload, &record); err != nil {
					return err
				}
				*s.f.list = record.Children
			}
		}
		s.hidden = nil
	}
	return s.Session.Uploaded(ctx, r)
}

func (s *foldedSession) End(ctx context.Context, cause error) error {
	if cause == nil && s.merged {
		if err := s.Uploaded(ctx, engine.Receipt{At: s.Since()}); err != nil {
			return err
		}
	}
	return s.Session.End(ctx, cause)
}

func open(t testing.TB, path string, now func() time.Time) *bookmarks.Engine {
	t.Helper()
	e, err := bookmarks.Open(context.Background(), bookmarks.Config{Path: path, Now: now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func title(i, version int) string { return fmt.Sprintf("Page %d, edition %d", i, version) }
func address(i int) string        { return fmt.Sprintf("https://example.org/%d", i) }

func harness() enginetest.Harness {
	lists := make(map[string]*[]engine.ID)
	return enginetest.Harness{
		Open: func(t testing.TB, dir string) engine.Engine {
			now := func() time.Time { return time.UnixMilli(1_795_370_000_000) }
			if lists[dir] == nil {
				lists[dir] = new([]engine.ID)
			}
			return &folded{open(t, filepath.Join(dir, "places.sqlite"), now), lists[dir]}
		},
		Close: func(t testing.TB, e engine.Engine) {
			if err := e.(*folded).Close(); err != nil {
				t.Error(err)
			}
		},
		Incoming: func(i, version int) engine.Incoming {
			id := engine.ID(fmt.Sprintf("item%08d", i))
			return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","type":"bookmark","parentid":"unfiled","hasDupe":true,`+
				`"parentName":"unfiled","dateAdded":1795360000000,"bmkUri":"%s","title":"%s"}`, id, address(i), title(i, version))}
		},
		Add: func(ctx context.Context, e engine.Engine, i int) (engine.ID, error) {
			it, err := e.(*folded).Insert(ctx, bookmarks.Item{Title: title(i, 0), URL: address(i)}, bookmarks.End)
			return it.ID, err
		},
		Edit: func(ctx context.Context, e engine.Engine, id engine.ID, version int) error {
			it, err := e.(*folded).Get(ctx, id)
			if err != nil {
				return err
			}
			var i, was int
			if _, err := fmt.Sscanf(it.Title, "Page %d, edition %d", &i, &was); err != nil {
				return err
			}
			to := title(i, version)
			_, err = e.(*folded).UpdateFields(ctx, id, bookmarks.Change{Title: &to})
			return err
		},
		Delete: func(ctx context.Context, e engine.Engine, id engine.ID) error {
			return e.(*folded).Delete(ctx, id)
		},
		Versions: func(ctx context.Context, e engine.Engine) (map[engine.ID]int, error) {
			items, err := e.(*folded).Children(ctx, bookmarks.Unfiled)
			all := make(map[engine.ID]int)
			for _, it := range items {
				var i, version int
				if _, err := fmt.Sscanf(it.Title, "Page %d, edition %d", &i, &version); err != nil {
					return nil, err
				}
				all[it.ID] = version
			}
			return all, err
		},
		Invalid:            []byte(`{"id":"item00000000","type":"bookmark","parentid":"unfiled","title":"no URL"}`),
		Duplicates:         true,
		RemembersDeletions: true,
		Unknown:            true,
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	h := harness()
	h.Many = long.Of(2000, 10_000)
	for _, story := range enginetest.Cases(h) {
		// Two bookmarks of one page in one folder may be what the user wants: once
		// both are on the server, they are two. Firefox has it so as well.
		if story.Name == "DuplicateThatWasSyncedLeavesATombstone" {
			continue
		}
		t.Run(story.Name, func(t *testing.T) { story.Run(t, h) })
	}
}
