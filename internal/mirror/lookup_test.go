package mirror

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// looksUp returns an error if the store does not find just the records that it has.
func looksUp(s *Store[testRecord]) error {
	ctx := context.Background()
	want := map[string][]engine.ID{"record": nil}
	for r, err := range s.List(ctx) {
		if err != nil {
			return err
		}
		for _, word := range s.schema.Lookup(&r) {
			want[word] = append(want[word], r.ID)
		}
	}
	for word, ids := range want {
		var got []engine.ID
		for r, err := range s.Lookup(ctx, word) {
			if err != nil {
				return err
			}
			got = append(got, r.ID)
		}
		n, err := s.CountLookup(ctx, word)
		if err != nil {
			return err
		}
		if n != len(got) || !slices.Equal(got, ids) {
			return fmt.Errorf("%q finds %q and counts %d; want %q", word, got, n, ids)
		}
	}
	// What no record has any more is not in the table.
	var entries, records int
	if err := s.db.QueryRow(ctx, `SELECT count(*) FROM lookups`).Scan(&entries); err != nil {
		return err
	}
	records, err := s.Count(ctx)
	if err == nil && entries != 2*records {
		err = fmt.Errorf("%d entries for %d records; want two for each", entries, records)
	}
	return err
}

func TestLookupFollowsEdits(t *testing.T) {
	t.Parallel()
	for _, key := range []byte{0, 1} {
		s, err := keyed(t, filepath.Join(t.TempDir(), "x.db"), key)
		must(t, err)
		defer s.Close()
		put(t, s, "a", `{"name":"x"}`)
		put(t, s, "b", `{"name":"y"}`)
		must(t, looksUp(s))
		put(t, s, "a", `{"name":"z"}`)
		must(t, looksUp(s))
		if n, err := s.CountLookup(t.Context(), "name x"); err != nil || n != 0 {
			t.Errorf("the old name finds %d, %v", n, err)
		}
		if _, _, err := stage(t, s, engine.Start{}, 9, incoming("c", 8, `{"id":"c","name":"c"}`), incoming("a", 8, `{"id":"a","name":"z","a":1}`)); err != nil {
			t.Fatal(err)
		}
		must(t, looksUp(s))
		must(t, s.Delete(t.Context(), "a"))
		must(t, looksUp(s))
		must(t, s.Reset(t.Context(), engine.Association{}))
		must(t, looksUp(s))
		must(t, s.Clear(t.Context(), engine.Start{}))
		must(t, looksUp(s))
		put(t, s, "d", `{"name":"d"}`)
		must(t, s.Wipe(t.Context()))
		must(t, looksUp(s))
	}
}

// A file from before a version of the words is entered when it is opened, whatever is
// damaged in it.
func TestAnOldFileIsEnteredAtOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := keyed(t, path, 1)
	must(t, err)
	must(t, s.Edit(t.Context(), func(tx *Tx[testRecord]) error {
		for i := range 2*listPage + 1 {
			if err := tx.put(engine.ID(fmt.Sprintf("%05d", i)), fmt.Appendf(nil, `{"name":"n%d"}`, i)); err != nil {
				return err
			}
		}
		return nil
	}))
	exec(t, s, `DELETE FROM lookups`)
	exec(t, s, `UPDATE meta SET lookups = 0`)
	exec(t, s, `UPDATE records SET local = x'01' WHERE id = '00007'`)
	must(t, s.Close())
	s, err = keyed(t, path, 1)
	must(t, err)
	defer s.Close()
	if n, err := s.CountLookup(t.Context(), "record"); err != nil || n != 2*listPage {
		t.Errorf("%d are found, %v; want all but the damaged one", n, err)
	}
	if n, err := s.CountLookup(t.Context(), "name n400"); err != nil || n != 1 {
		t.Errorf("%d have the name, %v", n, err)
	}
}
