package tabs_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// arranged are tabs in two windows and a group, and a group and a window without tabs.
func arranged() tabs.OpenTabs {
	return tabs.OpenTabs{
		Tabs: []tabs.Tab{
			{Title: "Two", URLHistory: []string{page(2)}, Icon: "https://page.example/i", LastUsed: at(1_795_372_565), Pinned: true, Index: 1, WindowID: "w-1"},
			{Title: "One", URLHistory: []string{page(1)}, LastUsed: at(1_795_372_560), Inactive: true, WindowID: "w-2", GroupID: "g"},
			{Title: "Alone", URLHistory: []string{page(3)}},
		},
		Windows: []tabs.Window{{ID: "w-2", LastUsed: time.UnixMilli(1_795_372_560_123).UTC()}, {ID: "w-1", Index: 1, Type: 1}, {ID: "w-3", Index: 2}},
		Groups:  []tabs.Group{{ID: "empty", Name: "Empty"}, {ID: "g", Name: "Work <1>", Color: "blue", Collapsed: true}},
	}
}

// TestWindowsAndGroupsGoOverTheWire: in the form of Mozilla's tabs component, and without what has
// no tabs.
func TestWindowsAndGroupsGoOverTheWire(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	if err := e.SetOpenTabs(t.Context(), arranged()); err != nil {
		t.Fatal(err)
	}
	out := sync(t, e, devices(0), 179537260200)
	want := `{"id":"our-device-1","clientName":"Here","tabs":[` +
		`{"title":"Two","urlHistory":["https://page.example/2"],"icon":"https://page.example/i","pinned":true,"index":1,"windowId":"w-1","lastUsed":1795372565},` +
		`{"title":"One","urlHistory":["https://page.example/1"],"icon":"","inactive":true,"windowId":"w-2","tabGroupId":"g","lastUsed":1795372560},` +
		`{"title":"Alone","urlHistory":["https://page.example/3"],"icon":"","lastUsed":0}],` +
		`"tabGroups":{"g":{"id":"g","name":"Work \u003c1\u003e","color":"blue","collapsed":true}},` +
		`"windows":{"w-1":{"id":"w-1","lastUsed":0,"index":1,"windowType":1},"w-2":{"id":"w-2","lastUsed":1795372560123,"index":0}}}`
	if len(out) != 1 || string(out[0].Payload) != want {
		t.Fatalf("sent %s\nwant %s", out[0].Payload, want)
	}
	// Another device shows them as they were.
	b, _ := open(t)
	in := engine.Incoming{ID: own, Modified: 179537260200, Payload: out[0].Payload}
	sync(t, b, []engine.Device{{ID: own, Name: "There"}, {ID: "b", Local: true}}, 179537260200, in)
	got, err := engine.Collect(b.Others(t.Context()))
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	all := arranged()
	if !reflect.DeepEqual(got[0].Tabs, all.Tabs) || !reflect.DeepEqual(got[0].Windows, all.Windows[:2]) || !reflect.DeepEqual(got[0].Groups, all.Groups[1:]) {
		t.Errorf("got %+v", got[0])
	}
}

