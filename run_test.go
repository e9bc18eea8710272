package syncmanager_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// diary records the syncs of a device: the time since the environment began, and the result.
type diary struct {
	began time.Time

	mu    sync.Mutex
	lines []string
}

func (d *diary) write(r syncmanager.Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf("%v %s %s", time.Since(d.began).Round(time.Second), r.Ping.Syncs[0].Why, r.Status))
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return lines
}

// running is a device in a bubble whose manager runs until stop.
func running(t *testing.T, o syncmanager.RunOptions) (w *testenv.Env, a *testenv.Device, d *diary, stop func() error) {
	w = testenv.InBubble(t)
	a = w.Device("a", ann)
	d = &diary{began: time.Now()}
	ctx, cancel := context.WithCancel(t.Context())
	watch := a.Manager.Watch(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Manager.Run(ctx, o) }()
	go func() {
		for r := range watch {
			d.write(r)
		}
	}()
	return w, a, d, func() error {
		cancel()
		return <-ended
	}
}

func expect(t *testing.T, d *diary, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := d.read(); !slices.Equal(got, want) {
		t.Errorf("the syncs were\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestRunSyncsAtOnceAfterChangesAndEachHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, a, d, stop := running(t, syncmanager.RunOptions{})
		expect(t, d, "0s startup ok")
		time.Sleep(time.Hour + time.Second)
		expect(t, d, "1h0m0s schedule ok")

		// Three edits are one sync, half a second after the last.
		for range 3 {
			time.Sleep(300 * time.Millisecond)
			a.Manager.Changed("passwords")
		}
		time.Sleep(time.Minute)
		expect(t, d, "1h0m2s engine-change ok")

		// The hour starts again, also after a sync that the app asked for.
		time.Sleep(30 * time.Minute)
		a.Sync()
		time.Sleep(59 * time.Minute)
		expect(t, d, "1h31m2s user ok")
		time.Sleep(2 * time.Minute)
		expect(t, d, "2h31m2s schedule ok")

		// A user who never stops typing does not delay the sync for ever, and causes fewer and fewer.
		typing := func() int {
			for range 100 {
				time.Sleep(time.Second)
				a.Manager.Changed("passwords")
			}
			synctest.Wait()
			return len(d.read())
		}
		if n := typing(); n != 5 {
			t.Errorf("%d syncs in 100 seconds of typing", n)
		}
		if n := typing(); n > 2 {
			t.Errorf("%d syncs in 100 more seconds of typing", n)
		}
		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
}

func TestRunTakesUpWhatWaitsForTheNextSync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, a, d, stop := running(t, syncmanager.RunOptions{After: time.Second})
		expect(t, d, "0s startup ok")
		check(t, a.Manager.SetEnabled(t.Context(), false, "tabs"))
		check(t, a.Manager.RenameDevice(t.Context(), "another name"))
		time.Sleep(2 * time.Second)
		expect(t, d, "1s engine-change ok")
		a.Manager.Changed("martians") // not a registered engine
		time.Sleep(time.Minute)
		expect(t, d)
		_ = stop()
	})
}

func TestRunTriesAgainWithGrowingPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, a, d, stop := running(t, syncmanager.RunOptions{Every: 10 * time.Minute})
		expect(t, d, "0s startup ok")
		w.Net.Before(func(*http.Request) (*http.Response, error) { return nil, errors.New("the network is unreachable") })
		time.Sleep(31 * time.Minute)
		expect(t, d, "10m0s schedule failed", "11m0s schedule failed", "13m0s schedule failed", "17m0s schedule failed", "25m0s schedule failed")
		// The pauses stay within Every; a change tries sooner, but at most once a minute.
		a.Manager.Changed("passwords")
		time.Sleep(10 * time.Second)
		expect(t, d, "31m1s engine-change failed")
		a.Manager.Changed("passwords")
		time.Sleep(20 * time.Second)
		expect(t, d)
		w.Net.Before(nil)
		time.Sleep(time.Minute)
		expect(t, d, "32m1s engine-change ok")
		time.Sleep(10 * time.Minute)
		expect(t, d, "42m1s schedule ok")
		_ = stop()
	})
}

func TestRunLeavesAServiceAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, a, d, stop := running(t, syncmanager.RunOptions{})
		expect(t, d, "0s startup ok")
		ask := func(header string) {
			w.Net.Before(func(r *http.Request) (*http.Response, error) {
				return testenv.Answer(r, 503, "application/json", "0", header, "1800"), nil
			})
		}
		ask("X-Weave-Backoff")
		time.Sleep(time.Hour)
		expect(t, d, "1h0m0s schedule failed")
		w.Net.Before(nil)
		a.Manager.Changed("passwords")
		w.Net.Asked()
		time.Sleep(29 * time.Minute)
		expect(t, d)
		if asked := w.Net.Asked(); len(asked) > 0 {
			t.Errorf("while it was to be left alone, the service was asked %v", asked)
		}
		time.Sleep(time.Minute)
		expect(t, d, "1h30m0s engine-change ok")
		_ = stop()

		// The request to wait outlives the process, or the Run.
		ask("Retry-After")
		_, err := a.Manager.Sync(t.Context(), syncmanager.Options{})
		if !errors.As(err, new(*syncmanager.BackedOffError)) {
			t.Fatalf("the order to wait: %v", err)
		}
		w.Net.Before(nil)
		w.Net.Asked()
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
		defer cancel()
		if err := a.Manager.Run(ctx, syncmanager.RunOptions{}); !errors.Is(err, context.DeadlineExceeded) || len(w.Net.Asked()) > 0 {
			t.Errorf("a Run during the wait ended with %v", err)
		}
	})
}

func TestRunEndsWhereOnlyTheUserCanHelp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := testenv.InBubble(t)
		a, b := w.Device("a", ann), w.Device("b", ann)
		a.Sync()
		b.Sync()
		a.Sync()
		var id engine.ID
		for _, device := range a.Manager.Devices() {
			if !device.Local {
				id = device.ID
			}
		}
		check(t, a.Manager.SendCommand(t.Context(), id, "logout"))
		a.Sync()
		if err := b.Manager.Run(t.Context(), syncmanager.RunOptions{}); !errors.Is(err, syncmanager.ErrSignedOut) {
			t.Errorf("signed out by another device: Run ended with %v", err)
		}
		check(t, w.Client().Resume(a.Account.Session()).SignOut(t.Context()))
		time.Sleep(48 * time.Hour) // all tokens end
		if err := a.Manager.Run(t.Context(), syncmanager.RunOptions{}); !errors.As(err, new(*syncmanager.AuthError)) {
			t.Errorf("a session that was ended elsewhere: Run ended with %v", err)
		}
	})
}

// notes is an engine that notifies of changes by the user.
type notes struct {
	bomb
	engine.ChangeNotifier
}

func (*notes) Collection() string { return "notes" }

func TestAnEngineTellsOfItsChanges(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a := w.Device("a", ann)
	var n notes
	n.Notify() // before there is a listener
	check(t, a.Manager.Register(&n))
	changed := a.Manager.WatchChanges(t.Context())
	n.Notify()
	n.Notify()
	a.Manager.Changed("tabs", "martians")
	next := func() []string {
		for names := range changed {
			return names
		}
		return nil
	}
	if got := next(); !slices.Equal(got, []string{"notes", "tabs"}) {
		t.Errorf("changed: %v", got)
	}
	a.Manager.Unregister("notes")
	n.Notify()
	a.Manager.Changed()
	if got := next(); !slices.Equal(got, []string{"passwords", "tabs"}) {
		t.Errorf("changed: %v", got)
	}
	check(t, a.Manager.Close())
	if got := next(); got != nil {
		t.Errorf("after Close: %v", got)
	}
}
