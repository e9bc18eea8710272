package interop_test

import (
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestSendAndCloseTabs sends pages to a real Firefox and receives pages from it.
func TestSendAndCloseTabs(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	d := w.Device("Ann's terminal", ann)
	ff := firefox(t, w)
	check(t, ff.SetDeviceName(t.Context(), "Ann's Firefox"))
	receive := func() (all []account.Message) {
		t.Helper()
		check(t, d.Account.Receive(t.Context(), "Ann's terminal", "desktop", func(list []account.Message) error {
			all = append(all, list...)
			return nil
		}))
		return all
	}
	receive()
	list, err := d.Account.Devices(t.Context())
	check(t, err)
	i := slices.IndexFunc(list, func(d account.Device) bool { return d.Name == "Ann's Firefox" })
	if i < 0 || !list[i].TakesTabs || !list[i].ClosesTabs {
		t.Fatalf("the account's devices are %+v", list)
	}
	there := list[i]

	t.Run("a page to Firefox", func(t *testing.T) {
		url := w.URL + "/__version__?sent=1&to=Firefox"
		check(t, d.Account.SendTab(t.Context(), there.ID, account.Tab{Title: "Sent", URL: url}))
		check(t, ff.ReceiveTab(t.Context(), url))
		tabs, err := ff.Tabs(t.Context())
		check(t, err)
		if !slices.ContainsFunc(tabs, func(t firefoxsync.Tab) bool { return t.URL == url }) {
			t.Errorf("Firefox shows %+v", tabs)
		}
		check(t, d.Account.CloseTabs(t.Context(), there.ID, []string{url}))
		check(t, ff.ReceiveCloseTab(t.Context(), url))
		tabs, err = ff.Tabs(t.Context())
		check(t, err)
		if slices.ContainsFunc(tabs, func(t firefoxsync.Tab) bool { return t.URL == url }) {
			t.Errorf("Firefox still shows %+v", tabs)
		}
	})

	t.Run("a page from Firefox", func(t *testing.T) {
		long := "https://example.org/?" + string(slices.Repeat([]byte("long"), 2000)) // two records of the encryption
		for _, url := range []string{"https://example.org/ä?a=1&b=2", long} {
			check(t, ff.SendTab(t.Context(), d.Account.DeviceID(), firefoxsync.Tab{URL: url, Title: "Grüße"}))
		}
		check(t, ff.SendCloseTabs(t.Context(), d.Account.DeviceID(), "https://a.example/", "https://b.example/"))
		got := receive()
		if len(got) != 3 || got[0].Tab.URL != "https://example.org/ä?a=1&b=2" || got[0].Tab.Title != "Grüße" || got[0].Sender != there.ID ||
			got[1].Tab.URL != long || !slices.Equal(got[2].Close, []string{"https://a.example/", "https://b.example/"}) {
			t.Errorf("we received %+v", got)
		}
	})
}