// TestTheOwnWindows: what was set is there again, the same again changes nothing, and opening a page
// again leaves its tab where it is.
func TestTheOwnWindows(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	for range 2 {
		if err := e.SetOpenTabs(t.Context(), arranged()); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := e.OpenTabs(t.Context()); err != nil || !reflect.DeepEqual(got, arranged()) {
		t.Errorf("got %+v, %v", got, err)
	}
	sync(t, e, devices(0), 179537260200)
	if err := e.SetOpenTabs(t.Context(), arranged()); err != nil {
		t.Fatal(err)
	}
	if n, err := e.Changes(t.Context()); err != nil || n != 0 {
		t.Errorf("the same again: %d changes, %v", n, err)
	}
	moved := arranged()
	moved.Groups[1].Collapsed = false
	if err := e.SetOpenTabs(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	if n, err := e.Changes(t.Context()); err != nil || n != 1 {
		t.Errorf("a group that was unfolded: %d changes, %v", n, err)
	}
	if err := e.OpenTab(t.Context(), page(1), "Once more"); err != nil {
		t.Fatal(err)
	}
	tab, err := e.Get(t.Context(), page(1))
	if err != nil || tab.Title != "Once more" || tab.Inactive || tab.WindowID != "w-2" || tab.GroupID != "g" {
		t.Errorf("opened again: %+v, %v", tab, err)
	}
	if err := e.SetTabs(t.Context(), []tabs.Tab{{URLHistory: []string{page(1)}}}); err != nil {
		t.Fatal(err)
	}
	if got, err := e.OpenTabs(t.Context()); err != nil || got.Windows != nil || got.Groups != nil || len(got.Tabs) != 1 {
		t.Errorf("tabs alone: %+v, %v", got, err)
	}
}

func TestWindowsThatCannotBe(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	long := strings.Repeat("x", 5000)
	for name, change := range map[string]func(*tabs.OpenTabs){
		"a window twice":      func(o *tabs.OpenTabs) { o.Windows[1].ID = "w-2" },
		"a window without ID": func(o *tabs.OpenTabs) { o.Windows[2].ID = "" },
		"a long ID":           func(o *tabs.OpenTabs) { o.Windows[2].ID = long },
		"a negative index":    func(o *tabs.OpenTabs) { o.Windows[2].Index = -1 },
		"a type":              func(o *tabs.OpenTabs) { o.Windows[2].Type = 256 },
		"a group twice":       func(o *tabs.OpenTabs) { o.Groups[0].ID = "g" },
		"a long name":         func(o *tabs.OpenTabs) { o.Groups[0].Name = long },
		"a long color":        func(o *tabs.OpenTabs) { o.Groups[0].Color = long },
		"an unknown window":   func(o *tabs.OpenTabs) { o.Tabs[0].WindowID = "w-9" },
		"an unknown group":    func(o *tabs.OpenTabs) { o.Tabs[0].GroupID = "other" },
		"a tab's index":       func(o *tabs.OpenTabs) { o.Tabs[0].Index = -1 },
		"windows without end": func(o *tabs.OpenTabs) {
			o.Windows = many(300, func(id string) tabs.Window { return tabs.Window{ID: id} })
		},
		"groups without an end": func(o *tabs.OpenTabs) {
			o.Groups = many(2000, func(id string) tabs.Group { return tabs.Group{ID: id} })
		},
	} {
		all := arranged()
		change(&all)
		if err := e.SetOpenTabs(t.Context(), all); !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := e.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d tabs came through, %v", n, err)
	}
}

func many[T any](n int, make func(id string) T) (all []T) {
	for i := range n {
		all = append(all, make(fmt.Sprint("id-", i)))
	}
	return all
}

// TestAHostileDevicesWindows: what is malformed or without end is left out, and hides no tab.
func TestAHostileDevicesWindows(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	var windows, groups strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&windows, `,"w%d":{"index":%d}`, i, i)
		fmt.Fprintf(&groups, `,"g%d":{"name":"n"}`, i)
	}
	long := strings.Repeat("ä", 5000)
	payload := fmt.Appendf(nil, `{"id":"device-00000","clientName":"x","tabs":[
		{"title":"%s","urlHistory":["https://a.example/"%s],"pinned":"yes","inactive":1,"index":-1,"windowId":7,"tabGroupId":["g"]},
		{"title":"b","urlHistory":["https://b.example/"],"pinned":true,"index":1e99,"windowId":"unknown","tabGroupId":"g-long"},
		{"title":"c","urlHistory":["https://c.example/"],"index":99999999999,"windowId":"!","tabGroupId":"!"}],
		"windows":{"!":{"id":"another","lastUsed":"soon","index":-5,"windowType":-1,"unknown":{}},"broken":7,"":{},"%s":{}%s},
		"tabGroups":{"!":{"name":"%s","color":"%s","collapsed":"no"},"broken":"x","":{}%s}}`,
		long, strings.Repeat(`,"https://before.example/"`, 200), long, windows.String(), long, long, groups.String())
	sync(t, e, devices(1), 179537260000, engine.Incoming{ID: other(0), Modified: 179537260000, Payload: payload})
	got, err := engine.Collect(e.Others(t.Context()))
	if err != nil || len(got) != 1 || len(got[0].Tabs) != 3 {
		t.Fatalf("got %+v, %v", got, err)
	}
	d := got[0]
	first := d.Tabs[0]
	if len(first.Title) > 4096 || !strings.HasPrefix(long, first.Title) || len(first.URLHistory) != 50 {
		t.Errorf("a title of %d bytes, %d addresses", len(first.Title), len(first.URLHistory))
	}
	if first.Pinned || first.Inactive || first.Index != 0 || first.WindowID != "" || first.GroupID != "" {
		t.Errorf("malformed fields became %+v", first)
	}
	if b := d.Tabs[1]; !b.Pinned || b.Index != 0 || b.WindowID != "" || b.GroupID != "" {
		t.Errorf("a tab in a window that is not there: %+v", b)
	}
	if c := d.Tabs[2]; c.Index != 0 || c.WindowID != "!" || c.GroupID != "!" {
		t.Errorf("a tab in a window that is there: %+v", c)
	}
	if len(d.Windows) != 200 || len(d.Groups) != 1000 {
		t.Errorf("%d windows and %d groups", len(d.Windows), len(d.Groups))
	}
	odd := slices.IndexFunc(d.Windows, func(w tabs.Window) bool { return w.ID == "!" })
	if odd < 0 || d.Windows[odd] != (tabs.Window{ID: "!"}) {
		t.Errorf("the malformed window is %+v", d.Windows[max(odd, 0)])
	}
	if g := d.Groups[0]; g.ID != "!" || len(g.Name) > 4096 || g.Color != "" || g.Collapsed {
		t.Errorf("the malformed group is %s, %d bytes, %q", g.ID, len(g.Name), g.Color)
	}
}

// TestManyGroupsLeaveRoomForTabs: tabs matter more than how they were arranged.
func TestManyGroupsLeaveRoomForTabs(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	all := tabs.OpenTabs{Groups: many(1000, func(id string) tabs.Group { return tabs.Group{ID: id, Name: strings.Repeat("x", 1000)} })}
	for i, g := range all.Groups {
		all.Tabs = append(all.Tabs, tabs.Tab{URLHistory: []string{page(i)}, GroupID: g.ID})
	}
	if err := e.SetOpenTabs(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	out := sync(t, e, devices(0), 179537260200)
	if n := strings.Count(string(out[0].Payload), "urlHistory"); n != 1000 || strings.Contains(string(out[0].Payload), "tabGroups") {
		t.Errorf("%d tabs go up, in %d bytes", n, len(out[0].Payload))
	}
}
