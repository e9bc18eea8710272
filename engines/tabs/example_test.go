package tabs_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/syncmanager/syncmanager/engines/tabs"
)

// openExample opens the tabs in a new folder; closeAll closes and removes them.
func openExample() (e *tabs.Engine, closeAll func()) {
	dir, err := os.MkdirTemp("", "example")
	must(err)
	e, err = tabs.Open(context.Background(), tabs.Config{Path: filepath.Join(dir, "tabs.sqlite")})
	must(err)
	return e, func() {
		must(e.Close())
		must(os.RemoveAll(dir))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A browser tells its tabs, in windows and groups, whenever they change.
func ExampleEngine_SetOpenTabs() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	must(e.SetOpenTabs(ctx, tabs.OpenTabs{
		Tabs: []tabs.Tab{
			{Title: "News", URLHistory: []string{"https://news.example/"}, Pinned: true, WindowID: "1", LastUsed: time.Unix(1_800_000_000, 0)},
			{Title: "Plans", URLHistory: []string{"https://plans.example/"}, Index: 1, WindowID: "1", GroupID: "work"},
		},
		Windows: []tabs.Window{{ID: "1"}},
		Groups:  []tabs.Group{{ID: "work", Name: "Work", Color: "blue"}},
	}))
	for tab, err := range e.List(ctx) {
		must(err)
		fmt.Printf("%d %s pinned=%v group=%q\n", tab.Index, tab.Title, tab.Pinned, tab.GroupID)
	}
	// Output:
	// 0 News pinned=true group=""
	// 1 Plans pinned=false group="work"
}

// A browser that closes tabs of other devices sends them some seconds later, so that the user can
// take it back meanwhile.
func ExampleEngine_SendCloses() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	for d, err := range e.Others(ctx) {
		must(err)
		for _, tab := range d.Tabs {
			must(e.CloseRemote(ctx, d.Device.ID, tab.URL())) // the user's click
		}
		// e.UndoClose(ctx, d.Device.ID, url) is the click on "Undo".
	}
	ask := func(ctx context.Context, deviceID string, urls []string) error { return nil } // account.Account.CloseTabs
	sent, err := e.SendCloses(ctx, 5*time.Second, ask)
	must(err)
	fmt.Println(sent.Sent, sent.Failed, sent.Next.IsZero())
	// Output:
	// 0 0 true
}
