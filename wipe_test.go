package syncmanager_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// other returns a device as another one sees it.
func other(t *testing.T, d *testenv.Device) engine.ID {
	t.Helper()
	devices := d.Manager.Devices()
	i := slices.IndexFunc(devices, func(d engine.Device) bool { return !d.Local })
	if i < 0 {
		t.Fatalf("%s sees %+v", d.Name, devices)
	}
	return devices[i].ID
}

// A device that restores a backup makes all others drop their data. What they did not upload
// yet is uploaded, many deletions wait for the user's confirmation, and what was deleted can be
// restored.
func TestAWipeFromElsewhereIsHeldAndCanBeUndone(t *testing.T) {
	for _, command := range [][]string{{"wipeEngine", "passwords"}, {"wipeAll"}} {
		t.Run(command[0], func(t *testing.T) {
			t.Parallel()
			w := testenv.New(t)
			a, b := w.Device("a", ann), w.Device("b", ann)
			for i := range 30 {
				a.Add(fmt.Sprintf("https://%d.example", i), "ann", "p")
			}
			a.Sync()
			b.Sync()
			a.Sync()
			b.Add("https://unsent.example", "ann", "p")
			if all := b.Logins(); len(all) != 31 {
				t.Fatalf("b has %d logins", len(all))
			}
			// a starts over with one login.
			for l, err := range a.Passwords.List(t.Context()) {
				check(t, err)
				if l.Hostname != "https://7.example" {
					check(t, a.Passwords.Delete(t.Context(), l.ID))
				}
			}
			check(t, a.Manager.Records().DeleteCollection(t.Context(), "passwords"))
			check(t, a.Manager.Reset(t.Context(), "passwords"))
			check(t, a.Manager.SendCommand(t.Context(), other(t, a), command[0], command[1:]...))
			if r := a.Sync(); r.CommandsSent != 1 {
				t.Fatalf("a sent %d commands", r.CommandsSent)
			}

			for range 2 { // it keeps waiting
				r, err := b.Manager.Sync(t.Context(), syncmanager.Options{})
				var hold *engine.TooManyDeletionsError
				if got := r.Engines["passwords"]; err != nil || got.Status != syncmanager.StatusNeedsConfirmation || !errors.As(got.Err, &hold) || hold.Deletions != 30 {
					t.Fatalf("b: %+v, %v; want 30 deletions held", got, err)
				}
				if all := b.Logins(); len(all) != 31 || len(r.Commands) != 0 {
					t.Fatalf("b has %d logins and carried out %+v; want all of them and nothing", len(all), r.Commands)
				}
			}
			r, err := b.Manager.Sync(t.Context(), syncmanager.Options{AcceptDeletions: true})
			if err != nil || len(r.Commands) != 1 {
				t.Fatalf("%+v, %v; want the command carried out", r.Commands, err)
			}
			if all := b.Logins(); len(all) != 2 || all["https://7.example ann"] == "" || all["https://unsent.example ann"] == "" {
				t.Errorf("b has %v; want what the account has, and what was unsent", all)
			}
			log, err := b.Passwords.Log(t.Context())
			if err != nil || len(log) != 1 || log[0].Deleted != 30 {
				t.Fatalf("the log is %+v, %v; want 30 deleted", log, err)
			}
			done, err := b.Passwords.Undo(t.Context(), "")
			if err != nil || done.Restored != 29 || done.Kept != 0 {
				t.Errorf("undone: %+v, %v; want 29 restored", done, err)
			}
			b.Sync()
			if r := a.Sync(); len(a.Logins()) != 31 || r.Engines["passwords"].Applied != 30 {
				t.Errorf("a has %d logins after %+v; want all again", len(a.Logins()), r.Engines["passwords"])
			}
			if r := b.Sync(); r.Engines["passwords"].Uploaded != 0 || len(r.Commands) != 0 {
				t.Errorf("at rest: %+v", r)
			}
		})
	}
}

// pages returns the number of pages in a device's history.
func pages(t *testing.T, d *testenv.Device) int {
	t.Helper()
	n, err := d.History.Count(t.Context())
	check(t, err)
	return n
}

// As with the other stores, a device that starts over makes all others drop their data, except
// what was not uploaded yet, and what was deleted can be restored.
func TestAWipeOfTheHistoryFromElsewhereCanBeUndone(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a, b := w.Browser("a", ann), w.Browser("b", ann)
	visit := func(d *testenv.Device, url string) {
		t.Helper()
		_, err := d.History.AddVisit(t.Context(), url, "page", history.Visit{At: w.Clock.Now().Add(-time.Hour)})
		check(t, err)
	}
	for i := range 30 {
		visit(a, fmt.Sprintf("https://%d.example/", i))
	}
	a.Sync()
	b.Sync()
	a.Sync()
	visit(b, "https://unsent.example/")

	check(t, a.Manager.Wipe(t.Context(), "history"))
	check(t, a.Manager.Records().DeleteCollection(t.Context(), "history"))
	check(t, a.Manager.SendCommand(t.Context(), other(t, a), "wipeEngine", "history"))
	a.Sync()
	r, err := b.Manager.Sync(t.Context(), syncmanager.Options{})
	if got := r.Engines["history"]; err != nil || got.Status != syncmanager.StatusNeedsConfirmation || pages(t, b) != 31 {
		t.Fatalf("b: %+v, %v, %d pages; want 30 deletions held", got, err, pages(t, b))
	}
	_, err = b.Manager.Sync(t.Context(), syncmanager.Options{AcceptDeletions: true})
	if check(t, err); pages(t, b) != 1 {
		t.Fatalf("b has %d pages; want the unsent one", pages(t, b))
	}
	done, err := b.History.Undo(t.Context(), "")
	if err != nil || done.Restored != 30 {
		t.Fatalf("undone: %+v, %v; want 30 restored", done, err)
	}
	b.Sync()
	if a.Sync(); pages(t, a) != 31 {
		t.Errorf("a has %d pages; want all again, and the one that was unsent", pages(t, a))
	}
}

