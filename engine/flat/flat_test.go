package flat_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engine/flat"
)

const at = engine.Timestamp(179_537_000_000)

// page is a record whose ID is made from its URL.
type page struct {
	ID     engine.ID      `json:"id"`
	URL    string         `json:"url"`
	Visits int            `json:"visits"`
	Note   string         `json:"note,omitempty"`
	Color  string         `json:"color,omitempty"`
	Parts  []part         `json:"parts,omitempty"`
	Rates  map[string]any `json:"rates,omitempty"`
}

type part struct {
	Name string `json:"name"`
	Kind string `json:"kind,omitempty"`
}

func idOf(p page) engine.ID {
	sum := sha256.Sum256([]byte(p.URL))
	return engine.ID(base64.RawURLEncoding.EncodeToString(sum[:15]))
}

func schema() flat.Schema[page] {
	return flat.Schema[page]{
		Collection: "test-pages",
		Fields:     []string{"id", "url", "visits", "note", "color", "parts.[].name", "parts.[].kind", "rates.{}"},
		ID:         func(p *page) *engine.ID { return &p.ID },
		NewID:      idOf,
		Valid: func(p page) error {
			if p.URL == "" {
				return &engine.FieldError{Field: "url", Reason: errors.New("it has no URL")}
			}
			return nil
		},
	}
}

func openIn[R any](t testing.TB, dir string, s flat.Schema[R]) (*flat.Engine[R], error) {
	t.Helper()
	now := time.UnixMilli(int64(at) * 10)
	return flat.Open(context.Background(), s, engine.StoreConfig{Path: filepath.Join(dir, "pages.db"), Now: func() time.Time {
		now = now.Add(time.Millisecond)
		return now
	}})
}

