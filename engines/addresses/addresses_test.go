package addresses_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
)

func open(t testing.TB) (*addresses.Engine, *testclock.Clock) { return kind.OpenNew(t) }

func list(t testing.TB, e *addresses.Engine) []addresses.Address {
	t.Helper()
	var all []addresses.Address
	for a, err := range e.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

func add(t testing.TB, e *addresses.Engine, entry addresses.Entry) addresses.Address {
	t.Helper()
	a, err := e.Add(t.Context(), addresses.Address{Entry: entry})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func update(t testing.TB, e *addresses.Engine, id engine.ID, edit func(*addresses.Address)) {
	t.Helper()
	a, err := e.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	edit(&a)
	if _, err := e.Update(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

// bob is the address that Firefox ESR 153.7 uploaded.
const bob = engine.ID("42ca9cc35a1c")

func withBob(t testing.TB) (*addresses.Engine, *testclock.Clock) {
	t.Helper()
	e, clock := open(t)
	m, out := enginetest.Once(t, e, engine.Start{}, 179537256100, enginetest.Records(t, "testdata/firefox-esr-153.json")...)
	if m.Applied != 1 || m.Failed != 0 || len(out) != 0 {
		t.Fatalf("merged %+v, %d outgoing; want 1 applied and nothing to send", m, len(out))
	}
	return e, clock
}

// bobWith is Firefox's record with other fields put before its own end.
func bobWith(t testing.TB, replace ...string) engine.Incoming {
	t.Helper()
	in := enginetest.Records(t, "testdata/firefox-esr-153.json")[0]
	payload := strings.NewReplacer(replace...).Replace(string(in.Payload))
	if payload == string(in.Payload) {
		t.Fatalf("nothing of %q is in %s", replace, payload)
	}
	return enginetest.Record(179537300000, payload)
}

func TestFirefoxsAddressArrives(t *testing.T) {
	t.Parallel()
	e, _ := withBob(t)
	got := list(t, e)[0]
	want := addresses.Address{ID: bob, Entry: addresses.Entry{
		Name: "Bob B Bobson", StreetAddress: "1 Main St", AddressLevel2: "Town", PostalCode: "12345", Country: "US",
		Tel: "+15551234567", Email: "bob@example.org", GivenName: "Bob", AdditionalName: "B", FamilyName: "Bobson",
	}}
	want.Version, want.TimeCreated, want.TimeLastModified = 1, time.UnixMilli(1795372558946).UTC(), time.UnixMilli(1795372558946).UTC()
	if got != want {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
}

func TestNewAddressGoesUpAsFirefoxWritesIt(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	a := add(t, e, addresses.Entry{
		Name: " Dr. Bob B Bobson ", StreetAddress: "1 Main St\r\nFloor 2", AddressLevel2: "Town", Country: "united states",
		Tel: "(555) 123-4567",
	})
	_, out := enginetest.Once(t, e, engine.Start{}, 1)
	want := `{"id":"` + string(a.ID) + `","entry":{"name":"Dr. Bob B Bobson","street-address":"1 Main St\nFloor 2","address-level2":"Town",` +
		`"country":"US","tel":"+15551234567","version":1,"timeCreated":1795372600000,"timeLastModified":1795372600000,` +
		`"timeLastUsed":0,"timesUsed":0,"given-name":"Bob","additional-name":"B","family-name":"Bobson"}}`
	if len(out) != 1 || string(out[0].Payload) != want {
		t.Fatalf("sent %s\nwant %s", out[0].Payload, want)
	}
	if len(a.ID) != 12 || strings.Trim(string(a.ID), "0123456789abcdef") != "" {
		t.Errorf("its ID is %s; Firefox's have twelve hexadecimal digits", a.ID)
	}
	if _, again := enginetest.Once(t, e, engine.Start{}, 3); len(again) != 0 {
		t.Fatalf("a second sync sends %v again", again)
	}
}

func TestEditsOfDifferentFieldsMerge(t *testing.T) {
	t.Parallel()
	e, clock := withBob(t)
	clock.Pass(time.Minute)
	update(t, e, bob, func(a *addresses.Address) { a.Email = "bob@new.example" })
	_, out := enginetest.Once(t, e, engine.Start{}, 179537300000, bobWith(t, `"Town"`, `"City"`, `"timesUsed": 0`, `"timesUsed": 3, "later": [1]`,
		`"timeLastModified": 1795372558946`, `"timeLastModified": 1795372999000`))
	if len(out) != 1 {
		t.Fatalf("%d records go up; want the merged one", len(out))
	}
	a := list(t, e)[0]
	if a.Email != "bob@new.example" || a.AddressLevel2 != "City" || a.TimesUsed != 3 || a.TimeLastModified.UnixMilli() != 1795372999000 {
		t.Fatalf("merged into %+v", a)
	}
	if !strings.Contains(string(out[0].Payload), `"later":[1]`) {
		t.Errorf("sent %s without the field that we do not know", out[0].Payload)
	}
}

func TestEditsOfOneFieldFork(t *testing.T) {
	t.Parallel()
	e, clock := withBob(t)
	clock.Pass(time.Minute)
	update(t, e, bob, func(a *addresses.Address) { a.Name = "Robert Bobson" })
	_, out := enginetest.Once(t, e, engine.Start{}, 179537300000, bobWith(t, `"Bob B Bobson"`, `"Bobby Bobson"`, `"Bob"`, `"Bobby"`, `"additional-name": "B",`, ``))
	all := list(t, e)
	if len(all) != 2 || all[0].ID != bob || all[0].Name != "Bobby Bobson" || all[1].Name != "Robert Bobson" || all[1].GivenName != "Robert" {
		t.Fatalf("we have %+v; want Firefox's under its ID and ours beside it", all)
	}
	if len(out) != 1 || out[0].ID != all[1].ID {
		t.Fatalf("%v goes up; want the fork alone", out)
	}
	if _, again := enginetest.Once(t, e, engine.Start{}, 179537400000); len(again) != 0 {
		t.Errorf("a second sync sends %v", again)
	}
}

func TestTheSameAddressOnTwoDevicesIsOne(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	a := add(t, e, addresses.Entry{
		Name: "Bob B Bobson", StreetAddress: "1 Main St", AddressLevel2: "Town", PostalCode: "12345", Country: "US",
		Tel: "+15551234567", Email: "bob@example.org",
	})
	other := add(t, e, addresses.Entry{Name: "Bob B Bobson", StreetAddress: "2 Main St"})
	m, out := enginetest.Once(t, e, engine.Start{}, 179537256100, enginetest.Records(t, "testdata/firefox-esr-153.json")...)
	all := list(t, e)
	if m.Reconciled != 1 || len(all) != 2 || all[0].ID != other.ID && all[1].ID != other.ID {
		t.Fatalf("merged %+v into %+v", m, all)
	}
	for _, o := range out {
		if o.ID == a.ID {
			t.Errorf("%s goes up, which was never on the server", o.ID)
		}
	}
	if _, err := e.Get(t.Context(), bob); err != nil {
		t.Errorf("the account's ID is not ours now: %v", err)
	}
}

// Firefox before 118 knew the parts of a name and not the whole.
func TestANameFromItsParts(t *testing.T) {
	t.Parallel()
	e, clock := withBob(t)
	clock.Pass(time.Minute)
	update(t, e, bob, func(a *addresses.Address) { a.Email = "bob@new.example" })
	enginetest.Once(t, e, engine.Start{}, 179537300000, bobWith(t, `"name": "Bob B Bobson",`, ``, `"given-name": "Bob"`, `"given-name": "Rob"`))
	if a := list(t, e); len(a) != 1 || a[0].Name != "Rob B Bobson" || a[0].Email != "bob@new.example" {
		t.Fatalf("we have %+v", a)
	}
}

// Firefox for phones may write a name without its parts.
func TestPartsThatAreLeftOutAreNoConflict(t *testing.T) {
	t.Parallel()
	e, clock := withBob(t)
	clock.Pass(time.Minute)
	update(t, e, bob, func(a *addresses.Address) { a.Name = "Rob B Bobson" })
	_, out := enginetest.Once(t, e, engine.Start{}, 179537300000, bobWith(t, `"Town"`, `"City"`,
		`"given-name": "Bob",`, ``, `"additional-name": "B",`, ``, `"family-name": "Bobson"`, `"x": 1`))
	a := list(t, e)
	if len(a) != 1 || a[0].Name != "Rob B Bobson" || a[0].GivenName != "Rob" || a[0].AddressLevel2 != "City" || len(out) != 1 {
		t.Fatalf("we have %+v, and send %d; want one address with both edits", a, len(out))
	}
}

func TestMostOfTheAddressesAreNotDeletedUnasked(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	var gone []engine.Incoming
	for i := range 12 {
		a := add(t, e, addresses.Entry{Name: fmt.Sprint("Ann ", i)})
		gone = append(gone, engine.Incoming{ID: a.ID, Modified: 20})
	}
	enginetest.Once(t, e, engine.Start{}, 9)
	s, err := e.Begin(t.Context(), engine.Start{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stage(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	var hold *engine.TooManyDeletionsError
	if _, err := s.Merge(t.Context(), 20); !errors.As(err, &hold) || len(list(t, e)) != 12 {
		t.Fatalf("merged with %v, %d are left; want it held", err, len(list(t, e)))
	}
	if err := s.End(t.Context(), err); err != nil {
		t.Fatal(err)
	}
}

func TestRecordsThatAreNoAddress(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct{ payload, reason string }{
		"no entry":         {`{"id":"x"}`, "no entry"},
		"a null entry":     {`{"id":"x","entry":null}`, "no entry"},
		"a text":           {`{"id":"x","entry":"Bob"}`, "its entry is not what it should be"},
		"no object":        {`[1]`, "not a JSON object"},
		"a number as name": {`{"id":"x","entry":{"name":7,"version":1}}`, "its name is not what it should be"},
		"no version":       {`{"id":"x","entry":{"name":"Bob"}}`, "version is 0"},
		"a text version":   {`{"id":"x","entry":{"name":"Bob","version":"1"}}`, "its version is not"},
	} {
		e, _ := open(t)
		m, _ := enginetest.Once(t, e, engine.Start{}, 9, engine.Incoming{ID: "x", Modified: 8, Payload: []byte(x.payload)},
			enginetest.Record(8, `{"id":"y","entry":{"name":"Ann","version":1}}`))
		if m.Failed != 1 || m.Applied != 1 || !strings.Contains(m.Problems[0].Err.Error(), x.reason) {
			t.Errorf("%s: merged %+v; want it refused as %q and the other applied", name, m, x.reason)
		}
	}
	for name, payload := range map[string]string{
		"times of wrong types": `{"id":"x","entry":{"name":"Bob","version":1,"timeCreated":"then","timesUsed":null,"timeLastUsed":{}}}`,
		"null fields":          `{"id":"x","entry":{"name":null,"email":"a@b","version":1}}`,
		"nothing but a city":   `{"id":"x","entry":{"address-level2":"Town","version":1}}`,
		"an empty one":         `{"id":"x","entry":{"version":1}}`,
		"no id of its own":     `{"entry":{"name":"Bob","version":1}}`,
	} {
		e, _ := open(t)
		m, out := enginetest.Once(t, e, engine.Start{}, 9, engine.Incoming{ID: "x", Modified: 8, Payload: []byte(payload)})
		if m.Applied != 1 || len(out) != 0 || len(list(t, e)) != 1 {
			t.Errorf("%s: merged %+v, %d to send; want it applied", name, m, len(out))
		}
	}
}

func TestANewerFormIsKeptAndNotEdited(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	const newer = `{"id":"x","entry":{"name":"Bob","email":["a@b","c@d"],"version":2}}`
	m, _ := enginetest.Once(t, e, engine.Start{}, 9, enginetest.Record(8, newer))
	if m.Applied != 1 {
		t.Fatalf("merged %+v", m)
	}
	a := list(t, e)[0]
	if a.Name != "Bob" || a.Version != 2 {
		t.Fatalf("we show %+v", a)
	}
	a.Name = "Rob"
	if _, err := e.Update(t.Context(), a); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Fatalf("an edit gave %v; want a refusal", err)
	}
	a.ID = ""
	if _, err := e.Add(t.Context(), a); err == nil {
		t.Error("it could be added")
	}
	if err := e.Delete(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if _, out := enginetest.Once(t, e, engine.Start{}, 11); len(out) != 1 || out[0].Payload != nil {
		t.Errorf("%v goes up; want a deletion", out)
	}
}

func TestWhatIsNoAddressIsRefused(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	for reason, entry := range map[string]addresses.Entry{
		"empty":           {Country: "US"},
		"line break":      {Name: "Bob\nBobson"},
		"no such country": {Name: "Bob", Country: "Atlantis"},
	} {
		if _, err := e.Add(t.Context(), addresses.Address{Entry: entry}); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%+v: %v; want %q", entry, err, reason)
		}
	}
	add(t, e, addresses.Entry{Name: "Bob", Country: "Germany"})
	if _, err := e.Add(t.Context(), addresses.Address{Entry: addresses.Entry{Name: "Bob", Country: "DE"}}); err == nil {
		t.Error("the same address was added twice")
	}
}

func TestAnEditTakesFieldsAwayAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	e, clock := open(t)
	enginetest.Once(t, e, engine.Start{}, 9, enginetest.Record(8, `{"id":"x","more":1,"entry":{"name":"Bob Bobson","tel":"odd tel","email":"a@b","version":1,`+
		`"timeCreated":5,"given-name":"Bob","family-name":"Bobson","own":{"a":1}}}`))
	clock.Pass(time.Minute)
	update(t, e, "x", func(a *addresses.Address) { a.Email, a.Name = "", "Bob" })
	_, out := enginetest.Once(t, e, engine.Start{}, 20)
	want := `{"id":"x","more":1,"entry":{"name":"Bob","tel":"odd tel","version":1,"timeCreated":5,"given-name":"Bob","own":{"a":1},` +
		`"timeLastModified":1795372660000,"timeLastUsed":0,"timesUsed":0}}`
	if len(out) != 1 || string(out[0].Payload) != want {
		t.Fatalf("sent %s\nwant %s", out[0].Payload, want)
	}
	update(t, e, "x", func(*addresses.Address) {})
	if _, out := enginetest.Once(t, e, engine.Start{}, 30); len(out) != 0 {
		t.Errorf("an edit that changes nothing goes up: %s", out[0].Payload)
	}
}
