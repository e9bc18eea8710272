package tabs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/tabs"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
)

const own engine.ID = "our-device-1"

func other(i int) engine.ID { return engine.ID(fmt.Sprintf("device-%05d", i)) }

// devices are this one and a few others.
func devices(others int) []engine.Device {
	all := []engine.Device{{ID: own, Name: "Here", Type: "desktop", Local: true}}
	for i := range others {
		all = append(all, engine.Device{ID: other(i), Name: fmt.Sprintf("Device %d", i), Type: "mobile"})
	}
	return all
}

func openAt(t testing.TB, path string, now func() time.Time) *tabs.Engine {
	t.Helper()
	e, err := tabs.Open(context.Background(), tabs.Config{Path: path, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func open(t testing.TB) (*tabs.Engine, *testclock.Clock) {
	t.Helper()
	c := testclock.At(time.Unix(1_795_372_600, 0))
	e := openAt(t, filepath.Join(t.TempDir(), "tabs.db"), c.Now)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, c
}

func page(i int) string { return fmt.Sprintf("https://page.example/%d", i) }

func TestContract(t *testing.T) {
	t.Parallel()
	const many = 200
	enginetest.Run(t, enginetest.Harness{
		Open: func(t testing.TB, dir string) engine.Engine {
			return openAt(t, filepath.Join(dir, "tabs.db"), func() time.Time { return time.Unix(1_795_372_600, 0) })
		},
		Close: func(t testing.TB, e engine.Engine) {
			if err := e.(*tabs.Engine).Close(); err != nil {
				t.Error(err)
			}
		},
		Incoming: func(i, version int) engine.Incoming {
			return engine.Incoming{ID: other(i), Payload: fmt.Appendf(nil,
				`{"id":"%s","clientName":"x","tabs":[{"title":"v","urlHistory":["https://version.example/%d"],"icon":"","lastUsed":1795372565}]}`, other(i), version)}
		},
		Add: func(ctx context.Context, e engine.Engine, i int) (engine.ID, error) {
			return own, e.(*tabs.Engine).OpenTab(ctx, page(i), "a page")
		},
		Delete: func(ctx context.Context, e engine.Engine, _ engine.ID) error {
			return e.(*tabs.Engine).SetTabs(ctx, nil)
		},
		Versions: func(ctx context.Context, e engine.Engine) (map[engine.ID]int, error) {
			all := make(map[engine.ID]int)
			for d, err := range e.(*tabs.Engine).Others(ctx) {
				if err != nil {
					return nil, err
				}
				var version int
				if _, err := fmt.Sscanf(d.Tabs[0].URL(), "https://version.example/%d", &version); err != nil {
					return nil, err
				}
				all[d.Device.ID] = version
			}
			if n, err := e.(*tabs.Engine).Count(ctx); err != nil {
				return nil, err
			} else if n > 0 {
				all[own] = n
			}
			return all, nil
		},
		Start:     engine.Start{Devices: devices(many)},
		Invalid:   []byte(`{"id":"device-00000","tabs":"none"}`),
		OwnRecord: own,
		Many:      many,
	})
}

func sync(t testing.TB, e engine.Engine, devices []engine.Device, at engine.Timestamp, in ...engine.Incoming) []engine.Outgoing {
	t.Helper()
	ctx := t.Context()
	s, err := e.Begin(ctx, engine.Start{Devices: devices})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stage(ctx, in); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Merge(ctx, at); err != nil {
		t.Fatal(err)
	}
	out, err := s.Outgoing(ctx, 10)
	if err != nil {
		t.Fatal(err)
	}
	r := engine.Receipt{At: at}
	for _, o := range out {
		r.Stored = append(r.Stored, o.ID)
	}
	if err := s.Uploaded(ctx, r); err != nil {
		t.Fatal(err)
	}
	if err := s.End(ctx, nil); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFirefoxTabsAreShownWithTheirDevice(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/firefox-esr-153.json")
	if err != nil {
		t.Fatal(err)
	}
	var records []struct {
		Modified  bso.Timestamp
		Cleartext json.RawMessage
	}
	if err := json.Unmarshal(raw, &records); err != nil {
		t.Fatal(err)
	}
	e, _ := open(t)
	firefox := engine.Device{ID: "nuD6nmwyKHoF", Name: "’s Firefox on vm", Type: "desktop"}
	in := engine.Incoming{ID: firefox.ID, Modified: records[0].Modified, Payload: records[0].Cleartext}
	sync(t, e, []engine.Device{firefox}, 179537256600, in)
	got, err := engine.Collect(e.Others(t.Context()))
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v; want one device", got, err)
	}
	d := got[0]
	if d.Device != firefox || !d.Modified.Equal(engine.Timestamp(179537256501).Time()) || len(d.Tabs) != 1 || d.Tabs[0].URL() != "http://127.0.0.1:5055/page1" || d.Tabs[0].LastUsed.Unix() != 1795372565 {
		t.Fatalf("got %+v", d)
	}
	// The device leaves the account, and its tabs go with it.
	sync(t, e, devices(1), 179537256700)
	if got, err := engine.Collect(e.Others(t.Context())); err != nil || len(got) != 0 {
		t.Fatalf("a closed device still shows: %v, %v", got, err)
	}
}

func TestOwnRecordIsWhatFirefoxReads(t *testing.T) {
	t.Parallel()
	e, c := open(t)
	if err := e.OpenTab(t.Context(), "https://a.example/x", "A \"page\""); err != nil {
		t.Fatal(err)
	}
	c.Pass(time.Second)
	if err := e.OpenTab(t.Context(), "https://b.example/", "B"); err != nil {
		t.Fatal(err)
	}
	out := sync(t, e, devices(0), 179537260200)
	want := `{"id":"our-device-1","clientName":"Here","tabs":[` +
		`{"title":"B","urlHistory":["https://b.example/"],"icon":"","lastUsed":1795372601},` +
		`{"title":"A \"page\"","urlHistory":["https://a.example/x"],"icon":"","lastUsed":1795372600}]}`
	if len(out) != 1 || string(out[0].Payload) != want || out[0].TTL != 15_552_000 {
		t.Fatalf("sent %s with TTL %d\nwant %s", out[0].Payload, out[0].TTL, want)
	}
}

func TestUnknownDeviceSendsNothing(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	if err := e.OpenTab(t.Context(), page(1), ""); err != nil {
		t.Fatal(err)
	}
	for _, d := range [][]engine.Device{nil, devices(2)[1:]} {
		if out := sync(t, e, d, 179537260200); len(out) != 0 {
			t.Fatalf("%d records go up without a record of this device", len(out))
		}
	}
	if out := sync(t, e, devices(0), 179537260300); len(out) != 1 {
		t.Fatalf("%d records go up when the device is known; want 1", len(out))
	}
}

func TestOldRecordIsRefreshed(t *testing.T) {
	t.Parallel()
	e, c := open(t)
	if err := e.OpenTab(t.Context(), page(1), ""); err != nil {
		t.Fatal(err)
	}
	at := func() engine.Timestamp { return bso.TimestampOf(c.Now()) }
	sync(t, e, devices(0), at())
	c.Pass(29 * 24 * time.Hour)
	if out := sync(t, e, devices(0), at()); len(out) != 0 {
		t.Fatal("a record of 29 days goes up again")
	}
	c.Pass(2 * 24 * time.Hour)
	if out := sync(t, e, devices(0), at()); len(out) != 1 {
		t.Fatal("a record of 31 days is left to die")
	}
}

func TestNewDeviceIDTakesTheOldRecordDown(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	if err := e.OpenTab(t.Context(), page(1), ""); err != nil {
		t.Fatal(err)
	}
	sync(t, e, devices(0), 179537260200)
	renamed := []engine.Device{{ID: "our-device-2", Name: "Here", Local: true}}
	out := sync(t, e, renamed, 179537260300)
	if len(out) != 2 || out[0].ID != own || out[0].Payload != nil || out[1].ID != "our-device-2" {
		t.Fatalf("sent %+v; want a tombstone for the old ID and the new record", out)
	}
	if out := sync(t, e, renamed, 179537260400); len(out) != 0 {
		t.Fatalf("sent %+v again", out)
	}
}

func TestRecordIsCutToFit(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	var all []tabs.Tab
	for i := range 40 {
		all = append(all, tabs.Tab{URLHistory: []string{page(i) + strings.Repeat("x", 20_000)}, LastUsed: time.Unix(int64(1000+i), 0)})
	}
	if err := e.SetTabs(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	out := sync(t, e, devices(0), 179537260200)
	var record struct{ Tabs []tabs.Tab }
	if err := json.Unmarshal(out[0].Payload, &record); err != nil {
		t.Fatal(err)
	}
	if n := len(out[0].Payload) * 4 / 3; n > 512<<10 || n < 480<<10 {
		t.Errorf("the sealed record would have about %d bytes; want just under 512 KiB", n)
	}
	if first := record.Tabs[0]; first.LastUsed.Unix() != 1039 || len(record.Tabs) >= 40 {
		t.Errorf("%d tabs, the first of %d; want fewer than 40, the newest first", len(record.Tabs), first.LastUsed.Unix())
	}
}

func TestAddressesForThisDeviceAloneStayHere(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	bad := []string{"", "about:config", "file:///etc/passwd", "moz-extension://x/y", "data:text/html,x", "javascript:1", "no scheme",
		"FILE:///etc/passwd", "https://a.example/" + strings.Repeat("x", 65536)}
	var all []tabs.Tab
	for _, address := range bad {
		if err := e.OpenTab(t.Context(), address, ""); err == nil {
			t.Errorf("%.40q is a tab", address)
		}
		all = append(all, tabs.Tab{URLHistory: []string{address}})
	}
	all = append(all, tabs.Tab{}, tabs.Tab{URLHistory: []string{"https://good.example/"}, Title: "Good"})
	if err := e.SetTabs(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	got, err := engine.Collect(e.List(t.Context()))
	if err != nil || len(got) != 1 || got[0].Title != "Good" {
		t.Fatalf("got %v, %v; want the good one", got, err)
	}
}

func TestSameTabsAgainAreNoChange(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	all := []tabs.Tab{{URLHistory: []string{page(1)}, LastUsed: time.Unix(5, 0)}, {URLHistory: []string{page(2)}, LastUsed: time.Unix(4, 0)}}
	for range 2 {
		if err := e.SetTabs(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		sync(t, e, devices(0), 179537260200)
	}
	if err := e.SetTabs(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if out := sync(t, e, devices(0), 179537260300); len(out) != 0 {
		t.Fatal("the same tabs go up again")
	}
	if err := e.CloseTab(t.Context(), page(1)); err != nil {
		t.Fatal(err)
	}
	if out := sync(t, e, devices(0), 179537260400); len(out) != 1 || strings.Contains(string(out[0].Payload), page(1)) {
		t.Fatalf("sent %+v; want the record without the closed tab", out)
	}
	if err := e.CloseTab(t.Context(), page(1)); err == nil {
		t.Fatal("a closed tab closes again")
	}
}

func TestBrokenTabHidesNoOther(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	in := engine.Incoming{ID: other(0), Modified: 179537260000, Payload: []byte(`{"id":"device-00000","clientName":"x","tabs":[
		17, {"title":3,"urlHistory":["https://a.example"]}, {"title":"no address","urlHistory":[]}, {"title":"private","urlHistory":["about:home"]},
		{"title":"text time","urlHistory":["https://b.example/","javascript:1","https://before.example/","file:///etc/passwd"],
			"icon":"javascript:2","lastUsed":"1795372565"},
		{"title":"fraction","urlHistory":["https://c.example/"],"lastUsed":1795372565.75,"unknown":{}}]}`)}
	sync(t, e, devices(1), 179537260000, in)
	got, err := engine.Collect(e.Others(t.Context()))
	if err != nil || len(got) != 1 || len(got[0].Tabs) != 2 {
		t.Fatalf("got %+v, %v; want two tabs", got, err)
	}
	if first := got[0].Tabs[0]; !slices.Equal(first.URLHistory, []string{"https://b.example/", "https://before.example/"}) || first.Icon != "" {
		t.Errorf("what would run or read something here came along: %+v", first)
	}
	for _, tab := range got[0].Tabs {
		if tab.LastUsed.Unix() != 1795372565 {
			t.Errorf("%s was last used at %d", tab.Title, tab.LastUsed.Unix())
		}
	}
}

// TestWatchTellsWhoseTabsChanged: an app shows an edit of its own, and those devices whose
// tabs a sync changed.
func TestWatchTellsWhoseTabsChanged(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	next, stop := iter.Pull(e.Watch(t.Context()))
	defer stop()
	if err := e.OpenTab(t.Context(), page(1), ""); err != nil {
		t.Fatal(err)
	}
	if c, ok := next(); !ok || !c.User || c.Sync || c.IDs != nil {
		t.Errorf("an edit: %+v, %v", c, ok)
	}
	in := func(n int, title string) engine.Incoming {
		return engine.Incoming{ID: other(n), Modified: 179537260000, Payload: fmt.Appendf(nil,
			`{"id":"%s","clientName":"x","tabs":[{"title":"%s","urlHistory":["https://a.example/"]}]}`, other(n), title)}
	}
	sync(t, e, devices(2), 179537260000, in(0, "a"), in(1, "b"))
	if c, ok := next(); !ok || c.User || !c.Sync || !slices.Equal(c.IDs, []engine.ID{other(0), other(1)}) {
		t.Errorf("a sync: %+v, %v", c, ok)
	}
	sync(t, e, devices(2), 179537260100, in(0, "a"), in(1, "other"))
	if c, ok := next(); !ok || !slices.Equal(c.IDs, []engine.ID{other(1)}) {
		t.Errorf("a sync with one change: %+v, %v", c, ok)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if c, ok := next(); ok {
		t.Errorf("after Close: %+v", c)
	}
}

func TestGetFindsATabByItsAddress(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	if err := e.OpenTab(t.Context(), page(1), "One"); err != nil {
		t.Fatal(err)
	}
	if tab, err := e.Get(t.Context(), page(1)); err != nil || tab.Title != "One" || tab.LastUsed.IsZero() {
		t.Errorf("got %+v, %v", tab, err)
	}
	if _, err := e.Get(t.Context(), page(2)); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("a page that is not open: %v", err)
	}
}
