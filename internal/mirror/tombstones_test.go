package mirror

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// withTombstones returns a store that has synced the deletions of a, by another device, and
// of b, by this one, at 2000, and was reset since.
func withTombstones(t *testing.T, schema Schema[testRecord]) *Store[testRecord] {
	t.Helper()
	c := openTest(t, schema)
	start := engine.Start{Account: "me"}
	if _, _, err := stage(t, c, start, 1000, incoming("a", 1000, `{"id":"a","name":"x"}`), incoming("b", 1000, `{"id":"b","name":"y"}`)); err != nil {
		t.Fatal(err)
	}
	if err := c.Edit(t.Context(), func(e *Tx[testRecord]) error { return e.Delete("b") }); err != nil {
		t.Fatal(err)
	}
	s, err := c.Begin(t.Context(), start)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stage(t.Context(), []engine.Incoming{{ID: "a", Modified: 1900}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Merge(t.Context(), 1900); err != nil {
		t.Fatal(err)
	}
	if out, err := s.Outgoing(t.Context(), 9); err != nil || len(out) != 1 {
		t.Fatal(out, err)
	}
	if err := s.Uploaded(t.Context(), engine.Receipt{At: 2000, Stored: []engine.ID{"b"}}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.End(t.Context(), nil), c.Reset(t.Context(), engine.Association{Global: "g"})); err != nil {
		t.Fatal(err)
	}
	return c
}

// A backup of the server that was made before a deletion does not bring back what every
// device knows to be deleted.
func TestWhatARestoredServerBringsBackIsDeletedAgain(t *testing.T) {
	t.Parallel()
	restored := []engine.Incoming{incoming("a", 1000, `{"id":"a","name":"x"}`), incoming("b", 1000, `{"id":"b","name":"y"}`)}
	for name, test := range map[string]struct {
		start engine.Start
		in    []engine.Incoming
		here  string
		up    string
	}{
		"older records": {engine.Start{Account: "me"}, restored, "", "a gone b gone"},
		"a newer record is another": {engine.Start{Account: "me"}, []engine.Incoming{incoming("a", 1950, `{"id":"a","name":"x"}`), restored[1]},
			`{"id":"a","name":"x"}`, "b gone"},
		"another account": {engine.Start{Account: "else"}, restored, `{"id":"a","name":"x"} {"id":"b","name":"y"}`, ""},
		"the account's values win": {engine.Start{Account: "me", Prefer: engine.PreferRemote}, restored,
			`{"id":"a","name":"x"} {"id":"b","name":"y"}`, "a b"},
	} {
		t.Run(name, func(t *testing.T) {
			c := withTombstones(t, testSchema(true))
			_, out, err := stage(t, c, test.start, 3000, test.in...)
			if err != nil {
				t.Fatal(err)
			}
			var up []string
			for _, o := range out {
				up = append(up, string(o.ID))
				if o.Payload == nil {
					up = append(up, "gone")
				}
			}
			if got := contents(t, c); got != test.here || strings.Join(up, " ") != test.up {
				t.Errorf("here is %s and %v goes up; want %s and %s", got, up, test.here, test.up)
			}
		})
	}
}

func TestADeletionAgainCanBeUndone(t *testing.T) {
	t.Parallel()
	c := withTombstones(t, testSchema(true))
	start := engine.Start{Account: "me", Run: "restored"}
	if _, _, err := stage(t, c, start, 3000, incoming("a", 1000, `{"id":"a","name":"x"}`)); err != nil {
		t.Fatal(err)
	}
	if done, err := c.Undo(t.Context(), ""); err != nil || done.Restored != 1 || done.Run != "restored" {
		t.Fatalf("undone: %+v, %v; want one record", done, err)
	}
	if got := contents(t, c); got != `{"id":"a","name":"x"}` {
		t.Errorf("here is %s; want a", got)
	}
}

// A restore may be made just to get back what was deleted.
func TestManyDeletionsAgainAreHeld(t *testing.T) {
	t.Parallel()
	schema := testSchema(true)
	schema.TooManyDeletions = MoreThanHalf
	c := openTest(t, schema)
	start := engine.Start{Account: "me"}
	var live, gone []engine.Incoming
	for i := range 12 {
		id := fmt.Sprint("r", i)
		live = append(live, incoming(engine.ID(id), 1000, fmt.Sprintf(`{"id":"%s","name":"%s"}`, id, id)))
		gone = append(gone, engine.Incoming{ID: engine.ID(id), Modified: 2000})
	}
	if _, _, err := stage(t, c, start, 2000, gone...); err != nil {
		t.Fatal(err)
	}
	if err := c.Reset(t.Context(), engine.Association{Global: "g"}); err != nil {
		t.Fatal(err)
	}
	var many *engine.TooManyDeletionsError
	if _, _, err := stage(t, c, start, 3000, live...); !errors.As(err, &many) || *many != (engine.TooManyDeletionsError{Deletions: 12, Total: 12}) {
		t.Fatalf("synced with %v; want 12 of 12 held", err)
	}
	start.AcceptDeletions = true
	if _, out, err := stage(t, c, start, 3000, live...); err != nil || len(out) != 12 || out[0].Payload != nil {
		t.Fatalf("%v goes up, %v; want 12 tombstones", out, err)
	}
}

// A deletion that was not sent yet is later than what a server goes back to.
func TestAnUnsentDeletionOutlivesARestore(t *testing.T) {
	t.Parallel()
	c := openTest(t, testSchema(true))
	if _, _, err := stage(t, c, engine.Start{}, 1000, incoming("a", 1000, `{"id":"a","name":"x","a":"1"}`)); err != nil {
		t.Fatal(err)
	}
	if err := c.Edit(t.Context(), func(e *Tx[testRecord]) error { return e.Delete("a") }); err != nil {
		t.Fatal(err)
	}
	if err := c.Reset(t.Context(), engine.Association{Global: "g"}); err != nil {
		t.Fatal(err)
	}
	_, out, err := stage(t, c, engine.Start{}, 3000, incoming("a", 900, `{"id":"a","name":"x","a":"0"}`))
	if err != nil || len(out) != 1 || out[0].Payload != nil {
		t.Fatalf("%v goes up, %v; want the deletion", out, err)
	}
}

func TestAWipeForgetsTheTombstones(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*Store[testRecord]) error{
		"wipe":  func(c *Store[testRecord]) error { return c.Wipe(t.Context()) },
		"clear": func(c *Store[testRecord]) error { return c.Clear(t.Context(), engine.Start{}) },
	} {
		c := withTombstones(t, testSchema(true))
		if err := forget(c); err != nil {
			t.Fatal(err)
		}
		if _, out, err := stage(t, c, engine.Start{Account: "me"}, 3000, incoming("a", 1000, `{"id":"a","name":"x"}`)); err != nil || len(out) != 0 {
			t.Fatalf("%s: %v goes up, %v; want nothing", name, out, err)
		}
		if got := contents(t, c); got != `{"id":"a","name":"x"}` {
			t.Errorf("%s: here is %s; want a", name, got)
		}
	}
}

// A record that was deleted and added again elsewhere, under another ID, is taken as it
// came: with what the old one had beside it, it would go up as an edit, and beat a deletion.
func TestWhatWasDeletedGivesNothingToWhatWasAddedAgain(t *testing.T) {
	t.Parallel()
	for name, in := range map[string][]engine.Incoming{
		"the deletion first": {{ID: "a", Modified: 20}, incoming("b", 20, `{"id":"b","name":"n"}`)},
		"the addition first": {incoming("b", 20, `{"id":"b","name":"n"}`), {ID: "a", Modified: 20}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := openTest(t, testSchema(true))
			if _, _, err := stage(t, c, engine.Start{}, 10, incoming("a", 10, `{"id":"a","name":"n","old":1}`)); err != nil {
				t.Fatal(err)
			}
			m, out, err := stage(t, c, engine.Start{}, 20, in...)
			if err != nil || m.Applied != 2 || m.Reconciled != 0 || len(out) != 0 {
				t.Errorf("%+v, %v; sent %v", m, err, out)
			}
			if got, want := contents(t, c), `{"id":"b","name":"n"}`; got != want {
				t.Errorf("there is %s; want %s", got, want)
			}
		})
	}
}
