package syncmanager_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

func get(t *testing.T, d *testenv.Device, collection string, id engine.ID) syncmanager.Record {
	t.Helper()
	rec, err := d.Manager.Records().Get(t.Context(), collection, id, false)
	check(t, errors.Join(err, rec.Err))
	return rec
}

func put(t *testing.T, d *testenv.Device, collection string, id engine.ID, cleartext string, since engine.Timestamp) {
	t.Helper()
	_, err := d.Manager.Records().Put(t.Context(), collection, syncmanager.Record{ID: id, Cleartext: []byte(cleartext)}, since)
	check(t, err)
}

func TestARecordWrittenByHandReachesItsEngine(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	var rec syncmanager.Record
	for r, err := range a.Manager.Records().List(t.Context(), "passwords", false) {
		check(t, errors.Join(err, r.Err))
		rec = r
	}
	put(t, a, "passwords", rec.ID, strings.Replace(string(rec.Cleartext), `"secret"`, `"by hand"`, 1), rec.Modified)
	for _, d := range []*testenv.Device{a, b} {
		d.Restart()
		if r := d.Sync(); r.Engines["passwords"].Applied != 1 || d.Logins()["https://example.org ann"] != "by hand" {
			t.Errorf("%s has %v after %+v", d.Name, d.Logins(), r)
		}
	}
	// What b wrote meanwhile is not overwritten.
	b.Add("https://example.com", "ann", "another")
	for l, err := range b.Passwords.List(t.Context()) {
		check(t, err)
		l.Password = "by b"
		_, err = b.Passwords.Update(t.Context(), l)
		check(t, err)
	}
	b.Sync()
	_, err := a.Manager.Records().Put(t.Context(), "passwords", rec, rec.Modified)
	if !errors.Is(err, syncmanager.ErrChanged) {
		t.Errorf("a concurrent write: %v", err)
	}
}

func TestRecordsAndSyncTakeTurns(t *testing.T) {
	t.Parallel()
	w, a, _ := two(t)
	for _, err := range a.Manager.Records().List(t.Context(), "clients", true) {
		check(t, err)
		if _, err := a.Manager.Sync(t.Context(), syncmanager.Options{}); !errors.Is(err, syncmanager.ErrBusy) {
			t.Errorf("a sync within a list: %v", err)
		}
		if _, err := a.Manager.Records().Collections(t.Context()); !errors.Is(err, syncmanager.ErrBusy) {
			t.Errorf("a list within a list: %v", err)
		}
		break
	}
	a.Sync() // the previous list has ended
	list, err := a.Manager.Records().Collections(t.Context())
	check(t, err)
	var names []string
	for _, c := range list {
		names = append(names, fmt.Sprint(c.Name, *c.Records))
	}
	if !slices.Equal(names, []string{"clients2", "crypto1", "meta1", "passwords1"}) {
		t.Errorf("the collections are %v", names)
	}
	// It uses the token of Sync.
	w.Net.Asked()
	a.Restart()
	_, err = a.Manager.Records().Get(t.Context(), "meta", "global", true)
	check(t, err)
	if asked := w.Net.Asked(); len(asked) != 2 {
		t.Errorf("for one record the server was asked %v", asked)
	}
	check(t, a.Manager.Close())
	for _, err := range a.Manager.Records().List(t.Context(), "clients", true) {
		if !errors.Is(err, syncmanager.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// TestWhatThisAppDoesNotKnowStaysAsItIs: another app's collection, its line in
// meta/global, its fields there and in the devices' records, its name among the
// declined ones; while this app writes all of these records itself.
func TestWhatThisAppDoesNotKnowStaysAsItIs(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	global := get(t, a, "meta", "global")
	martian := `"martians":{"version":9,"syncID":"mmm","moons":[1,2.50,12345678901234567890]}`
	text := strings.Replace(string(global.Cleartext), `"engines":{`, `"engines":{`+martian+`,"odd":"text",`, 1)
	text = strings.Replace(text, `"declined":[`, `"future":{"a":1.0},"declined":["lunarians"`, 1)
	put(t, a, "meta", "global", text, global.Modified)
	put(t, a, "martians", "m1", `{"text":"by another app"}`, 0)
	put(t, a, "lunarians", "l1", `{"text":"declined, and there still"}`, 0)
	for _, device := range a.Manager.Devices() {
		rec := get(t, a, "clients", device.ID)
		put(t, a, "clients", device.ID, strings.Replace(string(rec.Cleartext), "{", `{"saucer":12345678901234567890,`, 1), rec.Modified)
	}
	others := map[string]engine.Timestamp{"m1": get(t, a, "martians", "m1").Modified, "l1": get(t, a, "lunarians", "l1").Modified}

	// Make the manager write all records that it shares with other apps.
	a.Sync()
	var other engine.ID
	for _, device := range a.Manager.Devices() {
		if !device.Local {
			other = device.ID
		}
	}
	for _, on := range []bool{false, true} {
		check(t, a.Manager.SetEnabled(t.Context(), on, "tabs"))
		check(t, a.Manager.SendCommand(t.Context(), other, "resetEngine", "passwords"))
		check(t, a.Manager.RenameDevice(t.Context(), fmt.Sprint("a renamed ", on)))
		a.Restart()
		a.Sync()
		check(t, b.Manager.RenameDevice(t.Context(), fmt.Sprint("b renamed ", on)))
		b.Restart()
		if r := b.Sync(); len(r.Commands) != 1 || !slices.Contains(r.Declined, "lunarians") {
			t.Errorf("b: %+v", r)
		}
	}

	again := get(t, a, "meta", "global")
	if again.Modified == global.Modified {
		t.Error("meta/global was not written")
	}
	for _, want := range []string{martian, `"odd":"text"`, `"future":{"a":1.0}`, `"lunarians"`} {
		if !strings.Contains(string(again.Cleartext), want) {
			t.Errorf("%s is lost in %s", want, again.Cleartext)
		}
	}
	for _, device := range a.Manager.Devices() {
		if rec := get(t, a, "clients", device.ID); !strings.Contains(string(rec.Cleartext), `"saucer":12345678901234567890`) || !strings.Contains(string(rec.Cleartext), "renamed true") {
			t.Errorf("the record of %s is %s", device.Name, rec.Cleartext)
		}
	}
	if at := get(t, a, "martians", "m1").Modified; at != others["m1"] {
		t.Error("another app's record was written anew")
	}
	if at := get(t, a, "lunarians", "l1").Modified; at != others["l1"] {
		t.Error("a declined app's record was written anew")
	}
}
