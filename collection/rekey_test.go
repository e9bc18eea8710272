package collection_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
)

// holds tells whether a text is in the file or its journal.
func holds(t *testing.T, path, text string) bool {
	t.Helper()
	found := false
	for _, name := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		found = found || bytes.Contains(raw, []byte(text))
	}
	return found
}

// All that a file holds is encrypted again: records, what syncs took away, what waits to be
// sent or cannot be read. The engine goes on meanwhile, and so does the sync that runs.
func TestRekey(t *testing.T) {
	t.Parallel()
	const secret = "a secret that is long enough to find"
	for name, keys := range map[string][2][32]byte{"from none": {{}, {1}}, "from another": {{1}, {2}}, "to none": {{1}, {}}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			c := newCloud()
			o := collection.Options[note]{Path: path, Key: keys[0], Now: c.now, Same: func(n note) string { return n.Title }, Valid: hasTitle}
			open := func() *collection.Engine[note] {
				t.Helper()
				e, err := collection.Open(t.Context(), "test-notes", o)
				check(t, err)
				return e
			}
			e := open()
			b := openNotes(t, c)
			for _, title := range []string{"kept " + secret, "gone " + secret, "edited " + secret} {
				add(t, e, note{ID: collection.ID(title[:4]), Title: title})
			}
			sync := func(e engine.Engine) {
				t.Helper()
				_, err := c.sync(e, engine.Start{Run: "run"})
				check(t, err)
			}
			sync(e)
			sync(b)
			check(t, b.Delete(t.Context(), "gone"))
			sync(b)
			c.records["unread"] = engine.Incoming{ID: "unread", Modified: c.at, Payload: []byte(`{"id":"unread","title":"","text":"` + secret + `"}`)}
			sync(e)
			edit(t, e, "edit", func(n *note) { n.Text = secret })

			s, err := e.Begin(t.Context(), engine.Start{})
			check(t, err)
			check(t, s.Stage(t.Context(), []engine.Incoming{{ID: "new", Modified: c.at, Payload: []byte(`{"id":"new","title":"new ` + secret + `"}`)}}))
			check(t, e.Rekey(t.Context(), keys[1]))
			_, err = s.Merge(t.Context(), c.at)
			check(t, err)
			check(t, e.Rekey(t.Context(), keys[0])) // and back, with a snapshot
			check(t, e.Rekey(t.Context(), keys[1]))
			out, err := s.Outgoing(t.Context(), 10)
			check(t, err)
			if len(out) != 1 || !bytes.Contains(out[0].Payload, []byte(secret)) {
				t.Errorf("%d records go up", len(out))
			}
			check(t, s.Uploaded(t.Context(), engine.Receipt{At: c.at, Stored: []engine.ID{"edit"}}))
			check(t, s.End(t.Context(), nil))
			if encrypted := keys[1] != [32]byte{}; holds(t, path, secret) == encrypted {
				t.Errorf("the file holds the text: %v", !encrypted)
			}

			check(t, e.Close())
			o.Key = keys[0]
			if _, err := collection.Open(t.Context(), "test-notes", o); err == nil {
				t.Error("the key from before still opens it")
			}
			o.Key = keys[1]
			e = open()
			defer e.Close()
			if n, err := e.Count(t.Context()); n != 3 || err != nil {
				t.Errorf("there are %d records, %v", n, err)
			}
			if _, err := e.Add(t.Context(), note{Title: "kept " + secret}); !errors.Is(err, engine.ErrDuplicate) {
				t.Errorf("a second one: %v", err)
			}
			if done, err := e.Undo(t.Context(), "run"); err != nil || done.Restored != 1 {
				t.Errorf("undone: %+v, %v", done, err)
			}
			wantUnreadable(t, "after Rekey", e, "unread : it has no title, outdated false, held false")
		})
	}
}

func openNotes(t *testing.T, c *cloud) *collection.Engine[note] {
	t.Helper()
	return open(t, c, collection.Options[note]{})
}

// A Rekey that does not end leaves the file as it was.
func TestARekeyThatIsStopped(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	e, err := collection.Open(t.Context(), "test-notes", collection.Options[note]{Path: path, Key: [32]byte{1}})
	check(t, err)
	n := add(t, e, note{Title: "x"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Rekey(ctx, [32]byte{2}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := e.Get(t.Context(), n.ID); err != nil {
		t.Error(err)
	}
	check(t, e.Close())
	e, err = collection.Open(t.Context(), "test-notes", collection.Options[note]{Path: path, Key: [32]byte{1}})
	check(t, err)
	check(t, e.Close())
}
