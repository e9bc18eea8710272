package creditcards_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
)

func open(t testing.TB) (*creditcards.Engine, *testclock.Clock) { return kind.OpenNew(t) }

func list(t testing.TB, e *creditcards.Engine) []creditcards.Card {
	t.Helper()
	var all []creditcards.Card
	for c, err := range e.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

func add(t testing.TB, e *creditcards.Engine, entry creditcards.Entry) creditcards.Card {
	t.Helper()
	c, err := e.Add(t.Context(), creditcards.Card{Entry: entry})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func update(t testing.TB, e *creditcards.Engine, id engine.ID, edit func(*creditcards.Card)) {
	t.Helper()
	c, err := e.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	edit(&c)
	if _, err := e.Update(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// bob is the card that Firefox ESR 153.7 uploaded.
const bob = engine.ID("778610a7057c")

func recorded(t testing.TB) []engine.Incoming {
	t.Helper()
	return enginetest.Records(t, "testdata/firefox-esr-153.json")
}

func bobWith(t testing.TB, replace ...string) engine.Incoming {
	t.Helper()
	in := string(recorded(t)[0].Payload)
	payload := strings.NewReplacer(replace...).Replace(in)
	if payload == in {
		t.Fatalf("nothing of %q is in %s", replace, payload)
	}
	return enginetest.Record(179537300000, payload)
}

func TestFirefoxsCardArrives(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	m, out := enginetest.Once(t, e, engine.Start{}, 179537256100, recorded(t)...)
	if m.Applied != 1 || m.Failed != 0 || len(out) != 0 {
		t.Fatalf("merged %+v, %d outgoing", m, len(out))
	}
	c := list(t, e)[0]
	want := creditcards.Card{ID: bob, Entry: creditcards.Entry{
		Name: "Bob Bobson", Number: "4111111111111111", ExpMonth: 4, ExpYear: 2031, Network: "visa",
	}}
	want.Version, want.TimeCreated, want.TimeLastModified = 3, time.UnixMilli(1795372558957).UTC(), time.UnixMilli(1795372558957).UTC()
	if c != want || c.Masked() != "•••• 1111" || c.Expires() != "04/2031" {
		t.Fatalf("got %+v (%s, %s)\nwant %+v", c, c.Masked(), c.Expires(), want)
	}
}

func TestNewCardGoesUpAsFirefoxWritesIt(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	c := add(t, e, creditcards.Entry{Name: "Bob Bobson", Number: "4111 1111-1111 1111", ExpMonth: 4, ExpYear: 2031})
	_, out := enginetest.Once(t, e, engine.Start{}, 1)
	want := `{"id":"` + string(c.ID) + `","entry":{"cc-name":"Bob Bobson","cc-number":"4111111111111111","cc-exp-month":4,"cc-exp-year":2031,` +
		`"cc-type":"visa","version":3,"timeCreated":1795372600000,"timeLastModified":1795372600000,"timeLastUsed":0,"timesUsed":0}}`
	if len(out) != 1 || string(out[0].Payload) != want {
		t.Fatalf("sent %v\nwant %s", out, want)
	}
}

func TestEditsMergeOrFork(t *testing.T) {
	t.Parallel()
	e, clock := open(t)
	enginetest.Once(t, e, engine.Start{}, 179537256100, recorded(t)...)
	clock.Pass(time.Minute)
	update(t, e, bob, func(c *creditcards.Card) { c.Name = "Robert Bobson" })
	enginetest.Once(t, e, engine.Start{}, 179537300000, bobWith(t, `2031`, `2035`))
	if all := list(t, e); len(all) != 1 || all[0].Name != "Robert Bobson" || all[0].ExpYear != 2035 {
		t.Fatalf("edits of different fields merged into %+v", all)
	}
	update(t, e, bob, func(c *creditcards.Card) { c.ExpMonth = 5 })
	_, out := enginetest.Once(t, e, engine.Start{}, 179537400000, bobWith(t, `"Bob Bobson"`, `"Robert Bobson"`, `2031`, `2035`, `"cc-exp-month": 4`, `"cc-exp-month": 6`))
	all := list(t, e)
	if len(all) != 2 || all[0].ID != bob || all[0].ExpMonth != 6 || all[1].ExpMonth != 5 || len(out) != 1 || out[0].ID != all[1].ID {
		t.Fatalf("edits of one field made %+v; want both", all)
	}
}

// Firefox 110 left out what follows from the number.
func TestATypeThatIsLeftOutIsNoConflict(t *testing.T) {
	t.Parallel()
	e, clock := open(t)
	enginetest.Once(t, e, engine.Start{}, 179537256100, recorded(t)...)
	clock.Pass(time.Minute)
	update(t, e, bob, func(c *creditcards.Card) { c.Number = "5555 5555 5555 4444" })
	enginetest.Once(t, e, engine.Start{}, 179537300000, bobWith(t, `"cc-type": "visa",`, ``, `"version": 3`, `"version": 4`, `"Bob Bobson"`, `"Bob"`))
	all := list(t, e)
	if len(all) != 1 || all[0].Name != "Bob" || all[0].Number != "5555555555554444" || all[0].Network != "mastercard" {
		t.Fatalf("we have %+v; want one card with both edits", all)
	}
}

func TestTheSameCardOnTwoDevicesIsOne(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	add(t, e, creditcards.Entry{Name: "Bob Bobson", Number: "4111111111111111", ExpMonth: 4, ExpYear: 2031})
	m, _ := enginetest.Once(t, e, engine.Start{}, 179537256100, recorded(t)...)
	if all := list(t, e); m.Reconciled != 1 || len(all) != 1 || all[0].ID != bob || all[0].TimeCreated.UnixMilli() != 1795372558957 {
		t.Fatalf("merged %+v into %+v", m, all)
	}
	// Firefox can have another with its number, and that stays.
	enginetest.Once(t, e, engine.Start{}, 179537300000, bobWith(t, string(bob), "000000000001", `2031`, `2035`))
	if all := list(t, e); len(all) != 2 {
		t.Fatalf("we have %+v; want both cards", all)
	}
	var dupe *engine.DuplicateError
	if _, err := e.Add(t.Context(), creditcards.Card{Entry: creditcards.Entry{Number: "4111 1111 1111 1111"}}); !errors.As(err, &dupe) || dupe.ID != bob {
		t.Errorf("one with the same number: %v; want a duplicate of %s", err, bob)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1", "2", "4"} {
		e, clock := open(t)
		if _, out := enginetest.Once(t, e, engine.Start{}, 179537256100, bobWith(t, `"version": 3`, `"version": `+version, `"cc-type": "visa",`, ``)); len(out) != 0 {
			t.Errorf("version %s comes back from us unasked: %s", version, out[0].Payload)
		}
		clock.Pass(time.Minute)
		update(t, e, bob, func(c *creditcards.Card) { c.Name = "Robert" })
		_, out := enginetest.Once(t, e, engine.Start{}, 179537300000)
		if len(out) != 1 || !strings.Contains(string(out[0].Payload), `"version":3`) || !strings.Contains(string(out[0].Payload), `"cc-type":"visa"`) {
			t.Errorf("version %s was edited into %s; want a 3, which all clients read", version, out[0].Payload)
		}
	}
	e, clock := open(t)
	enginetest.Once(t, e, engine.Start{}, 179537256100, bobWith(t, `"version": 3`, `"version": 2`))
	clock.Pass(time.Minute)
	update(t, e, bob, func(c *creditcards.Card) { c.Name = "Robert" })
	enginetest.Once(t, e, engine.Start{}, 179537300000, bobWith(t, `"version": 3`, `"version": 4`, `2031`, `2035`))
	if all := list(t, e); len(all) != 1 || all[0].Version != 3 || all[0].Name != "Robert" || all[0].ExpYear != 2035 {
		t.Errorf("two versions merged into %+v; want one card, a 3", all)
	}

	e, _ = open(t)
	enginetest.Once(t, e, engine.Start{}, 179537256100, bobWith(t, `"version": 3`, `"version": 5, "cc-cvc": {"sealed": 1}`, `"4111111111111111"`, `{"parts": [4111]}`))
	c := list(t, e)[0]
	c.Name = "Robert"
	if _, err := e.Update(t.Context(), c); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("an edit of a version 5 gave %v; want a refusal", err)
	}
}

func TestRecordsThatAreNoCard(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]string{
		"no entry":     `{"id":"x"}`,
		"a number":     `{"id":"x","entry":{"cc-number":4111111111111111,"version":3}}`,
		"a list":       `{"id":"x","entry":["4111111111111111"]}`,
		"no version":   `{"id":"x","entry":{"cc-number":"4111111111111111"}}`,
		"minus one":    `{"id":"x","entry":{"cc-number":"4111111111111111","version":-1}}`,
		"not all of 1": `{"id":"x","entry":{"cc-number":"4111111111111111","version":4111111111111111111111}}`,
	} {
		e, _ := open(t)
		m, _ := enginetest.Once(t, e, engine.Start{}, 9, enginetest.Record(8, payload), recorded(t)[0])
		if m.Failed != 1 || m.Applied != 1 {
			t.Errorf("%s: merged %+v; want it refused and the other applied", name, m)
		}
		if len(m.Problems) == 1 && strings.Contains(m.Problems[0].Err.Error(), "4111") {
			t.Errorf("%s: the problem tells the number: %v", name, m.Problems[0].Err)
		}
	}
	// A bad number that another device stored is kept, as Firefox keeps it.
	for name, payload := range map[string]string{
		"a wrong digit":   `{"id":"x","entry":{"cc-number":"4111111111111112","version":3}}`,
		"no digits":       `{"id":"x","entry":{"cc-number":"secret","version":3}}`,
		"no number":       `{"id":"x","entry":{"cc-name":"Bob","version":3}}`,
		"an odd month":    `{"id":"x","entry":{"cc-number":"4111111111111111","cc-exp-month":"may","cc-exp-year":99,"version":3}}`,
		"an unknown type": `{"id":"x","entry":{"cc-number":"4111111111111112","cc-type":"shop","version":3}}`,
	} {
		e, _ := open(t)
		if m, out := enginetest.Once(t, e, engine.Start{}, 9, enginetest.Record(8, payload)); m.Applied != 1 || len(out) != 0 || len(list(t, e)) != 1 {
			t.Errorf("%s: merged %+v; want it applied", name, m)
		}
		if c := list(t, e)[0]; c.Number != "" && strings.Contains(c.Masked(), c.Number) {
			t.Errorf("%s is shown as %s", name, c.Masked())
		}
	}
}

func TestWhatIsNoCardIsRefused(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	for reason, entry := range map[string]creditcards.Entry{
		"no number":  {Name: "Bob"},
		"digit":      {Number: "4111111111111112"},
		"line break": {Number: "4111111111111111", Name: "a\nb"},
		"months":     {Number: "4111111111111111", ExpMonth: 13, ExpYear: 2031},
		"digits and": {Number: "4111111111111111", ExpMonth: 12, ExpYear: 31},
	} {
		_, err := e.Add(t.Context(), creditcards.Card{Entry: entry})
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%+v: %v; want %q", entry, err, reason)
		}
		if err != nil && strings.Contains(err.Error(), "411") {
			t.Errorf("the error tells the number: %v", err)
		}
	}
	// A bad number that another device stored stays when another field is edited.
	enginetest.Once(t, e, engine.Start{}, 9, enginetest.Record(8, `{"id":"x","entry":{"cc-number":"4111111111111112","cc-type":"shop","version":3}}`))
	update(t, e, "x", func(c *creditcards.Card) { c.Name = "Bob" })
	if c := list(t, e)[0]; c.Number != "4111111111111112" || c.Network != "visa" {
		t.Errorf("the edit made %+v", c)
	}
}

func TestNothingReadableIsOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := kind.OpenIn(t, dir)
	defer e.Close()
	add(t, e, creditcards.Entry{Name: "Xyzzy Bobson", Number: "5555555555554444", ExpMonth: 4, ExpYear: 2031})
	enginetest.Once(t, e, engine.Start{}, 9, recorded(t)...)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v; want the database and its WAL", files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"Xyzzy", "5555555555554444", "4111111111111111", "4444", "cc-number", "visa"} {
			if bytes.Contains(raw, []byte(word)) {
				t.Errorf("%s is readable in %s", word, filepath.Base(file))
			}
		}
	}
	if _, err := creditcards.Open(t.Context(), creditcards.Config{Path: filepath.Join(dir, "plain.db"), Now: time.Now, Rand: rand.Reader}); err == nil {
		t.Error("it opens without a key")
	}
}
