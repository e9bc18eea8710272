package mirror

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

func openTest(t testing.TB, schema Schema[testRecord]) *Store[testRecord] {
	t.Helper()
	c, err := open(t.Context(), schema, engine.StoreConfig{Path: filepath.Join(t.TempDir(), "x.db"), Now: time.Now, Rand: rand.Reader}, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestThreeWay(t *testing.T) {
	t.Parallel()
	schema := Schema[testRecord]{Collection: "test", Nested: []Nested{{Name: "entry"}}, Sticky: []string{"uses"}}
	for _, x := range []struct {
		name                string
		base, local, remote string
		localNewer          bool
		prefer              engine.Side
		want                string
		send                bool
	}{
		{"one side each", `{"a":1,"b":1}`, `{"a":2,"b":1}`, `{"a":1,"b":3}`, false, 0, `{"a":2,"b":3}`, true},
		{"both the same", `{"a":1}`, `{"a":2}`, `{"a":2}`, false, 0, `{"a":2}`, false},
		{"both, remote newer", `{"a":1}`, `{"a":2}`, `{"a":3}`, false, 0, `{"a":3}`, false},
		{"both, local newer", `{"a":1}`, `{"a":2}`, `{"a":3}`, true, 0, `{"a":2}`, true},
		{"both, local preferred", `{"a":1}`, `{"a":2}`, `{"a":3}`, false, engine.PreferLocal, `{"a":2}`, true},
		{"both, remote preferred", `{"a":1}`, `{"a":2}`, `{"a":3}`, true, engine.PreferRemote, `{"a":3}`, false},
		{"taken away here", `{"a":1,"b":1}`, `{"b":1}`, `{"a":1,"b":2}`, false, 0, `{"b":2}`, true},
		{"taken away there", `{"a":1,"b":1}`, `{"a":1,"b":2}`, `{"b":1}`, false, 0, `{"b":2}`, true},
		{"added on both sides", `{}`, `{"a":1}`, `{"b":{"x":[1, 2]}}`, false, 0, `{"b":{"x":[1, 2]},"a":1}`, true},
		{"no past", ``, `{"a":1,"b":1}`, `{"a":2,"c":1}`, false, 0, `{"a":2,"c":1,"b":1}`, true},
		{"null is absent", `{"a":null}`, `{}`, `{"a":null}`, false, 0, `{"a":null}`, false},
		{"written otherwise", `{"a":"ü","n":1}`, `{"n":1,"a":"\u00fc"}`, `{"a":"ü","n":2}`, false, 0, `{"a":"ü","n":2}`, false},
		{"large numbers differ", `{"n":9007199254740992}`, `{"n":9007199254740993}`, `{"n":9007199254740992}`, false, 0, `{"n":9007199254740993}`, true},
		{"nested, one side each", `{"entry":{"x":1,"y":1}}`, `{"entry":{"x":2,"y":1}}`, `{"entry":{"x":1,"y":2}}`, false, 0, `{"entry":{"x":2,"y":2}}`, true},
		{"not nested", `{"other":{"x":1,"y":1}}`, `{"other":{"x":2,"y":1}}`, `{"other":{"x":1,"y":2}}`, false, 0, `{"other":{"x":1,"y":2}}`, false},
		{"nested and no object", `{"entry":{"x":1}}`, `{"entry":{"x":2}}`, `{"entry":7}`, false, 0, `{"entry":7}`, false},
		{"sticky is not taken away", `{"uses":5,"a":1}`, `{"uses":5,"a":1}`, `{"a":2}`, false, 0, `{"a":2,"uses":5}`, false},
		{"sticky changed here", `{"uses":5,"a":1}`, `{"uses":6,"a":1}`, `{"a":2}`, false, 0, `{"a":2,"uses":6}`, true},
		{"the id is the account's", `{"id":"1"}`, `{"id":"2","a":1}`, `{"id":"3"}`, true, engine.PreferLocal, `{"id":"3","a":1}`, true},
		{"twice in one text", `{"a":1}`, `{"a":9,"a":1}`, `{"a":2}`, false, 0, `{"a":2}`, false},
	} {
		c := newStore(schema, engine.StoreConfig{})
		s := sides{local: []byte(x.local), remote: []byte(x.remote), changed: true, localNewer: x.localNewer, prefer: x.prefer}
		if x.base != "" {
			s.base = []byte(x.base)
		}
		got, send, err := c.threeWay(s)
		if err != nil || string(got.payload) != x.want || send != x.send {
			t.Errorf("%s: %s, send %v, %v; want %s, %v", x.name, got.payload, send, err, x.want, x.send)
		}
	}
}

func TestResolveAndWholeRecordFallback(t *testing.T) {
	t.Parallel()
	schema := Schema[testRecord]{
		Collection: "test",
		Check: func(r *testRecord) (k Keys, err error) {
			if strings.Contains(string(r.payload), "form") && strings.Contains(string(r.payload), "realm") {
				return k, errors.New("both")
			}
			return k, nil
		},
		Resolve: func(c Conflict) ([]byte, bool) {
			if c.Field == "sum" {
				return fmt.Appendf(nil, `"%s%s%s, %s, %s"`, c.Base, c.Local, c.Remote, c.LocalField("other"), c.RemoteField("other")), true
			}
			return nil, false
		},
	}
	c := newStore(schema, engine.StoreConfig{})
	got, send, err := c.threeWay(sides{base: []byte(`{"sum":1}`), local: []byte(`{"sum":2,"other":4}`), remote: []byte(`{"sum":3,"other":5}`)})
	if err != nil || !send || string(got.payload) != `{"sum":"123, 4, 5","other":5}` {
		t.Errorf("resolved to %s, %v", got.payload, err)
	}
	for newer, want := range map[bool]string{true: `{"id":"r","form":1}`, false: `{"id":"r","realm":1}`} {
		got, send, err := c.threeWay(sides{base: []byte(`{}`), local: []byte(`{"id":"l","form":1}`), remote: []byte(`{"id":"r","realm":1}`), localNewer: newer})
		if err != nil || send != newer || string(got.payload) != want {
			t.Errorf("local newer %v: %s, send %v, %v; want %s", newer, got.payload, send, err, want)
		}
	}
}

func put(t testing.TB, c *Store[testRecord], id engine.ID, payload string) {
	t.Helper()
	if err := c.Edit(t.Context(), func(e *Tx[testRecord]) error { return e.put(id, []byte(payload)) }); err != nil {
		t.Fatal(err)
	}
}

func TestPutThatChangesNothingIsNoChange(t *testing.T) {
	t.Parallel()
	c := openTest(t, testSchema(true))
	put(t, c, "a", `{"name":"x","a":1}`)
	if _, _, err := stage(t, c, engine.Start{}, 5); err != nil {
		t.Fatal(err)
	}
	c.OnChange(func() { t.Error("it told of a change") })
	put(t, c, "a", `{"a":1, "name":"x", "b":null}`)
	if n, err := c.Changes(t.Context()); err != nil || n != 0 {
		t.Fatalf("%d changes, %v; want none", n, err)
	}
}

// stage is a whole sync.
func stage[R any](t testing.TB, c *Store[R], start engine.Start, at engine.Timestamp, in ...engine.Incoming) (engine.Merged, []engine.Outgoing, error) {
	t.Helper()
	ctx := t.Context()
	s, err := c.Begin(ctx, start)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stage(ctx, in); err != nil {
		t.Fatal(err)
	}
	m, err := s.Merge(ctx, at)
	if err != nil {
		if err := s.End(ctx, err); err != nil {
			t.Fatal(err)
		}
		return m, nil, err
	}
	var all []engine.Outgoing
	for {
		out, err := s.Outgoing(ctx, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(out) == 0 {
			break
		}
		all = append(all, out...)
		r := engine.Receipt{At: at}
		for _, o := range out {
			r.Stored = append(r.Stored, o.ID)
		}
		if err := s.Uploaded(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.End(ctx, nil); err != nil {
		t.Fatal(err)
	}
	return m, all, nil
}

func TestManyDeletionsAreHeld(t *testing.T) {
	t.Parallel()
	schema := testSchema(true)
	schema.TooManyDeletions = func(deletions, total int) bool { return deletions > total/2 }
	c := openTest(t, schema)
	var in, gone []engine.Incoming
	for i := range 4 {
		id := engine.ID(fmt.Sprint(i))
		in = append(in, engine.Incoming{ID: id, Modified: 1, Payload: fmt.Appendf(nil, `{"id":"%d","name":"n%d"}`, i, i)})
		gone = append(gone, engine.Incoming{ID: id, Modified: 2})
	}
	if _, _, err := stage(t, c, engine.Start{}, 1, in...); err != nil {
		t.Fatal(err)
	}
	_, _, err := stage(t, c, engine.Start{}, 2, gone...)
	var hold *engine.TooManyDeletionsError
	if !errors.As(err, &hold) || *hold != (engine.TooManyDeletionsError{Deletions: 4, Total: 4}) {
		t.Fatalf("error %v; want 4 of 4 held", err)
	}
	if n, err := c.Count(t.Context()); err != nil || n != 4 {
		t.Fatalf("%d are left, %v; want all", n, err)
	}
	s, err := c.Begin(t.Context(), engine.Start{})
	if err != nil || s.Since() != 1 {
		t.Fatalf("Since is %v after a hold, %v; want 1", s.Since(), err)
	}
	if _, _, err := stage(t, c, engine.Start{AcceptDeletions: true}, 2, gone...); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Count(t.Context()); err != nil || n != 0 {
		t.Fatalf("%d are left, %v; want none", n, err)
	}
}

func TestFileOfAnotherCollectionIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	for i, name := range []string{"one", "one", "two"} {
		c, err := open(t.Context(), Schema[testRecord]{Collection: name}, engine.StoreConfig{Path: path, Now: time.Now}, 0)
		if i < 2 {
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		} else if err == nil {
			t.Fatal("a second engine got the file of the first")
		}
	}
}

func TestFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	c, err := open(t.Context(), testSchema(true), engine.StoreConfig{Path: path, Now: time.Now}, 60)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	put(t, c, "mine", `{"name":"mine"}`)
	s, err := c.Begin(t.Context(), engine.Start{})
	if err != nil {
		t.Fatal(err)
	}
	filler := strings.Repeat("x", 1000)
	for i := 0; err == nil && i < 1000; i++ {
		err = s.Stage(t.Context(), []engine.Incoming{{ID: engine.ID(fmt.Sprint(i)), Payload: fmt.Appendf(nil, `{"name":"%d","a":"%s"}`, i, filler)}})
	}
	if !errors.Is(err, sqlite.ErrFull) {
		t.Fatalf("error %v; want a full disk", err)
	}
	if err := s.End(t.Context(), err); err != nil {
		t.Fatalf("End: %v", err)
	}
	if _, out, err := stage(t, c, engine.Start{}, 9); err != nil || len(out) != 1 {
		t.Fatalf("after room was made: %d go up, %v; want the user's record", len(out), err)
	}
}

func TestLargeRecordsComeInShortPages(t *testing.T) {
	t.Parallel()
	c := openTest(t, testSchema(true))
	for i := range 5 {
		put(t, c, engine.ID(fmt.Sprint(i)), fmt.Sprintf(`{"name":"%d","a":"%s"}`, i, strings.Repeat("x", 2<<20)))
	}
	s, err := c.Begin(t.Context(), engine.Start{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Merge(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for {
		page, err := s.Outgoing(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		sizes = append(sizes, len(page))
	}
	if fmt.Sprint(sizes) != "[2 2 1]" {
		t.Fatalf("pages of %v records of 2 MiB; want [2 2 1]", sizes)
	}
}

func TestPatchKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	fields := newFieldSet([]string{"id", "a", "b", "c", "in.a", "in.b", "odd.a"})
	got, err := patch([]byte(`{"id":"1","z":1.50,"a":"\u00fc","b":1,"c":null,"in":{"z":1.50,"a":1,"b":2},"odd":7}`),
		nil, []byte(`{"a":"ü","c":3,"id":"1","in":{"b":3},"odd":{"a":1}}`), fields)
	if want := `{"id":"1","z":1.50,"a":"\u00fc","c":3,"in":{"z":1.50,"b":3},"odd":{"a":1}}`; err != nil || string(got) != want {
		t.Fatalf("patched to %s, %v; want %s", got, err, want)
	}
}

// What R does not know of an element stays with that element, wherever it is now.
func TestPatchKeepsWhatItDoesNotKnowInLists(t *testing.T) {
	fields := newFieldSet([]string{"id", "l.[].id", "l.[].a", "l.[].b", "l.[].in.a", "m.{}.a"})
	for _, x := range []struct{ name, old, seen, written, want string }{
		{"one edited", `[{"a":1,"z":1},{"a":2,"z":2}]`, `[{"a":1},{"a":2}]`, `[{"a":1},{"a":3}]`, `[{"a":1,"z":1},{"a":3,"z":2}]`},
		{"all edited", `[{"a":1,"z":1},{"a":2,"z":2}]`, `[{"a":1},{"a":2}]`, `[{"a":4},{"a":3}]`, `[{"a":4,"z":1},{"a":3,"z":2}]`},
		{"one added before", `[{"a":1,"z":1}]`, `[{"a":1}]`, `[{"a":0},{"a":1}]`, `[{"a":0},{"a":1,"z":1}]`},
		{"one taken out", `[{"a":1,"z":1},{"a":2,"z":2}]`, `[{"a":1},{"a":2}]`, `[{"a":2}]`, `[{"a":2,"z":2}]`},
		{"moved", `[{"a":1,"z":1},{"a":2,"z":2}]`, `[{"a":1},{"a":2}]`, `[{"a":2},{"a":1}]`, `[{"a":2,"z":2},{"a":1,"z":1}]`},
		{"known by the id", `[{"id":"x","a":1,"z":1},{"id":"y","a":1,"z":2}]`, `[{"id":"x","a":1},{"id":"y","a":1}]`, `[{"id":"y","a":5},{"id":"n"}]`, `[{"id":"y","a":5,"z":2},{"id":"n"}]`},
		{"known by most values", `[{"a":1,"b":1,"z":1},{"a":2,"b":2,"z":2}]`, `[{"a":1,"b":1},{"a":2,"b":2}]`, `[{"a":2,"b":3}]`, `[{"a":2,"b":3,"z":2}]`},
		{"another one", `[{"a":1,"z":1},{"a":2,"z":2}]`, `[{"a":1},{"a":2}]`, `[{"a":7}]`, `[{"a":7}]`},
		{"two alike", `[{"a":1,"z":1},{"a":1,"z":2}]`, `[{"a":1},{"a":1}]`, `[{"a":1},{"a":1},{"a":2}]`, `[{"a":1,"z":1},{"a":1,"z":2},{"a":2}]`},
		{"written otherwise", `[{"a":1.0,"b":null,"z":1}]`, `[{"a":1,"b":""}]`, `[{"a":1,"b":""},{"a":2}]`, `[{"a":1,"b":"","z":1},{"a":2}]`},
		{"within it", `[{"a":1,"in":{"a":1,"z":1}}]`, `[{"a":1,"in":{"a":1}}]`, `[{"a":1,"in":{"a":2}}]`, `[{"a":1,"in":{"a":2,"z":1}}]`},
		{"not a list", `7`, `[]`, `[{"a":1}]`, `[{"a":1}]`},
		{"emptied", `[{"a":1,"z":1}]`, `[{"a":1}]`, `[]`, `[]`},
	} {
		of := func(l string) []byte { return []byte(`{"l":` + l + `}`) }
		got, err := patch(of(x.old), of(x.seen), of(x.written), fields)
		if err != nil || string(got) != string(of(x.want)) {
			t.Errorf("%s: patched to %s, %v; want %s", x.name, got, err, of(x.want))
		}
	}
	got, err := patch([]byte(`{"m":{"x":{"a":1,"z":1},"y":{"a":2,"z":2}}}`), []byte(`{}`), []byte(`{"m":{"x":{"a":3},"n":{"a":4}}}`), fields)
	if want := `{"m":{"x":{"a":3,"z":1},"n":{"a":4}}}`; err != nil || string(got) != want {
		t.Errorf("a map: patched to %s, %v; want %s", got, err, want)
	}
}
