package mirror

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

func TestUndoBringsBackJustWhatASyncTook(t *testing.T) {
	t.Parallel()
	c := openTest(t, testSchema(true))
	for _, name := range []string{"a", "b", "c", "d"} {
		put(t, c, engine.ID(name), fmt.Sprintf(`{"id":"%s","name":"%s","a":"old"}`, name, name))
	}
	upload(t, c, 1000)
	in := []engine.Incoming{
		{ID: "a", Modified: 2000},
		{ID: "b", Modified: 2000},
		incoming("c", 2000, `{"id":"c","name":"c","a":"new"}`),
		incoming("d", 2000, `{"id":"d","name":"d","a":"new"}`),
		incoming("e", 2000, `{"id":"e","name":"e"}`),
	}
	if _, _, err := stage(t, c, engine.Start{Run: "one"}, 2100, in...); err != nil {
		t.Fatal(err)
	}
	log, err := c.Log(t.Context())
	if err != nil || len(log) != 1 || log[0].Run != "one" || log[0].Deleted != 2 || log[0].Changed != 2 {
		t.Fatalf("the log is %+v, %v; want 2 changed and 2 deleted by one", log, err)
	}
	// Since then the user edited d, and added b's like.
	put(t, c, "d", `{"id":"d","name":"d","a":"newer"}`)
	put(t, c, "b2", `{"id":"b2","name":"b","a":"mine"}`)
	done, err := c.Undo(t.Context(), "")
	if want := (engine.Undone{Run: "one", Restored: 1, Reverted: 1, Kept: 2}); err != nil || done != want {
		t.Fatalf("undone: %+v, %v; want %+v", done, err, want)
	}
	got := contents(t, c)
	for _, want := range []string{`"name":"a","a":"old"`, `"name":"c","a":"old"`, `"name":"d","a":"newer"`, `"id":"b2"`, `"id":"e"`} {
		if !strings.Contains(got, want) {
			t.Errorf("here is %s; want %s in it", got, want)
		}
	}
	_, out, err := stage(t, c, engine.Start{Run: "two"}, 3000)
	if err != nil || len(out) != 4 {
		t.Errorf("%d go up, %v; want a, b2, c and d", len(out), err)
	}
	if _, err := c.Undo(t.Context(), "one"); !errors.Is(err, engine.ErrUndone) {
		t.Errorf("undone twice: %v", err)
	}
	for _, run := range []string{"", "two"} {
		if _, err := c.Undo(t.Context(), run); !errors.Is(err, engine.ErrNoRun) {
			t.Errorf("undo of %q: %v; want %v", run, err, engine.ErrNoRun)
		}
	}
	// Another device's deletion of what came back is a deletion.
	if _, _, err := stage(t, c, engine.Start{}, 4000, engine.Incoming{ID: "a", Modified: 3900}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(contents(t, c), `"id":"a"`) {
		t.Error("a is still there")
	}
	if err := c.Wipe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log, err := c.Log(t.Context()); err != nil || len(log) != 0 {
		t.Errorf("after Wipe the log is %+v, %v; want none", log, err)
	}
}

func TestClearKeepsWhatIsUnsent(t *testing.T) {
	t.Parallel()
	schema := testSchema(true)
	schema.TooManyDeletions = MoreThanHalf
	c := openTest(t, schema)
	for i := range 20 {
		put(t, c, engine.ID(fmt.Sprint("s", i)), fmt.Sprintf(`{"name":"s%d"}`, i))
	}
	upload(t, c, 1000)
	put(t, c, "s1", `{"name":"s1","a":"edited"}`)
	put(t, c, "new", `{"name":"new"}`)
	var hold *engine.TooManyDeletionsError
	if err := c.Clear(t.Context(), engine.Start{Run: "one"}); !errors.As(err, &hold) || *hold != (engine.TooManyDeletionsError{Deletions: 19, Total: 21}) {
		t.Fatalf("cleared without a word: %v; want 19 of 21 held", err)
	}
	if n, err := c.Count(t.Context()); err != nil || n != 21 {
		t.Fatalf("%d are left, %v; want all", n, err)
	}
	for range 2 { // a second time there is nothing more to take
		if err := c.Clear(t.Context(), engine.Start{Run: "one", AcceptDeletions: true}); err != nil {
			t.Fatal(err)
		}
	}
	if got := contents(t, c); got != `{"name":"s1","a":"edited","id":"s1"} {"name":"new","id":"new"}` {
		t.Fatalf("here is %s; want what was unsent", got)
	}
	if a, err := c.Association(t.Context()); err != nil || a != (engine.Association{}) {
		t.Errorf("the association is %+v, %v", a, err)
	}
	if _, out, err := stage(t, c, engine.Start{}, 3000); err != nil || len(out) != 2 {
		t.Errorf("%v goes up, %v; want what was unsent, and no tombstone", out, err)
	}
	if done, err := c.Undo(t.Context(), "one"); err != nil || done.Restored != 19 {
		t.Errorf("undone: %+v, %v; want 19", done, err)
	}
}

func TestTheLogIsBounded(t *testing.T) {
	t.Parallel()
	c := openTest(t, testSchema(true))
	for i := range 3 {
		err := c.update(t.Context(), func(tx *Tx[testRecord]) error {
			u := undoRecorder{seal: c.seal}
			for range 2 {
				if err := u.record(engine.ID(fmt.Sprint("x", i, len(u.items))), []byte("{}"), nil); err != nil {
					return err
				}
			}
			if err := tx.writeUndo(&u, fmt.Sprint("run ", i)); err != nil {
				return err
			}
			// As if it had taken away half of what is kept.
			_, err := tx.exec(`UPDATE undo_log SET deleted = ?1`, keepRecords/2)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	log, err := c.Log(t.Context())
	if err != nil || len(log) > 2 || log[0].Run != "run 2" {
		t.Fatalf("the log is %+v, %v; want the newest two at most", log, err)
	}
	var items int
	if err := c.db.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM undo_items`).Scan(&items); err != nil || items != 2*len(log) {
		t.Errorf("%d records are kept, %v; want two a sync", items, err)
	}
}
