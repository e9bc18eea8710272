package mirror

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// What cannot be decrypted is fetched again, by its ID, and what only this device had is
// named as lost; what can be read stays.
func TestScrub(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := keyed(t, path, 1)
	must(t, err)
	defer s.Close()
	var server []engine.Incoming
	for _, id := range []engine.ID{"good", "damaged", "edited", "deleted", "both"} {
		server = append(server, incoming(id, 8, fmt.Sprintf(`{"id":"%s","name":"%s","a":"server"}`, id, id)))
	}
	if _, _, err := stage(t, s, engine.Start{}, 9, server...); err != nil {
		t.Fatal(err)
	}
	put(t, s, "edited", `{"name":"edited","a":"here"}`)
	put(t, s, "both", `{"name":"both","a":"here"}`)
	put(t, s, "mine", `{"name":"mine"}`)
	must(t, s.Delete(ctx, "deleted"))
	exec(t, s, `UPDATE records SET mirror = x'01' WHERE id IN ('damaged', 'edited', 'deleted', 'both')`)
	exec(t, s, `UPDATE records SET local = x'01' WHERE id IN ('both', 'mine')`)

	if _, err := s.Get(ctx, "damaged"); !errors.Is(err, engine.ErrUndecryptable) {
		t.Errorf("a damaged record is %v; want ErrUndecryptable", err)
	}
	done, err := s.Scrub(ctx)
	if err != nil || done != (engine.Scrubbed{Again: 3, Lost: 1}) {
		t.Fatalf("scrubbed %+v, %v; want 3 again and 1 lost", done, err)
	}
	if again, err := s.Scrub(ctx); err != nil || again != (engine.Scrubbed{}) {
		t.Errorf("scrubbed again: %+v, %v", again, err)
	}
	must(t, looksUp(s))
	have := func() (all []string) {
		for r, err := range s.List(ctx) {
			must(t, err)
			o, err := parse(r.payload)
			must(t, err)
			all = append(all, string(r.ID)+" "+string(o.get("a")))
		}
		slices.Sort(all)
		return all
	}
	if got, want := have(), []string{`edited "here"`, `good "server"`}; !slices.Equal(got, want) {
		t.Errorf("%q are left; want %q", got, want)
	}

	session, err := s.Begin(ctx, engine.Start{})
	must(t, err)
	if got, want := session.Retry(), []engine.ID{"both", "damaged", "edited"}; !slices.Equal(got, want) {
		t.Errorf("the next sync asks for %q; want %q", got, want)
	}
	must(t, session.End(ctx, nil))
	_, out, err := stage(t, s, engine.Start{}, 10, server[1], server[2], server[4])
	must(t, err)
	var sent []string
	for _, o := range out {
		sent = append(sent, fmt.Sprint(o.ID, " ", o.Payload != nil))
	}
	slices.Sort(sent)
	if want := []string{"deleted false", "edited true"}; !slices.Equal(sent, want) {
		t.Errorf("%q go up; want %q", sent, want)
	}
	if got, want := have(), []string{`both "server"`, `damaged "server"`, `edited "here"`, `good "server"`}; !slices.Equal(got, want) {
		t.Errorf("%q are here; want %q", got, want)
	}
	if session, err = s.Begin(ctx, engine.Start{}); err != nil || len(session.Retry()) != 0 {
		t.Errorf("%q are asked for once more, %v", session.Retry(), err)
	}
	must(t, session.End(ctx, nil))
}

// What is damaged beside the records stops neither a sync nor an undo.
func TestScrubLooksAtAllPayloads(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := keyed(t, filepath.Join(t.TempDir(), "x.db"), 1)
	must(t, err)
	defer s.Close()
	if _, _, err := stage(t, s, engine.Start{}, 9, incoming("a", 8, `{"id":"a","name":"a"}`), incoming("b", 8, `{"id":"b","name":"b"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := stage(t, s, engine.Start{Run: "run"}, 11, engine.Incoming{ID: "a", Modified: 10}, engine.Incoming{ID: "b", Modified: 10}); err != nil {
		t.Fatal(err)
	}
	exec(t, s, `UPDATE undo_items SET before = x'01' WHERE id = 'a'`)
	exec(t, s, `INSERT INTO outgoing (id, payload, changes) VALUES ('c', x'01', 1)`)
	exec(t, s, `INSERT INTO retry (id, attempts, reason, held, payload) VALUES ('d', 3, 'newer', 1, x'01')`)
	if _, err := s.Undo(ctx, "run"); !errors.Is(err, engine.ErrUndecryptable) {
		t.Fatalf("undone with %v; want ErrUndecryptable", err)
	}
	if done, err := s.Scrub(ctx); err != nil || done != (engine.Scrubbed{Again: 1}) {
		t.Errorf("scrubbed %+v, %v; want one again", done, err)
	}
	if done, err := s.Undo(ctx, "run"); err != nil || done.Restored != 1 {
		t.Errorf("undone %+v, %v; want one restored", done, err)
	}
	session, err := s.Begin(ctx, engine.Start{})
	must(t, err)
	if got := session.Retry(); !slices.Equal(got, []engine.ID{"d"}) {
		t.Errorf("the next sync asks for %q", got)
	}
	must(t, session.End(ctx, nil))
}

func TestDeleteAll(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := keyed(t, filepath.Join(t.TempDir(), "x.db"), 1)
	must(t, err)
	defer s.Close()
	const many = 2*listPage + 7
	must(t, s.Edit(ctx, func(tx *Tx[testRecord]) error {
		for i := range many {
			if err := tx.put(engine.ID(fmt.Sprintf("%05d", i)), fmt.Appendf(nil, `{"name":"n%d"}`, i)); err != nil {
				return err
			}
		}
		return nil
	}))
	if _, out, err := stage(t, s, engine.Start{}, 9); err != nil || len(out) != many {
		t.Fatalf("%d go up, %v", len(out), err)
	}
	put(t, s, "mine", `{"name":"mine"}`)
	if n, err := s.DeleteAll(ctx); err != nil || n != many+1 {
		t.Errorf("%d were deleted, %v", n, err)
	}
	if n, err := s.Count(ctx); err != nil || n != 0 {
		t.Errorf("%d are left, %v", n, err)
	}
	if n, err := s.DeleteAll(ctx); err != nil || n != 0 {
		t.Errorf("%d were deleted again, %v", n, err)
	}
	_, out, err := stage(t, s, engine.Start{}, 10)
	if err != nil || len(out) != many || slices.ContainsFunc(out, func(o engine.Outgoing) bool { return o.Payload != nil }) {
		t.Errorf("%d go up, %v; want a deletion of each that the server has", len(out), err)
	}
	if freed, err := s.Maintain(ctx); err != nil || freed <= 0 {
		t.Errorf("%d bytes were freed, %v", freed, err)
	}
}