// Emptying the storage on the server deletes nothing on any device: each reconciles, whichever
// syncs first, and what was deleted before stays deleted.
func TestDeleteAllOnTheServer(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a, b := w.Browser("a", ann), w.Browser("b", ann)
	for i := range 30 {
		a.Add(fmt.Sprintf("https://%d.example", i), "ann", "p")
	}
	gone := a.Add("https://gone.example", "ann", "p")
	check(t, a.Manager.SetEnabled(t.Context(), false, "history"))
	a.Sync()
	b.Sync()
	check(t, b.Passwords.Delete(t.Context(), gone.ID))
	b.Sync()
	a.Sync()
	b.Add("https://unsent.example", "ann", "p")

	records := a.Manager.Records()
	seen, err := records.Collections(t.Context())
	check(t, err)
	// What was written since the user looked is not deleted.
	a.Add("https://later.example", "ann", "p")
	a.Sync()
	for name, seen := range map[string][]syncmanager.Collection{"an old list": seen, "none": nil, "a part": seen[1:]} {
		if err := records.DeleteAll(t.Context(), seen); !errors.Is(err, syncmanager.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	seen, err = records.Collections(t.Context())
	check(t, err)
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodDelete {
			w.Net.Before(nil)
			return testenv.Answer(r, 412, "application/json", "0"), nil // another device writes at this moment
		}
		return nil, nil
	})
	if err := records.DeleteAll(t.Context(), seen); !errors.Is(err, syncmanager.ErrChanged) {
		t.Errorf("while another device writes: %v", err)
	}
	if now, err := records.Collections(t.Context()); err != nil || len(now) != len(seen) {
		t.Fatalf("the server has %v, %v", now, err)
	}

	before, err := records.Get(t.Context(), "meta", "global", false)
	check(t, err)
	check(t, records.DeleteAll(t.Context(), seen))
	now, err := records.Collections(t.Context())
	check(t, err)
	if names := fmt.Sprint(slices.Collect(func(yield func(string) bool) {
		for _, c := range now {
			_ = yield(c.Name)
		}
	})); names != "[crypto meta]" {
		t.Errorf("the server has %s", names)
	}
	after, err := records.Get(t.Context(), "meta", "global", false)
	check(t, err)
	if string(before.Cleartext) == string(after.Cleartext) || !strings.Contains(string(after.Cleartext), `"declined":["forms","history"]`) {
		t.Errorf("meta/global was %s and is %s", before.Cleartext, after.Cleartext)
	}
	if len(a.Logins()) != 31 || len(b.Logins()) != 31 {
		t.Fatalf("a has %d logins, b %d", len(a.Logins()), len(b.Logins()))
	}
	// b, which has not seen the later one, is first.
	for range 2 {
		for _, d := range []*testenv.Device{b, a} {
			if r := d.Sync(); r.Engines["history"].Status != syncmanager.StatusDeclined {
				t.Errorf("%s: history is %s", d.Name, r.Engines["history"].Status)
			}
		}
	}
	for _, d := range []*testenv.Device{a, b} {
		all := d.Logins()
		if len(all) != 32 || all["https://later.example ann"] == "" || all["https://unsent.example ann"] == "" || all["https://gone.example ann"] != "" {
			t.Errorf("%s has %d logins: %v", d.Name, len(all), all)
		}
	}
}

// A device that never synced does not know what the user declined, and keeps it declined.
func TestDeleteAllFromANewDevice(t *testing.T) {
	t.Parallel()
	w, a, _ := two(t)
	check(t, a.Manager.SetEnabled(t.Context(), false, "tabs"))
	a.Sync()
	records := w.Device("c", ann).Manager.Records()
	seen, err := records.Collections(t.Context())
	check(t, err)
	check(t, records.DeleteAll(t.Context(), seen))
	if r := a.Sync(); r.Engines["tabs"].Status != syncmanager.StatusDeclined || r.Engines["passwords"].Uploaded != 1 {
		t.Errorf("%+v", r.Engines)
	}
}

// If the storage is lost half-way through starting over, the next sync completes it.
func TestDeleteAllThatIsInterrupted(t *testing.T) {
	t.Parallel()
	w, a, b := two(t)
	records := a.Manager.Records()
	seen, err := records.Collections(t.Context())
	check(t, err)
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPut {
			return nil, errors.New("the network is unreachable")
		}
		return nil, nil
	})
	if err := records.DeleteAll(t.Context(), seen); err == nil {
		t.Fatal("it went well")
	}
	w.Net.Before(nil)
	b.Sync()
	a.Sync()
	if len(a.Logins()) != 1 || len(b.Logins()) != 1 {
		t.Errorf("a has %v, b has %v", a.Logins(), b.Logins())
	}
}
