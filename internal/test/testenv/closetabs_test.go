package testenv_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/tabs"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestATabIsClosedOnAnotherDevice: one device closes a tab of another, takes that back, closes it
// after all, and asks the other over a line that is cut the first time. The other closes it, and
// its next sync ends the matter.
func TestATabIsClosedOnAnotherDevice(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a, b := w.Device("desk", ann), w.Device("lap", ann)
	const one, two = "https://one.example/", "https://two.example/"
	must(t, b.Tabs.SetOpenTabs(t.Context(), tabs.OpenTabs{
		Tabs:    []tabs.Tab{{URLHistory: []string{one}, WindowID: "w", GroupID: "g"}, {URLHistory: []string{two}, Pinned: true, Index: 1, WindowID: "w"}},
		Windows: []tabs.Window{{ID: "w"}},
		Groups:  []tabs.Group{{ID: "g", Name: "Work"}},
	}))
	// The first sync tells each device about the other.
	for _, d := range []*testenv.Device{a, b, a, b, a} {
		d.Sync()
	}
	lap := func() tabs.DeviceTabs {
		t.Helper()
		all, err := engine.Collect(a.Tabs.Others(t.Context()))
		must(t, err)
		if len(all) != 1 {
			t.Fatalf("desk sees %+v", all)
		}
		return all[0]
	}
	if d := lap(); d.Device.Name != "lap" || len(d.Tabs) != 2 || len(d.Windows) != 1 || len(d.Groups) != 1 || d.Groups[0].Name != "Work" {
		t.Fatalf("desk sees %+v", d)
	}
	id := lap().Device.ID
	must(t, a.Tabs.CloseRemote(t.Context(), id, one))
	must(t, a.Tabs.UndoClose(t.Context(), id, one))
	must(t, a.Tabs.CloseRemote(t.Context(), id, one))
	if d := lap(); len(d.Tabs) != 1 || len(d.Closing) != 1 || d.Closing[0].URL() != one {
		t.Fatalf("desk sees %+v", d)
	}
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/auth/v1/account/devices/invoke_command" {
			return nil, errors.New("the line is cut")
		}
		return nil, nil
	})
	w.Clock.Pass(10 * time.Second)
	sent, err := a.Tabs.SendCloses(t.Context(), 5*time.Second, a.Account.CloseTabs)
	if unsent, ok := errors.AsType[*account.NotClosedError](err); !ok || !slices.Equal(unsent.URLs, []string{one}) || sent.Failed != 1 {
		t.Fatalf("over a cut line: %+v, %v", sent, err)
	}
	w.Net.Before(nil)
	a.Restart()
	w.Clock.Pass(time.Minute)
	if sent, err = a.Tabs.SendCloses(t.Context(), 5*time.Second, a.Account.CloseTabs); err != nil || sent.Sent != 1 {
		t.Fatalf("%+v, %v", sent, err)
	}
	a.Sync()
	if d := lap(); len(d.Tabs) != 1 || len(d.Closing) != 1 {
		t.Errorf("before lap acts, desk sees %+v", d)
	}
	must(t, b.Account.Receive(t.Context(), "lap", "desktop", func(list []account.Message) error {
		for _, m := range list {
			for _, url := range m.Close {
				must(t, b.Tabs.CloseTab(t.Context(), url))
			}
		}
		return nil
	}))
	b.Sync()
	a.Sync()
	pending, err := a.Tabs.PendingCloses(t.Context())
	if d := lap(); err != nil || pending != nil || len(d.Tabs) != 1 || d.Tabs[0].URL() != two || d.Closing != nil || d.Groups != nil {
		t.Errorf("in the end desk sees %+v, pending %v, %v", d, pending, err)
	}
}
