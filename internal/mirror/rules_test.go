package mirror

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// contents are the user's records as "id payload", in the order in which they came.
func contents[R any](t *testing.T, c *Store[R]) string {
	t.Helper()
	var all []string
	for payload, err := range c.payloads(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(payload))
	}
	return strings.Join(all, " ")
}

func incoming(id engine.ID, at engine.Timestamp, payload string) engine.Incoming {
	return engine.Incoming{ID: id, Modified: at, Payload: []byte(payload)}
}

// upload syncs, and settles what goes up at the time.
func upload(t *testing.T, c *Store[testRecord], at engine.Timestamp) {
	t.Helper()
	s, err := c.Begin(t.Context(), engine.Start{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Merge(t.Context(), at-1); err != nil {
		t.Fatal(err)
	}
	out, err := s.Outgoing(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	r := engine.Receipt{At: at}
	for _, o := range out {
		r.Stored = append(r.Stored, o.ID)
	}
	if err := errors.Join(s.Uploaded(t.Context(), r), s.End(t.Context(), nil)); err != nil {
		t.Fatal(err)
	}
}

func TestNestedTextAndNulls(t *testing.T) {
	t.Parallel()
	c := newStore(Schema[testRecord]{Nested: []Nested{{Name: "data", Text: true, Nulls: true}}, Resolve: func(c Conflict) ([]byte, bool) {
		return c.Remote, c.Within == "data"
	}}, engine.StoreConfig{})
	for name, x := range map[string]struct{ base, local, remote, want string }{
		"one key each":         {`{\"a\":1,\"b\":1}`, `{\"a\":2,\"b\":1}`, `{\"a\":1,\"b\":2}`, `{"data":"{\"a\":2,\"b\":2}"}`},
		"both, remote decides": {`{\"a\":1}`, `{\"a\":2}`, `{\"a\":3}`, `{"data":"{\"a\":3}"}`},
		"taken away there":     {`{\"a\":1,\"b\":1}`, `{\"a\":2,\"b\":2}`, `{\"b\":1}`, `{"data":"{\"b\":2}"}`},
		"null is a value":      {`{\"a\":1,\"b\":1}`, `{\"a\":null,\"b\":1}`, `{\"a\":1,\"b\":2}`, `{"data":"{\"a\":null,\"b\":2}"}`},
		"no JSON on a side":    {`{\"a\":1}`, `{\"a\":2}`, `oops`, `{"data":"oops"}`},
	} {
		of := func(data string) []byte { return fmt.Appendf(nil, `{"data":"%s"}`, data) }
		got, _, err := c.threeWay(sides{base: of(x.base), local: of(x.local), remote: of(x.remote), changed: true})
		if err != nil || string(got.payload) != x.want {
			t.Errorf("%s: %s, %v; want %s", name, got.payload, err, x.want)
		}
	}
}

func TestTwoChangesOfOneFieldFork(t *testing.T) {
	t.Parallel()
	schema := testSchema(true)
	ids := 0
	schema.Fork = true
	schema.NewID = func(io.Reader) engine.ID { ids++; return engine.ID(fmt.Sprintf("fork %d", ids)) }
	c := openTest(t, schema)
	put(t, c, "a", `{"id":"a","name":"x","n":1}`)
	upload(t, c, 10)

	// Different fields merge.
	put(t, c, "a", `{"id":"a","name":"x","n":2}`)
	if _, _, err := stage(t, c, engine.Start{}, 20, incoming("a", 20, `{"id":"a","name":"x","n":1,"m":1}`)); err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, c), `{"id":"a","name":"x","n":2,"m":1}`; got != want {
		t.Fatalf("after a merge: %s; want %s", got, want)
	}
	upload(t, c, 30)

	// The same field forks, and both go on.
	put(t, c, "a", `{"id":"a","name":"ours","n":2,"m":1}`)
	_, out, err := stage(t, c, engine.Start{}, 40, incoming("a", 40, `{"id":"a","name":"theirs","n":2,"m":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, c), `{"id":"a","name":"theirs","n":2,"m":1} {"id":"fork 1","name":"ours","n":2,"m":1}`; got != want {
		t.Fatalf("after a fork: %s; want %s", got, want)
	}
	if len(out) != 1 || out[0].ID != "fork 1" {
		t.Fatalf("%v goes up; want the fork", out)
	}

	// Prefer decides without a fork.
	upload(t, c, 50)
	put(t, c, "a", `{"id":"a","name":"again","n":2,"m":1}`)
	if _, _, err := stage(t, c, engine.Start{Prefer: engine.PreferLocal}, 60, incoming("a", 60, `{"id":"a","name":"other","n":2,"m":1}`)); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, c); ids != 1 || !strings.Contains(got, "again") || strings.Contains(got, "other") {
		t.Fatalf("with a preference: %s", got)
	}
}

func TestWhatANewerVersionWroteIsKeptAndNotEdited(t *testing.T) {
	t.Parallel()
	errNewer := errors.New("a newer version wrote it")
	schema := testSchema(true)
	schema.ReadOnly = func(r *testRecord) error {
		if strings.Contains(string(r.payload), `"version":9`) {
			return errNewer
		}
		return nil
	}
	schema.Fork, schema.NewID = true, func(io.Reader) engine.ID { return "fork" }
	c := openTest(t, schema)
	put(t, c, "a", `{"id":"a","name":"x"}`)
	upload(t, c, 10)
	put(t, c, "a", `{"id":"a","name":"ours"}`)
	if _, _, err := stage(t, c, engine.Start{}, 20, incoming("a", 20, `{"id":"a","name":"x","version":9,"new":true}`)); err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, c), `{"id":"a","name":"x","version":9,"new":true} {"id":"fork","name":"ours"}`; got != want {
		t.Fatalf("we have %s; want %s", got, want)
	}
	err := c.Edit(t.Context(), func(e *Tx[testRecord]) error { return e.put("a", []byte(`{"id":"a","name":"y"}`)) })
	if !errors.Is(err, errNewer) {
		t.Fatalf("an edit gave %v; want %v", err, errNewer)
	}
	if err := c.Edit(t.Context(), func(e *Tx[testRecord]) error { return e.Delete("a") }); err != nil {
		t.Fatal(err)
	}
}

func TestTimeToLiveGoesUp(t *testing.T) {
	t.Parallel()
	schema := testSchema(true)
	schema.TTL = 60
	c := openTest(t, schema)
	put(t, c, "a", `{"id":"a","name":"x"}`)
	if _, out, err := stage(t, c, engine.Start{}, 5); err != nil || len(out) != 1 || out[0].TTL != 60 {
		t.Fatalf("%+v, %v; want a TTL of 60 s", out, err)
	}
}

func TestAnotherLocalKeyIsToldAtOnce(t *testing.T) {
	t.Parallel()
	o := engine.StoreConfig{Path: filepath.Join(t.TempDir(), "x.db"), Now: time.Now, Rand: strings.NewReader(strings.Repeat("r", 64)), Key: [32]byte{1}}
	c, err := open(t.Context(), testSchema(true), o, 0)
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, "a", `{"id":"a","name":"x"}`)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, key := range [][32]byte{{2}, {1}} {
		o.Key = key
		c, err := open(t.Context(), testSchema(true), o, 0)
		if wrong := key != [32]byte{1}; errors.Is(err, engine.ErrKey) != wrong {
			t.Fatalf("opened with key %d: %v", key[0], err)
		}
		if err == nil {
			_ = c.Close()
		}
	}
}

func TestACheckNamesTheFieldAndNotWhatItHolds(t *testing.T) {
	t.Parallel()
	schema := thingSchema()
	for payload, want := range map[string]string{
		`{"id":"a","name":"n","more":1}`: "n <nil>",
		`{"id":"a"}`:                     " it has no name",
		`{"id":"a","name":31337}`:        " its name is not what it should be",
		`{"id":["31337"],"name":"n"}`:    " its id is not what it should be",
		`{"id":"a","ID":"b","name":"n"}`: " it has two fields for its id",
		`[31337]`:                        " the record is not a JSON object",
		`{"name":"31337`:                 " the record is not a JSON object",
		`null`:                           " the record is not a JSON object",
	} {
		k, err := schema.check([]byte(payload))
		if got := fmt.Sprintf("%s %v", k.Dedupe, err); got != want {
			t.Errorf("of %s: %s; want %s", payload, got, want)
		}
	}
}
