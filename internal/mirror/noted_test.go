package mirror

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

func note(t *testing.T, s *Store[testRecord], limit int, texts ...string) {
	t.Helper()
	must(t, s.Edit(t.Context(), func(tx *Tx[testRecord]) error { return tx.Note(texts, limit) }))
}

// wantNoted fails the test if the store has not noted just those of the texts a to f.
func wantNoted(t *testing.T, s *Store[testRecord], want string) {
	t.Helper()
	has, err := s.Noted(t.Context())
	must(t, err)
	got := ""
	for _, text := range []string{"a", "b", "c", "d", "e", "f"} {
		if has(text) {
			got += text
		}
	}
	if got != want {
		t.Errorf("noted are %q; want %q", got, want)
	}
}

func TestNotedTextsAreBoundedAndStay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := keyed(t, path, 1)
	must(t, err)
	wantNoted(t, s, "")
	note(t, s, 3, "a", "b")
	note(t, s, 3, "b", "c")
	wantNoted(t, s, "abc")
	note(t, s, 3, "d", "a", "e")
	wantNoted(t, s, "cde")
	must(t, s.Rekey(t.Context(), [32]byte{2}))
	wantNoted(t, s, "cde")
	must(t, s.Close())
	s, err = keyed(t, path, 2)
	must(t, err)
	wantNoted(t, s, "cde")
	must(t, s.Reset(t.Context(), engine.Association{Global: "next"}))
	if n, err := s.Changes(t.Context()); err != nil || n != 0 {
		t.Errorf("%d changes go up, %v; want none", n, err)
	}
	must(t, s.Rekey(t.Context(), [32]byte{}))
	wantNoted(t, s, "cde")
	must(t, s.Wipe(t.Context()))
	wantNoted(t, s, "")
	must(t, s.Close())
}

func TestNotedTextsAreNotInTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := keyed(t, path, 1)
	must(t, err)
	note(t, s, 9, "correct horse battery staple")
	must(t, s.Close())
	file, err := os.ReadFile(path)
	must(t, err)
	if bytes.Contains(file, []byte("horse")) {
		t.Error("the text is in the file")
	}
}

func TestScrubDropsTextsThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	s, err := keyed(t, filepath.Join(t.TempDir(), "x.db"), 1)
	must(t, err)
	defer s.Close()
	note(t, s, 9, "a")
	_, err = s.Scrub(t.Context())
	must(t, err)
	wantNoted(t, s, "a")
	exec(t, s, `UPDATE meta SET noted = x'01'`)
	if _, err := s.Noted(t.Context()); !errors.Is(err, engine.ErrUndecryptable) {
		t.Errorf("damaged: %v; want ErrUndecryptable", err)
	}
	_, err = s.Scrub(t.Context())
	must(t, err)
	wantNoted(t, s, "")
	note(t, s, 9, "b")
	wantNoted(t, s, "b")
}
