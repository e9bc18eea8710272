package interop_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestRecordsByHand: every record that Firefox wrote opens, also those of
// collections that we do not sync; one that is edited by hand reaches Firefox, and
// so does a tombstone. Our own engines never sync.
func TestRecordsByHand(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	ff := firefox(t, w)
	addToFirefox(t, ff, "https://theirs.example", "ann", "made in Firefox")
	syncFirefox(t, ff)

	records := w.Device("our device", ann).Manager.Records()
	collections, err := records.Collections(t.Context())
	check(t, err)
	read := map[string]int{}
	var login syncmanager.Record
	for _, c := range collections {
		for rec, err := range records.List(t.Context(), c.Name, false) {
			check(t, errors.Join(err, rec.Err))
			read[c.Name]++
			if c.Name == "passwords" {
				login = rec
			}
		}
		if read[c.Name] != *c.Records {
			t.Errorf("%s has %d records, and %d were read", c.Name, *c.Records, read[c.Name])
		}
	}
	for _, name := range []string{"bookmarks", "clients", "crypto", "meta", "passwords", "prefs"} {
		if read[name] == 0 {
			t.Errorf("there is nothing in %s: %v", name, read)
		}
	}

	put := func(cleartext string, since engine.Timestamp) engine.Timestamp {
		t.Helper()
		at, err := records.Put(t.Context(), "passwords", syncmanager.Record{ID: login.ID, Cleartext: []byte(cleartext)}, since)
		check(t, err)
		return at
	}
	at := put(strings.Replace(string(login.Cleartext), "made in Firefox", "by hand", 1), login.Modified)
	syncFirefox(t, ff)
	if got := loginsOf(t, ff); !maps.Equal(got, map[string]string{"https://theirs.example ann": "by hand"}) {
		t.Errorf("Firefox has %v", got)
	}
	put(`{"deleted":true}`, at)
	syncFirefox(t, ff)
	if got := loginsOf(t, ff); len(got) != 0 {
		t.Errorf("after the tombstone Firefox has %v", got)
	}
}
