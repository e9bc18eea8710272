package syncmanager_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// halt stops the next request whose path has this suffix, until goOn or until its sync is
// cancelled. halted is closed when the request was made.
func halt(w *testenv.Env, path string) (halted <-chan struct{}, goOn func()) {
	came, release := make(chan struct{}), make(chan struct{})
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		if !strings.HasSuffix(r.URL.Path, path) {
			return nil, nil
		}
		w.Net.Before(nil)
		close(came)
		select {
		case <-release:
			return nil, nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	})
	return came, func() { close(release) }
}

func TestEveryWatcherSeesEveryResultInOrder(t *testing.T) {
	t.Parallel()
	_, a, _ := two(t)
	fast, slow := a.Manager.Watch(t.Context()), a.Manager.Watch(t.Context())
	reasons := []syncmanager.Reason{syncmanager.ReasonStartup, syncmanager.ReasonSchedule, syncmanager.ReasonEngineChange}
	var want, got []string
	for _, reason := range reasons {
		want = append(want, string(reason))
		_, err := a.Manager.Sync(t.Context(), syncmanager.Options{Reason: reason}) // which waits for no watcher
		check(t, err)
		for r := range fast {
			got = append(got, r.Ping.Syncs[0].Why)
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the fast watcher saw %v", got)
	}
	_, err := a.Manager.Sync(t.Context(), syncmanager.Options{Engines: []string{"martians"}})
	if err == nil {
		t.Error("an unknown engine")
	}
	check(t, a.Manager.Close())
	got = nil
	for r := range slow {
		got = append(got, r.Ping.Syncs[0].Why)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the slow watcher saw %v", got)
	}
	for r := range fast {
		t.Errorf("the fast watcher saw %+v as well", r)
	}
}

func TestAWatcherLeavesWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := testenv.InBubble(t).Device("a", ann)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan int, 2)
		results, changed := a.Manager.Watch(ctx), a.Manager.WatchChanges(ctx)
		go func() {
			n := 0
			for range results {
				n++
			}
			ended <- n
		}()
		go func() {
			n := 0
			for range changed {
				n++
			}
			ended <- n
		}()
		a.Sync()
		a.Manager.Changed()
		synctest.Wait()
		cancel()
		if n, m := <-ended, <-ended; n != 1 || m != 1 {
			t.Errorf("they saw %d and %d", n, m)
		}
	})
}

// TestCloseEndsAllThatRuns: a sync that waits for the server, a Run, watchers. The test fails
// if one still runs when the bubble ends.
func TestCloseEndsAllThatRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := testenv.InBubble(t)
		a, b := w.Device("a", ann), w.Device("b", ann)
		a.Add("https://example.org", "ann", "secret")
		halted, _ := halt(w, "/storage/passwords")
		ran, watched := make(chan error, 1), make(chan []syncmanager.Status, 1)
		results, changed := a.Manager.Watch(t.Context()), a.Manager.WatchChanges(t.Context())
		go func() { ran <- a.Manager.Run(t.Context(), syncmanager.RunOptions{}) }()
		go func() {
			var seen []syncmanager.Status
			for r := range results {
				seen = append(seen, r.Status)
				if !errors.Is(r.Err, syncmanager.ErrClosed) {
					t.Errorf("the sync ended with %v", r.Err)
				}
			}
			for range changed {
			}
			watched <- seen
		}()
		<-halted
		check(t, a.Manager.Close())
		check(t, a.Manager.Close())
		if err := <-ran; !errors.Is(err, syncmanager.ErrClosed) {
			t.Errorf("Run ended with %v", err)
		}
		if seen := <-watched; !slices.Equal(seen, []syncmanager.Status{syncmanager.StatusFailed}) {
			t.Errorf("the watcher saw %v", seen)
		}

		w.Net.Asked()
		m := a.Manager
		_, syncErr := m.Sync(t.Context(), syncmanager.Options{})
		for what, err := range map[string]error{
			"Sync": syncErr, "Run": m.Run(t.Context(), syncmanager.RunOptions{}), "Reset": m.Reset(t.Context()), "Wipe": m.Wipe(t.Context()),
			"SignOut": m.SignOut(t.Context()), "Register": m.Register(named{bomb{}, "notes"}),
			"SetEnabled": m.SetEnabled(t.Context(), false, "tabs"), "RenameDevice": m.RenameDevice(t.Context(), "x"),
		} {
			if !errors.Is(err, syncmanager.ErrClosed) {
				t.Errorf("%s after Close: %v", what, err)
			}
		}
		for r := range m.Watch(t.Context()) {
			t.Errorf("after Close came %+v", r)
		}
		if asked := w.Net.Asked(); len(asked) > 0 {
			t.Errorf("after Close the server was asked %v", asked)
		}
		// Nothing is lost: the next process continues.
		a.Restart()
		a.Sync()
		b.Sync()
		if !maps.Equal(a.Logins(), b.Logins()) || len(b.Logins()) != 1 {
			t.Errorf("a has %v, b has %v", a.Logins(), b.Logins())
		}
	})
}

func TestCloseCancelsASyncOfTheApps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := testenv.InBubble(t)
		a := w.Device("a", ann)
		a.Sync()
		halted, _ := halt(w, "/info/collections")
		done := make(chan error, 1)
		go func() {
			_, err := a.Manager.Sync(t.Context(), syncmanager.Options{})
			done <- err
		}()
		<-halted
		check(t, a.Manager.Close())
		if err := <-done; !errors.Is(err, syncmanager.ErrClosed) || !strings.Contains(err.Error(), "the manager is closed") {
			t.Errorf("the sync ended with %v", err)
		}
		if r, err := a.Manager.Sync(t.Context(), syncmanager.Options{}); !errors.Is(err, syncmanager.ErrClosed) || r.Status != syncmanager.StatusFailed {
			t.Errorf("after Close: %+v, %v", r, err)
		}
	})
}

// TestASyncWorksOnTheEnginesItBeganWith, also if engines are registered or removed meanwhile.
func TestASyncWorksOnTheEnginesItBeganWith(t *testing.T) {
	t.Parallel()
	w, a, b := two(t)
	a.Add("https://example.com", "ann", "another")
	halted, goOn := halt(w, "/storage/passwords")
	var r syncmanager.Result
	done := make(chan error, 1)
	go func() {
		var err error
		r, err = a.Manager.Sync(t.Context(), syncmanager.Options{})
		done <- err
	}()
	<-halted
	began := 0
	late := named{bomb{begin: func() (engine.Session, error) { began++; return nil, errors.New("late") }}, "notes"}
	check(t, a.Manager.Register(late))
	a.Manager.Unregister("passwords")
	a.Manager.Unregister("tabs")
	goOn()
	check(t, <-done)
	if got := slices.Sorted(maps.Keys(r.Engines)); !slices.Equal(got, []string{"passwords", "tabs"}) || r.Engines["passwords"].Uploaded != 1 || began != 0 {
		t.Errorf("it synced %v: %+v", got, r)
	}
	r, _ = a.Manager.Sync(t.Context(), syncmanager.Options{})
	if got := slices.Sorted(maps.Keys(r.Engines)); !slices.Equal(got, []string{"notes"}) || began != 1 {
		t.Errorf("the next synced %v", got)
	}
	b.Sync()
	if len(b.Logins()) != 2 {
		t.Errorf("b has %v", b.Logins())
	}
	list, err := a.Manager.Engines(t.Context())
	check(t, err)
	if len(list) != 1 || list[0].Name != "notes" || list[0].LastError == "" {
		t.Errorf("the engines are %s", fmt.Sprint(list))
	}
}
