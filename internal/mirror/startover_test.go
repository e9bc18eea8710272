package mirror

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// lostKey opens a file with another key, whose owner answers that the old key is lost.
func lostKey(t *testing.T, path string, key byte, lost bool) (s *Store[testRecord], asked []string, err error) {
	t.Helper()
	at := time.Date(2026, 11, 29, 16, 0, 0, 0, time.UTC)
	c := engine.StoreConfig{Path: path, Key: [32]byte{key}, Now: func() time.Time { return at }, Rand: rand.Reader,
		KeyLost: func(aside string) bool {
			asked = append(asked, filepath.Base(aside))
			return lost
		}}
	s, err = Open(t.Context(), testSchema(true), c)
	return s, asked, err
}

func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAFileWhoseKeyIsLostIsSetAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	s, err := keyed(t, path, 1)
	must(t, err)
	put(t, s, "a", `{"name":"only here"}`)
	must(t, s.Close())

	// The key is not lost: nothing happens.
	_, asked, err := lostKey(t, path, 2, false)
	if !errors.Is(err, engine.ErrKey) || len(asked) != 1 {
		t.Fatalf("asked %q, %v; want ErrKey", asked, err)
	}
	if got := filesIn(t, dir); !slices.Equal(got, []string{"x.db"}) {
		t.Fatalf("the folder has %q", got)
	}
	// With the right key nobody is asked.
	s, asked, err = lostKey(t, path, 1, true)
	must(t, err)
	must(t, s.Close())
	if asked != nil {
		t.Fatalf("asked %q with the right key", asked)
	}

	s, asked, err = lostKey(t, path, 2, true)
	must(t, err)
	aside := "x.db.unreadable-20261129-160000"
	if !slices.Equal(asked, []string{aside}) {
		t.Errorf("asked %q", asked)
	}
	if n, err := s.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("the new file has %d records, %v", n, err)
	}
	if a, err := s.Association(t.Context()); err != nil || a != (engine.Association{}) {
		t.Errorf("the new file is in sync with %+v, %v", a, err)
	}
	put(t, s, "b", `{"name":"new"}`)
	must(t, s.Close())

	// Once more within the second: neither file is overwritten.
	s, _, err = lostKey(t, path, 3, true)
	must(t, err)
	must(t, s.Close())
	if got := filesIn(t, dir); !slices.Equal(got, []string{"x.db", aside, aside + "-2"}) {
		t.Errorf("the folder has %q", got)
	}
	for name, x := range map[string]struct {
		key byte
		id  engine.ID
	}{aside: {1, "a"}, aside + "-2": {2, "b"}} {
		old, err := keyed(t, filepath.Join(dir, name), x.key)
		must(t, err)
		if _, err := old.Get(t.Context(), x.id); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		must(t, old.Close())
	}
}

func TestAFileInUseIsNotSetAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	other, err := keyed(t, path, 1)
	must(t, err)
	put(t, other, "a", `{"name":"a"}`)
	_, asked, err := lostKey(t, path, 2, true)
	if !errors.Is(err, engine.ErrKey) || !strings.Contains(err.Error(), "another program has it open") || len(asked) != 1 {
		t.Errorf("asked %q, %v; want a file in use", asked, err)
	}
	put(t, other, "b", `{"name":"b"}`)
	if n, err := other.Count(t.Context()); err != nil || n != 2 {
		t.Errorf("the other program has %d records, %v", n, err)
	}
	must(t, other.Close())
	if got := filesIn(t, dir); !slices.Equal(got, []string{"x.db"}) {
		t.Errorf("the folder has %q", got)
	}
}

// A file that is not encrypted is not one whose key is lost.
func TestOnlyALostKeySetsAside(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		written, read byte
		want          error
	}{"not encrypted": {0, 1, engine.ErrNotEncrypted}, "opened without a key": {1, 0, engine.ErrNoKey}} {
		path := filepath.Join(t.TempDir(), "x.db")
		s, err := keyed(t, path, x.written)
		must(t, err)
		put(t, s, "a", `{"name":"a"}`)
		must(t, s.Close())
		if _, asked, err := lostKey(t, path, x.read, true); !errors.Is(err, x.want) || asked != nil {
			t.Errorf("%s: asked %q, %v", name, asked, err)
		}
	}
}