func open[R any](t testing.TB, s flat.Schema[R]) *flat.Engine[R] {
	t.Helper()
	e, err := openIn(t, t.TempDir(), s)
	check(t, err)
	t.Cleanup(func() { check(t, e.Close()) })
	return e
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestContractWithIDsFromContent(t *testing.T) {
	t.Parallel()
	of := func(e engine.Engine) *flat.Engine[page] { return e.(*flat.Engine[page]) }
	enginetest.Run(t, enginetest.Harness{
		Open: func(t testing.TB, dir string) engine.Engine {
			e, err := openIn(t, dir, schema())
			check(t, err)
			return e
		},
		Close: func(t testing.TB, e engine.Engine) { check(t, of(e).Close()) },
		Incoming: func(i, version int) engine.Incoming {
			p := page{URL: fmt.Sprint("remote ", i), Visits: version}
			p.ID = idOf(p)
			payload, err := json.Marshal(p)
			check(t, err)
			return engine.Incoming{ID: p.ID, Payload: payload}
		},
		Add: func(ctx context.Context, e engine.Engine, i int) (engine.ID, error) {
			p, err := of(e).Add(ctx, page{URL: fmt.Sprint("local ", i)})
			return p.ID, err
		},
		Edit: func(ctx context.Context, e engine.Engine, id engine.ID, version int) error {
			p, err := of(e).Get(ctx, id)
			if err != nil {
				return err
			}
			p.Visits = version
			_, err = of(e).Update(ctx, p)
			return err
		},
		Delete: func(ctx context.Context, e engine.Engine, id engine.ID) error { return of(e).Delete(ctx, id) },
		Versions: func(ctx context.Context, e engine.Engine) (map[engine.ID]int, error) {
			all := make(map[engine.ID]int)
			for p, err := range of(e).List(ctx) {
				if err != nil {
					return nil, err
				}
				all[p.ID] = p.Visits
			}
			return all, nil
		},
		Invalid:            []byte(`{"visits":0}`),
		RemembersDeletions: true,
		Unknown:            true,
		Many:               300,
	})
}

// Two devices that add the same thing give it the same ID, and it is merged.
func TestIDsFromContentMeet(t *testing.T) {
	t.Parallel()
	a, b := open(t, schema()), open(t, schema())
	onA, err := a.Add(t.Context(), page{URL: "u", Note: "from a"})
	check(t, err)
	onB, err := b.Add(t.Context(), page{URL: "u", Color: "red"})
	if err != nil || onA.ID != onB.ID || onA.ID != idOf(onA) {
		t.Fatalf("the IDs are %s and %s, %v", onA.ID, onB.ID, err)
	}
	_, out := enginetest.Once(t, a, engine.Start{}, at)
	_, out = enginetest.Once(t, b, engine.Start{}, at+1000, enginetest.Record(at, string(out[0].Payload)))
	if len(out) != 1 || out[0].ID != onA.ID {
		t.Fatalf("%d records go up", len(out))
	}
	got, err := b.Get(t.Context(), onA.ID)
	if err != nil || got.Note != "from a" || got.Color != "red" {
		t.Errorf("b has %+v, %v", got, err)
	}
	if _, err := a.Add(t.Context(), page{URL: "u"}); !errors.Is(err, engine.ErrDuplicate) {
		t.Errorf("it is added again: %v", err)
	}
	// An ID that the caller chose stays, and "" from NewID makes a random one.
	own, err := a.Add(t.Context(), page{ID: "own", URL: "v"})
	if err != nil || own.ID != "own" {
		t.Errorf("an ID of one's own becomes %q, %v", own.ID, err)
	}
	s := schema()
	s.NewID = func(page) engine.ID { return "" }
	random, err := open(t, s).Add(t.Context(), page{URL: "u"})
	if err != nil || len(random.ID) != 12 {
		t.Errorf("without an ID it gets %q, %v", random.ID, err)
	}
}

func TestUnlistedFieldsAreRefused(t *testing.T) {
	t.Parallel()
	full := page{URL: "u", Note: "n", Parts: []part{{"a", ""}, {"b", "k"}}, Rates: map[string]any{"x": 1, "y": map[string]any{"z": 2}}}
	for without, named := range map[string]string{
		"": "", "note": "note", "parts.[].kind": "parts.[].kind", "parts.[].name": "parts.[].name", "rates.{}": "rates",
	} {
		s := schema()
		s.Fields = slices.DeleteFunc(slices.Clone(s.Fields), func(name string) bool { return name == without })
		e := open(t, s)
		_, err := e.Add(t.Context(), full)
		if named == "" {
			check(t, err)
			continue
		}
		if err == nil || !strings.Contains(err.Error(), `"`+named+`"`) {
			t.Errorf("without %s in Fields: %v", without, err)
		}
		p, err := e.Add(t.Context(), page{URL: "u"})
		check(t, err)
		changed := full
		changed.ID = p.ID
		if _, err := e.Update(t.Context(), changed); err == nil || !strings.Contains(err.Error(), `"`+named+`"`) {
			t.Errorf("without %s in Fields, updating: %v", without, err)
		}
		if got, err := e.Get(t.Context(), p.ID); err != nil || got.Note != "" {
			t.Errorf("without %s: the record became %+v, %v", without, got, err)
		}
	}
}

// What a record says besides Fields stays, in elements and values too.
func TestUnknownFieldsStay(t *testing.T) {
	t.Parallel()
	e := open(t, schema())
	enginetest.Once(t, e, engine.Start{}, at, enginetest.Record(at,
		`{"id":"one","url":"u","visits":1,"note":"old","extra":{"a":1},"parts":[{"name":"p","extra":2}]}`))
	p, err := e.Get(t.Context(), "one")
	check(t, err)
	p.Note, p.Parts[0].Kind = "", "new"
	_, err = e.Update(t.Context(), p)
	check(t, err)
	_, out := enginetest.Once(t, e, engine.Start{}, at+1000)
	want := `{"id":"one","url":"u","visits":1,"extra":{"a":1},"parts":[{"name":"p","extra":2,"kind":"new"}]}`
	if len(out) != 1 || string(out[0].Payload) != want {
		t.Errorf("%s goes up; want %s", out[0].Payload, want)
	}
}

func TestTTLVersionAndRulesReachTheStore(t *testing.T) {
	t.Parallel()
	s := schema()
	s.TTL, s.Version, s.Sticky, s.Required = time.Hour, 3, []string{"note"}, []string{"color"}
	s.ReadOnly = func(p page) error {
		if p.Visits > 100 {
			return errors.New("a newer version wrote it")
		}
		return nil
	}
	s.Complete = func(p, old *page) error {
		if old != nil && p.Visits < old.Visits {
			return errors.New("visits are only added")
		}
		return nil
	}
	e := open(t, s)
	p, err := e.Add(t.Context(), page{URL: "u", Note: "n", Color: "red", Visits: 2})
	check(t, err)
	_, out := enginetest.Once(t, e, engine.Start{}, at)
	if len(out) != 1 || out[0].TTL != 3600 || e.Version() != 3 {
		t.Errorf("the TTL is %d and the version %d", out[0].TTL, e.Version())
	}
	less := p
	less.Visits = 1
	if _, err := e.Update(t.Context(), less); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("Complete is not asked: %v", err)
	}
	// Another program knows neither note nor color.
	other := engine.Incoming{ID: p.ID, Modified: at + 1000, Payload: fmt.Appendf(nil, `{"id":"%s","url":"u","visits":200}`, p.ID)}
	_, out = enginetest.Once(t, e, engine.Start{}, at+2000, other)
	got, err := e.Get(t.Context(), p.ID)
	if err != nil || got.Note != "n" || got.Color != "red" || got.Visits != 200 || len(out) != 1 {
		t.Errorf("it is %+v, %v, and %d go up", got, err, len(out))
	}
	got.Note = "mine"
	if _, err := e.Update(t.Context(), got); !errors.Is(err, engine.ErrReadOnly) {
		t.Errorf("a record that cannot be edited is: %v", err)
	}
}

