package testenv_test

import (
	"encoding/json"
	"testing"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// A client that does not know some fields writes a record without them. That is not a deletion:
// the fields are kept, and are in the record again.
func TestFieldsThatAPoorerClientLeavesOutComeBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entry      bool // the fields are in the entry
		leaves     []string
		set, value string
	}{
		"passwords":   {false, []string{"usernameField", "passwordField", "formSubmitURL", "timeCreated", "timePasswordChanged"}, "password", `"changed"`},
		"addresses":   {true, []string{"timeCreated", "timeLastModified", "timesUsed"}, "name", `"Ann Beech"`},
		"creditcards": {true, []string{"timeCreated", "timesUsed", "billingAddressGUID"}, "cc-exp-year", "2033"},
		"addons":      {false, []string{"source", "applicationID"}, "enabled", "false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testenv.New(t)
			a := newFlat(w, "a")
			a.fill()
			for card, err := range a.cards.List(t.Context()) {
				must(t, err)
				card.BillingAddress = "address"
				_, err = a.cards.Update(t.Context(), card)
				must(t, err)
			}
			a.Sync()
			b := newFlat(w, "b")
			b.Sync()
			was := a.first(name)
			poorer := edited(t, was, c.entry, func(fields map[string]json.RawMessage) {
				for _, field := range c.leaves {
					if _, there := fields[field]; !there {
						t.Fatalf("the record has no %s: %s", field, was.Cleartext)
					}
					delete(fields, field)
				}
				fields[c.set] = json.RawMessage(c.value)
			})
			_, err := a.Manager.Records().Put(t.Context(), name, poorer, was.Modified)
			must(t, err)
			for range 3 {
				a.Sync()
				b.Sync()
			}
			want := edited(t, was, c.entry, func(fields map[string]json.RawMessage) { fields[c.set] = json.RawMessage(c.value) })
			if got := a.first(name); !sameJSON(t, got.Cleartext, want.Cleartext) {
				t.Errorf("the server has %s\nwant %s", got.Cleartext, want.Cleartext)
			}
			for _, d := range []*flat{a, b} {
				if r := d.Sync(); r.Requests != 1 {
					t.Errorf("at rest %s makes %d requests", d.Name, r.Requests)
				}
			}
		})
	}
}

func edited(t *testing.T, r syncmanager.Record, entry bool, change func(map[string]json.RawMessage)) syncmanager.Record {
	t.Helper()
	var fields map[string]json.RawMessage
	must(t, json.Unmarshal(r.Cleartext, &fields))
	if !entry {
		change(fields)
	} else {
		var within map[string]json.RawMessage
		must(t, json.Unmarshal(fields["entry"], &within))
		change(within)
		text, err := json.Marshal(within)
		must(t, err)
		fields["entry"] = text
	}
	text, err := json.Marshal(fields)
	must(t, err)
	r.Cleartext = text
	return r
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var texts []string
	for _, raw := range [][]byte{a, b} {
		var v any
		must(t, json.Unmarshal(raw, &v))
		text, err := json.Marshal(v)
		must(t, err)
		texts = append(texts, string(text))
	}
	return texts[0] == texts[1]
}
