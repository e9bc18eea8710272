package mirror

import (
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// resetStore is a store that synced {"id":"a","name":"x","a":"1"} at 1000 and was reset.
func resetStore(t *testing.T, schema Schema[testRecord], edit string) *Store[testRecord] {
	t.Helper()
	c := openTest(t, schema)
	if _, _, err := stage(t, c, engine.Start{}, 1000, incoming("a", 1000, `{"id":"a","name":"x","a":"1"}`)); err != nil {
		t.Fatal(err)
	}
	if edit != "" {
		put(t, c, "a", edit)
	}
	if err := c.Reset(t.Context(), engine.Association{Global: "g"}); err != nil {
		t.Fatal(err)
	}
	return c
}

// After a reset, what this device last knew of the account is still the past of both
// sides: what was not changed here is not news.
func TestAResetKeepsThePast(t *testing.T) {
	t.Parallel()
	fork := testSchema(true)
	fork.Fork = true
	const edited = `{"id":"a","name":"x","a":"here"}`
	for name, c := range map[string]struct {
		schema   Schema[testRecord]
		edit     string
		incoming engine.Incoming
		want, up string
	}{
		"deleted elsewhere": {testSchema(true), "", engine.Incoming{ID: "a", Modified: 2000}, ``, ``},
		"deleted elsewhere, edited here": {testSchema(true), edited, engine.Incoming{ID: "a", Modified: 2000},
			edited, edited},
		"edited elsewhere": {fork, "", incoming("a", 2000, `{"id":"a","name":"x","a":"there"}`),
			`{"id":"a","name":"x","a":"there"}`, ``},
		"edited here": {fork, edited, incoming("a", 1000, `{"id":"a","name":"x","a":"1"}`), edited, edited},
		"edited on both sides, each another field": {fork, `{"id":"a","name":"x","a":"1","b":"here"}`, incoming("a", 2000, `{"id":"a","name":"x","a":"there"}`),
			`{"id":"a","name":"x","a":"there","b":"here"}`, `{"id":"a","name":"x","a":"there","b":"here"}`},
		"the server went back": {fork, "", incoming("a", 900, `{"id":"a","name":"x","a":"0"}`),
			`{"id":"a","name":"x","a":"1"}`, `{"id":"a","name":"x","a":"1"}`},
		"the server went back to a deletion": {fork, "", engine.Incoming{ID: "a", Modified: 900},
			`{"id":"a","name":"x","a":"1"}`, `{"id":"a","name":"x","a":"1"}`},
	} {
		s := resetStore(t, c.schema, c.edit)
		_, out, err := stage(t, s, engine.Start{}, 3000, c.incoming)
		if err != nil {
			t.Fatal(err)
		}
		var up []string
		for _, o := range out {
			up = append(up, string(o.Payload))
		}
		if got := contents(t, s); got != c.want || strings.Join(up, " ") != c.up {
			t.Errorf("%s: here is %s and %v goes up; want %s and %s", name, got, up, c.want, c.up)
		}
	}
}

// What is not on the next storage goes up, and what was deleted stays so.
func TestAResetSendsWhatTheAccountLacks(t *testing.T) {
	t.Parallel()
	c := resetStore(t, testSchema(true), "")
	if err := c.Edit(t.Context(), func(e *Tx[testRecord]) error { return e.Delete("a") }); err != nil {
		t.Fatal(err)
	}
	put(t, c, "b", `{"id":"b","name":"y"}`)
	_, out, err := stage(t, c, engine.Start{}, 3000, incoming("a", 1000, `{"id":"a","name":"x","a":"1"}`))
	if err != nil || len(out) != 2 || out[0].Payload != nil || out[1].ID != "b" {
		t.Fatalf("%v goes up, %v; want the deletion of a, and b", out, err)
	}
	if got := contents(t, c); got != `{"id":"b","name":"y"}` {
		t.Fatalf("here is %s; want b alone", got)
	}
}

// cutOff is a sync whose uploads bring no receipt.
func cutOff(t *testing.T, c *Store[testRecord], at engine.Timestamp, in ...engine.Incoming) []engine.Outgoing {
	t.Helper()
	s, err := c.Begin(t.Context(), engine.Start{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stage(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Merge(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	out, err := s.Outgoing(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.End(t.Context(), errBroken); err != nil {
		t.Fatal(err)
	}
	return out
}

// The receipt of a new record is lost, and another device deletes it.
func TestADeletionAfterALostReceiptStands(t *testing.T) {
	t.Parallel()
	c := openTest(t, testSchema(true))
	put(t, c, "a", `{"id":"a","name":"x"}`)
	if out := cutOff(t, c, 10); len(out) != 1 {
		t.Fatalf("%v goes up; want a", out)
	}
	out := cutOff(t, c, 300, engine.Incoming{ID: "a", Modified: 200})
	if got := contents(t, c); got != "" || len(out) != 0 {
		t.Fatalf("here is %s, %v goes up; want nothing", got, out)
	}
}

// An edit that beat a deletion beats it again, should the sync have been killed.
func TestAnEditThatBeatADeletionStays(t *testing.T) {
	t.Parallel()
	c := openTest(t, testSchema(true))
	if _, _, err := stage(t, c, engine.Start{}, 1000, incoming("a", 1000, `{"id":"a","name":"x"}`)); err != nil {
		t.Fatal(err)
	}
	put(t, c, "a", `{"id":"a","name":"x","a":"here"}`)
	later := engine.Timestamp(c.now().UnixMilli()/10 + 10_000) // the deletion is later than the edit
	for i := range 2 {
		out := cutOff(t, c, later+1, engine.Incoming{ID: "a", Modified: later})
		if got := contents(t, c); len(out) != 1 || !strings.Contains(got, "here") {
			t.Fatalf("round %d: here is %s, %v goes up; want the edit", i, got, out)
		}
		// The store that was killed before Since moved knows nothing of the snapshot either.
		if err := c.ledger.DropOutgoing(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// An edit that beat a deletion is still an edit of what was deleted: where the same thing
// came back as another record, what the edit left alone is that one's.
func TestAnEditThatBeatADeletionChangesWhatItChanged(t *testing.T) {
	t.Parallel()
	c := openTest(t, testSchema(true))
	if _, _, err := stage(t, c, engine.Start{}, 1000, incoming("a", 1000, `{"id":"a","name":"x","a":"old","b":"old"}`)); err != nil {
		t.Fatal(err)
	}
	put(t, c, "a", `{"id":"a","name":"x","a":"here","b":"old"}`)
	_, out, err := stage(t, c, engine.Start{}, 2000, engine.Incoming{ID: "a", Modified: 2000}, incoming("b", 2000, `{"id":"b","name":"x","a":"new","b":"new"}`))
	if err != nil || len(out) != 1 {
		t.Fatalf("%v goes up, %v; want one record", out, err)
	}
	if got := contents(t, c); got != `{"id":"b","name":"x","a":"here","b":"new"}` {
		t.Errorf("here is %s; want the edit on what came back", got)
	}
}

// The deletion that the edit beat is not applied once more, when the record that came back
// turns out to be the same thing; nor where the edit was sent and no receipt came.
func TestAnEditBeatsADeletionOnce(t *testing.T) {
	c := openTest(t, testSchema(true))
	if _, _, err := stage(t, c, engine.Start{}, 1000, incoming("a", 1000, `{"id":"a","name":"x","a":"old","b":"old"}`)); err != nil {
		t.Fatal(err)
	}
	put(t, c, "a", `{"id":"a","name":"x","a":"here","b":"old"}`)
	if out := cutOff(t, c, 1000); len(out) != 1 {
		t.Fatalf("%v goes up; want a", out)
	}
	_, out, err := stage(t, c, engine.Start{}, 2000, engine.Incoming{ID: "a", Modified: 2000}, incoming("b", 2000, `{"id":"b","name":"x","a":"new","b":"new"}`))
	if err != nil || len(out) != 2 || out[0].Payload != nil {
		t.Fatalf("%v goes up, %v; want the deletion of a, which may be there, and b", out, err)
	}
	if got := contents(t, c); got != `{"id":"b","name":"x","a":"here","b":"new"}` {
		t.Errorf("here is %s; want the edit on what came back", got)
	}
}

// The same side forks into the same record, whenever it forks, and in a copy of the file
// that was made before.
func TestAForkMadeTwiceIsOne(t *testing.T) {
	t.Parallel()
	schema := testSchema(true)
	schema.Fork = true
	c := openTest(t, schema)
	ids := map[engine.ID]bool{}
	for range 2 {
		err := c.update(t.Context(), func(tx *Tx[testRecord]) error {
			id, err := tx.forkID("a", []byte(`{"id":"a","name":"here"}`))
			ids[id] = true
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	other := openTest(t, schema)
	path := filepath.Join(t.TempDir(), "copy.sqlite")
	if err := sqlite.Copy(t.Context(), other.db.Path(), path); err != nil {
		t.Fatal(err)
	}
	copied, err := open(t.Context(), schema, engine.StoreConfig{Path: path, Now: other.now, Rand: rand.Reader}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	for _, c := range []*Store[testRecord]{other, copied} {
		if err := c.update(t.Context(), func(tx *Tx[testRecord]) error {
			id, err := tx.forkID("a", []byte(`{"id":"a","name":"here"}`))
			ids[id] = true
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) != 2 {
		t.Fatalf("the IDs are %v; want one per file, and its copies", ids)
	}
}

// A damaged record on the server is replaced, once, by the device that has it.
func TestTheGoodCopyGoesUpOnce(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]engine.Incoming{
		"sealed with another key": {ID: "a", Modified: 2000, Err: errBroken},
		"not an object":           {ID: "a", Modified: 2000, Payload: []byte(`[]`)},
	} {
		c := openTest(t, testSchema(true))
		if _, _, err := stage(t, c, engine.Start{}, 1000, incoming("a", 1000, `{"id":"a","name":"x"}`)); err != nil {
			t.Fatal(err)
		}
		_, out, err := stage(t, c, engine.Start{}, 2500, bad)
		if err != nil || len(out) != 1 || string(out[0].Payload) != `{"id":"a","name":"x"}` {
			t.Fatalf("%s: %v goes up, %v; want the good copy", name, out, err)
		}
		upload(t, c, 3000)
		for range 6 {
			s, err := c.Begin(t.Context(), engine.Start{})
			if err != nil {
				t.Fatal(err)
			}
			m, err := s.Merge(t.Context(), 3000)
			if err != nil || m.Outgoing != 0 || len(s.Retry()) != 0 || m.Failed != 0 {
				t.Fatalf("%s: the next sync: %+v, asks for %v, %v; want rest", name, m, s.Retry(), err)
			}
			if err := s.End(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestSetsMerge(t *testing.T) {
	t.Parallel()
	schema := testSchema(true)
	schema.Sets = []string{"tags"}
	c := newStore(schema, engine.StoreConfig{})
	for _, x := range []struct{ name, base, local, remote, want string }{
		{"one side each", `["base","gone"]`, `["base","gone","A"]`, `["base","B"]`, `["base","B","A"]`},
		{"both the same", `["a"]`, `["a","b"]`, `["b","a"]`, `["b","a"]`},
		{"taken out here, put in there", `["a","b"]`, `["a"]`, `["a","b","c"]`, `["a","c"]`},
		{"no past", ``, `["a","b"]`, `["b","c"]`, `["b","c","a"]`},
		{"no past, none here", ``, `[]`, `["b"]`, `["b"]`},
		{"no past, none there", ``, `["a"]`, `[]`, `["a"]`},
		{"objects, by what they mean", `[]`, `[{"x":1,"y":2}]`, `[{"y":2, "x":1}]`, `[{"y":2, "x":1}]`},
		{"not a list on a side", `["a"]`, `["a","b"]`, `"oops"`, `"oops"`},
	} {
		of := func(tags string) []byte { return []byte(`{"name":"x","tags":` + tags + `}`) }
		s := sides{local: of(x.local), remote: of(x.remote), changed: true}
		if x.base != "" {
			s.base = of(x.base)
		}
		got, send, err := c.threeWay(s)
		if err != nil || string(got.payload) != string(of(x.want)) || send != (x.want != x.remote) {
			t.Errorf("%s: %s, send %v, %v; want %s", x.name, got.payload, send, err, x.want)
		}
	}
}

// Where two sides have no common past, a field that one does not have never beats the
// other's.
func TestWhatIsNotSetNeverWins(t *testing.T) {
	t.Parallel()
	c := newStore(Schema[testRecord]{}, engine.StoreConfig{})
	for _, x := range []struct {
		local, remote, want string
		send                bool
	}{
		{`{"a":"","b":"B"}`, `{"a":"A","b":""}`, `{"a":"A","b":"B"}`, true},
		{`{"a":[],"b":null}`, `{"a":["A"],"b":"B"}`, `{"a":["A"],"b":"B"}`, false},
		{`{"a":""}`, `{"b":""}`, `{"b":""}`, false},
	} {
		for _, newer := range []bool{true, false} {
			got, send, err := c.threeWay(sides{local: []byte(x.local), remote: []byte(x.remote), changed: true, localNewer: newer})
			if err != nil || string(got.payload) != x.want || send != x.send {
				t.Errorf("%s and %s: %s, send %v, %v; want %s, %v", x.local, x.remote, got.payload, send, err, x.want, x.send)
			}
		}
	}
}

// The receipt of a new record is lost, another device deletes it, and the user had
// edited it meanwhile.
func TestAnEditAfterALostReceiptBeatsADeletion(t *testing.T) {
	t.Parallel()
	c := openTest(t, testSchema(true))
	put(t, c, "a", `{"id":"a","name":"x"}`)
	cutOff(t, c, 10)
	put(t, c, "a", `{"id":"a","name":"x","a":"here"}`)
	cutOff(t, c, 1e12, engine.Incoming{ID: "a", Modified: 1e12}) // later than the edit, by any clock
	if got := contents(t, c); got != `{"id":"a","name":"x","a":"here"}` {
		t.Fatalf("here is %s; want the edit", got)
	}
}

// The receipt of an edit is lost, another device changes another field on top of it,
// and the user edits the first one again: that edit stands, whatever the clocks say.
func TestALostReceiptIsThePastFieldByField(t *testing.T) {
	t.Parallel()
	schema := testSchema(true)
	schema.Nested = []Nested{{Name: "in"}}
	for name, c := range map[string]struct{ synced, sent, there, here, want string }{
		"a field": {`{"id":"a","name":"x","a":"0"}`, `{"id":"a","name":"x","a":"1"}`,
			`{"id":"a","name":"y","a":"1"}`, `{"id":"a","name":"x","a":"2"}`, `{"id":"a","name":"y","a":"2"}`},
		"a field within": {`{"id":"a","name":"x","in":{"a":"0"}}`, `{"id":"a","name":"x","in":{"a":"1"}}`,
			`{"id":"a","name":"y","in":{"a":"1"}}`, `{"id":"a","name":"x","in":{"a":"2"}}`, `{"id":"a","name":"y","in":{"a":"2"}}`},
		"a new record": {``, `{"id":"a","name":"x","a":"1"}`,
			`{"id":"a","name":"y","a":"1"}`, `{"id":"a","name":"x","a":"2"}`, `{"id":"a","name":"y","a":"2"}`},
		"a record that another device made under the same ID": {``, `{"id":"a","name":"x","in":{"here":"1"}}`,
			`{"id":"a","name":"x","in":{"there":"1"}}`, `{"id":"a","name":"x","in":{"here":"1"}}`, `{"id":"a","name":"x","in":{"there":"1","here":"1"}}`},
		"a field that was taken away": {`{"id":"a","name":"x","a":"0"}`, `{"id":"a","name":"x"}`,
			`{"id":"a","name":"y"}`, `{"id":"a","name":"x","a":"2"}`, `{"id":"a","name":"y","a":"2"}`},
	} {
		s := openTest(t, schema)
		if c.synced != "" {
			if _, _, err := stage(t, s, engine.Start{}, 10, incoming("a", 10, c.synced)); err != nil {
				t.Fatal(err)
			}
		}
		put(t, s, "a", c.sent)
		cutOff(t, s, 20)
		put(t, s, "a", c.here)
		cutOff(t, s, 1e12, incoming("a", 1e12, c.there))
		if got := contents(t, s); got != c.want {
			t.Errorf("%s: here is %s; want %s", name, got, c.want)
		}
	}
}

// A device that was behind may fill a storage that was started afresh first: a member
// that its record lacks is kept by who has it, and goes up again. What it changed
// stands.
func TestAMemberOfAnEarlierLifeIsKept(t *testing.T) {
	t.Parallel()
	schema := testSchema(true)
	schema.Nested = []Nested{{Name: "in"}}
	c := openTest(t, schema)
	const had, lacks, want = `{"id":"a","name":"x","in":{"p":1,"q":1}}`, `{"id":"a","name":"x","in":{"q":2}}`, `{"id":"a","name":"x","in":{"q":2,"p":1}}`
	if _, _, err := stage(t, c, engine.Start{}, 1000, incoming("a", 1000, had)); err != nil {
		t.Fatal(err)
	}
	if err := c.Reset(t.Context(), engine.Association{Global: "g"}); err != nil {
		t.Fatal(err)
	}
	_, out, err := stage(t, c, engine.Start{}, 3000, incoming("a", 2000, lacks))
	if got := contents(t, c); err != nil || got != want || len(out) != 1 || string(out[0].Payload) != want {
		t.Errorf("here is %s and %v goes up, %v; want %s", got, out, err, want)
	}
	// In one life, what is missing was removed.
	if _, out, err = stage(t, c, engine.Start{}, 4000, incoming("a", 3500, lacks)); err != nil || len(out) != 0 || contents(t, c) != lacks {
		t.Errorf("here is %s and %v goes up, %v", contents(t, c), out, err)
	}
}

// A reset that leads back to the same storage leaves the past what it was: what is gone
// from a record there since was deleted. After a server went back that is not so, nor of
// what an earlier storage had.
func TestAResetWithinOneLifeKeepsDeletionsInRecords(t *testing.T) {
	t.Parallel()
	schema := testSchema(true)
	schema.Nested = []Nested{{Name: "in"}}
	schema.TooManyDeletions = nil
	const had, lacks = `{"id":"a","name":"x","in":{"p":1,"q":1}}`, `{"id":"a","name":"x","in":{"q":1}}`
	a, b := engine.Association{Global: "a"}, engine.Association{Global: "b"}
	for name, test := range map[string]struct {
		resets []engine.Association
		want   string
	}{
		"reset":                      {[]engine.Association{{}, a}, lacks},
		"reset twice":                {[]engine.Association{{}, {}, a}, lacks},
		"the server went back":       {[]engine.Association{a}, had},
		"another storage":            {[]engine.Association{b}, had},
		"another storage, and reset": {[]engine.Association{b, {}, b}, had},
		"another storage, and back":  {[]engine.Association{b, a}, had},
	} {
		c := openTest(t, schema)
		if err := c.Reset(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if _, _, err := stage(t, c, engine.Start{}, 1000, incoming("a", 1000, had)); err != nil {
			t.Fatal(err)
		}
		for _, next := range test.resets {
			if err := c.Reset(t.Context(), next); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := stage(t, c, engine.Start{}, 3000, incoming("a", 2000, lacks)); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, c); got != test.want && !(test.want == had && got == `{"id":"a","name":"x","in":{"q":1,"p":1}}`) {
			t.Errorf("%s: here is %s; want %s", name, got, test.want)
		}
	}
}