func TestSetsAndNestedFieldsAreMerged(t *testing.T) {
	t.Parallel()
	type bag struct {
		ID   engine.ID      `json:"id"`
		Tags []string       `json:"tags"`
		By   map[string]int `json:"by"`
	}
	s := flat.Schema[bag]{
		Collection: "test-bags", Fields: []string{"id", "tags", "by.{}"}, ID: func(b *bag) *engine.ID { return &b.ID },
		Sets: []string{"tags"}, Nested: []flat.Nested{{Name: "by"}},
	}
	e := open(t, s)
	_, err := e.Add(t.Context(), bag{ID: "x", Tags: []string{"a", "b"}, By: map[string]int{"m": 1, "t": 1}})
	check(t, err)
	enginetest.Once(t, e, engine.Start{}, at)
	_, err = e.Update(t.Context(), bag{ID: "x", Tags: []string{"b", "c"}, By: map[string]int{"m": 2, "t": 1}})
	check(t, err)
	enginetest.Once(t, e, engine.Start{}, at+2000, enginetest.Record(at+1000, `{"id":"x","tags":["a","b","d"],"by":{"m":1,"t":5}}`))
	got, err := e.Get(t.Context(), "x")
	slices.Sort(got.Tags)
	if want := (bag{"x", []string{"b", "c", "d"}, map[string]int{"m": 2, "t": 5}}); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("it is %+v, %v; want %+v", got, err, want)
	}
}

func TestTxPutAndSame(t *testing.T) {
	t.Parallel()
	s := schema()
	s.Same = func(p page) string { return strings.ToLower(p.URL) }
	e := open(t, s)
	check(t, e.Edit(t.Context(), func(tx *flat.Tx[page]) error {
		p := page{ID: "one", URL: "U"}
		if err := tx.Put(&p); err != nil {
			return err
		}
		p.Visits = 7
		if err := tx.Put(&p); err != nil {
			return err
		}
		same, err := tx.Same(page{URL: "u"})
		if err != nil || same.ID != "one" || same.Visits != 7 {
			t.Errorf("the same is %+v, %v", same, err)
		}
		for _, other := range []page{{URL: "v"}, {}} {
			if _, err := tx.Same(other); !errors.Is(err, engine.ErrNotFound) {
				t.Errorf("the same as %q: %v", other.URL, err)
			}
		}
		return nil
	}))
}

// coded is a record with a careless codec: it takes "ID" for "id", and panics.
type coded struct{ page }

func (c *coded) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, &c.page); err != nil {
		return err
	}
	if c.URL == "panic" {
		panic("secret")
	}
	return nil
}

