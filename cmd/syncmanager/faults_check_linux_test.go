package main

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/syncmanager/syncmanager/bso"
)

// check ends the load, and compares each storage with what was acknowledged.
func (l *load) check() {
	l.t.Helper()
	l.stop()
	l.group.Wait()
	l.t.Logf("%d writes acknowledged, %d not; statuses %v", l.acked, l.failed, l.codes)
	for i, u := range l.users {
		u.check(l, i)
	}
}

func (u *loadUser) get(l *load, path string, into any) {
	l.t.Helper()
	code, answer, _, err := u.do(l.t.Context(), http.MethodGet, path, "")
	if err == nil && code == http.StatusOK {
		err = json.Unmarshal(answer, into)
	}
	if err != nil || code != http.StatusOK {
		l.t.Fatalf("GET %s: %d %s: %v", path, code, answer, err)
	}
}

func (u *loadUser) check(l *load, user int) {
	l.t.Helper()
	var counts map[string]int
	var times map[string]bso.Timestamp
	var usage map[string]float64
	u.get(l, "/info/collection_counts", &counts)
	u.get(l, "/info/collections", &times)
	u.get(l, "/info/collection_usage", &usage)
	stored := make(map[string]ackedRecord)
	for _, collection := range []string{"bookmarks", "history"} {
		var records []struct {
			ID, Payload string
			Modified    bso.Timestamp
		}
		u.get(l, "/storage/"+collection+"?full=1", &records)
		newest, bytes := bso.Timestamp(0), 0
		for _, r := range records {
			stored[collection+"/"+r.ID] = ackedRecord{r.Payload, r.Modified}
			newest, bytes = max(newest, r.Modified), bytes+len(r.Payload)
		}
		// What no statement of the load sums up agrees with the records themselves.
		if counts[collection] != len(records) || times[collection] != newest || usage[collection]*1024 != float64(bytes) {
			l.t.Errorf("user %d: %s has %d records of %d bytes, the newest at %v; it says %d of %v, at %v",
				user, collection, len(records), bytes, newest, counts[collection], usage[collection]*1024, times[collection])
		}
	}
	lost := 0
	for key, want := range u.acked {
		got := stored[key]
		delete(stored, key)
		switch {
		case got == want:
		case slices.Contains(u.maybe[key], got.payload) && got.at > want.at:
		default:
			if lost++; lost < 4 {
				l.t.Errorf("user %d: %s is %.30q at %v; acknowledged was %.30q at %v", user, key, got.payload, got.at, want.payload, want.at)
			}
		}
	}
	for key, got := range stored {
		if !slices.Contains(u.maybe[key], got.payload) {
			l.t.Errorf("user %d: %s was never sent as %.30q", user, key, got.payload)
		}
	}
}
