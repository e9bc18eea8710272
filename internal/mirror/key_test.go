package mirror

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// keyed opens a file with a key of that byte; 0: with none.
func keyed(t *testing.T, path string, key byte) (*Store[testRecord], error) {
	t.Helper()
	c := engine.StoreConfig{Path: path, Now: time.Now, Rand: rand.Reader}
	c.Key[0] = key
	return Open(t.Context(), testSchema(true), c)
}

// exec runs a statement on the file behind the store's back.
func exec(t *testing.T, s *Store[testRecord], query string, args ...any) {
	t.Helper()
	if err := s.update(t.Context(), func(tx *Tx[testRecord]) error { _, err := tx.exec(query, args...); return err }); err != nil {
		t.Fatal(err)
	}
}

func TestAWrongKeyIsRefusedAtOpen(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name          string
		written, read byte
		records       int
		old           bool // the file is from before there were canaries
		want          error
	}{
		{"another key", 1, 2, 1, false, engine.ErrKey},
		{"another key, and no records", 1, 2, 0, false, engine.ErrKey},
		{"another key of an old file", 1, 2, 2, true, engine.ErrKey},
		{"no key", 1, 0, 1, false, engine.ErrNoKey},
		{"no key, and no records", 1, 0, 0, false, engine.ErrNoKey},
		{"no key of an old file", 1, 0, 2, true, engine.ErrNoKey},
		{"a key of a file that is not encrypted", 0, 1, 1, false, engine.ErrNotEncrypted},
		{"the key", 1, 1, 1, false, nil},
		{"the key of an old file", 1, 1, 2, true, nil},
		{"none, of a file that is not encrypted", 0, 0, 1, false, nil},
		{"a key of an empty file that is not encrypted", 0, 1, 0, false, nil},
	} {
		path := filepath.Join(t.TempDir(), "x.db")
		s, err := keyed(t, path, x.written)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []engine.ID{"a", "b"}[:x.records] {
			put(t, s, id, `{"name":"`+string(id)+`"}`)
		}
		if x.old {
			exec(t, s, `UPDATE meta SET canary = NULL`)
		}
		must(t, s.Close())
		s, err = keyed(t, path, x.read)
		if !errors.Is(err, x.want) {
			t.Errorf("%s: error %v; want %v", x.name, err, x.want)
		}
		if err == nil {
			must(t, s.Close())
		}
		if s, err = keyed(t, path, x.written); err != nil && x.written != 0 {
			t.Errorf("%s: the right key afterwards: %v", x.name, err)
		} else if err == nil {
			must(t, s.Close())
		}
	}
}

// One damaged record does not make the key a wrong one.
func TestADamagedRecordIsNotAWrongKey(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "x.db")
		s, err := keyed(t, path, 1)
		must(t, err)
		put(t, s, "a", `{"name":"a"}`)
		put(t, s, "b", `{"name":"b"}`)
		exec(t, s, `UPDATE records SET local = x'01' WHERE id = 'a'`)
		if old {
			exec(t, s, `UPDATE meta SET canary = NULL`)
		}
		must(t, s.Close())
		if s, err = keyed(t, path, 1); err != nil {
			t.Fatalf("old %v: %v", old, err)
		}
		if _, err := s.Get(t.Context(), "b"); err != nil {
			t.Errorf("old %v: the other record: %v", old, err)
		}
		must(t, s.Close())
		if _, err := keyed(t, path, 2); !errors.Is(err, engine.ErrKey) {
			t.Errorf("old %v: another key: %v", old, err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