func TestACarelessCodecHarmsItsRecordAlone(t *testing.T) {
	t.Parallel()
	e := open(t, flat.Schema[coded]{
		Collection: "test-pages", Fields: []string{"id", "url", "visits", "note", "color", "parts", "rates"},
		ID: func(c *coded) *engine.ID { return &c.ID },
	})
	_, err := e.Add(t.Context(), coded{page{ID: "mine", URL: "u"}})
	check(t, err)
	m, _ := enginetest.Once(t, e, engine.Start{}, at,
		enginetest.Record(at, `{"id":"good","url":"u","visits":1}`),
		engine.Incoming{ID: "other", Modified: at, Payload: []byte(`{"id":"other","ID":"mine","url":"u","visits":1}`)},
		enginetest.Record(at, `{"id":"bad","url":"panic","visits":1}`),
		engine.Incoming{ID: "list", Modified: at, Payload: []byte(`null`)})
	if m.Failed != 3 || m.Applied != 1 {
		t.Errorf("%d failed and %d were applied: %v", m.Failed, m.Applied, m.Problems)
	}
	for _, p := range m.Problems {
		if strings.Contains(p.Err.Error(), "secret") {
			t.Errorf("a problem tells what panicked: %v", p.Err)
		}
	}
	n := 0
	for r, err := range e.Unreadable(t.Context()) {
		check(t, err)
		if n++; !slices.Contains([]engine.ID{"other", "bad", "list"}, r.ID) {
			t.Errorf("%s is unreadable", r.ID)
		}
	}
	if n != 3 {
		t.Errorf("%d are unreadable, want 3", n)
	}
}

func TestOpenSaysWhatIsWrongWithASchema(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*flat.Schema[page]){
		"1 to 32 letters":             func(s *flat.Schema[page]) { s.Collection = "" },
		"the protocol owns this name": func(s *flat.Schema[page]) { s.Collection = "Crypto" },
		"the version is -1":           func(s *flat.Schema[page]) { s.Version = -1 },
		"the TTL is 1.5s":             func(s *flat.Schema[page]) { s.TTL = 1500 * time.Millisecond },
		"at most 999999999":           func(s *flat.Schema[page]) { s.TTL = 1_000_000_000 * time.Second },
		"needs ID":                    func(s *flat.Schema[page]) { s.ID = nil },
		"there is no OnConflict 9":    func(s *flat.Schema[page]) { s.OnConflict = 9 },
		"exclude each other": func(s *flat.Schema[page]) {
			s.OnConflict, s.Merge = flat.KeepBoth, func(_ *page, _, _, m page) page { return m }
		},
		`does not list "id"`:                func(s *flat.Schema[page]) { s.Fields = []string{"url"} },
		`"url" is listed twice`:             func(s *flat.Schema[page]) { s.Fields = append(s.Fields, "url") },
		`"a..b" is not the name`:            func(s *flat.Schema[page]) { s.Fields = append(s.Fields, "a..b") },
		`the field "deleted"`:               func(s *flat.Schema[page]) { s.Fields = append(s.Fields, "deleted") },
		`lists "url" as a whole, and "url.`: func(s *flat.Schema[page]) { s.Fields = append(s.Fields, "url.host") },
		"1001 fields":                       func(s *flat.Schema[page]) { s.Fields = slices.Repeat([]string{"x"}, 1001) },
		`Sets has "tags"`:                   func(s *flat.Schema[page]) { s.Sets = []string{"tags"} },
		`Nested has "by"`:                   func(s *flat.Schema[page]) { s.Nested = []flat.Nested{{Name: "by"}} },
		`Sticky has "s"`:                    func(s *flat.Schema[page]) { s.Sticky = []string{"s"} },
		`Required has "r"`:                  func(s *flat.Schema[page]) { s.Required = []string{"r"} },
	} {
		s := schema()
		change(&s)
		e, err := openIn(t, t.TempDir(), s)
		if err == nil {
			check(t, e.Close())
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), cmp.Or(s.Collection, "")+": ") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	s := schema()
	s.Collection = "forms" // of Firefox, and an engine
	open(t, s)
	if _, err := flat.Open(t.Context(), schema(), engine.StoreConfig{}); err == nil || !strings.Contains(err.Error(), "Path") {
		t.Errorf("without a path: %v", err)
	}
}
