package syncmanager_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/tabs"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestRunSendsClosedTabs: what the user closes on another device is sent after the pause in which
// it can be undone, and what the network loses is sent later.
func TestRunSendsClosedTabs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := testenv.InBubble(t)
		a, b := w.Device("a", ann), w.Device("b", ann)
		in := withInbox(b)
		const one, two = "https://one.example/", "https://two.example/"
		check(t, b.Tabs.SetOpenTabs(t.Context(), tabs.OpenTabs{Tabs: []tabs.Tab{{URLHistory: []string{one}}, {URLHistory: []string{two}, Index: 1}}}))
		for _, d := range []*testenv.Device{a, b, a, b, a} {
			d.Sync()
		}
		devices := a.Manager.Devices()
		there := devices[slices.IndexFunc(devices, func(d engine.Device) bool { return !d.Local })].ID
		ended := make(chan error, 1)
		go func() { ended <- a.Manager.Run(t.Context(), syncmanager.RunOptions{}) }()
		after := func(pause time.Duration, want ...string) {
			t.Helper()
			time.Sleep(pause)
			synctest.Wait()
			check(t, b.Manager.Receive(t.Context()))
			arrived(t, in, want...)
		}
		after(0)
		check(t, a.Tabs.CloseRemote(t.Context(), there, one))
		after(4 * time.Second)
		check(t, a.Tabs.UndoClose(t.Context(), there, one))
		after(time.Minute)
		check(t, a.Tabs.CloseRemote(t.Context(), there, one))
		after(4 * time.Second)
		after(2*time.Second, "close "+one)

		w.Net.Before(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/invoke_command") {
				return nil, errors.New("the line is cut")
			}
			return nil, nil
		})
		check(t, a.Tabs.CloseRemote(t.Context(), there, two))
		after(time.Minute)
		w.Net.Before(nil)
		after(time.Hour, "close "+two)

		check(t, w.Client().Resume(a.Account.Session()).SignOut(t.Context()))
		time.Sleep(2 * time.Hour)
		if err := <-ended; !errors.As(err, new(*syncmanager.AuthError)) {
			t.Errorf("Run ended with %v", err)
		}
	})
}

// brokenCloser is an engine that panics when its queue is sent.
type brokenCloser struct{ *tabs.Engine }

func (brokenCloser) SendCloses(context.Context, time.Duration, func(context.Context, string, []string) error) (engine.SentCloses, error) {
	panic("a bug")
}

// TestRunGoesOnWhereAQueueBreaks: a bug of an engine ends neither Run nor the app.
func TestRunGoesOnWhereAQueueBreaks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := testenv.InBubble(t).Device("a", ann)
		a.Manager.Unregister("tabs")
		check(t, a.Manager.Register(brokenCloser{a.Tabs}))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Manager.Run(ctx, syncmanager.RunOptions{}) }()
		time.Sleep(90 * time.Minute)
		if passed := time.Since(a.Manager.LastSync()); passed > time.Hour {
			t.Errorf("the last sync was %v ago", passed)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
}
