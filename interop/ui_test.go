package interop_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/internal/test/apihome"
	"github.com/syncmanager/syncmanager/internal/test/chromium"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/internal/ui"
)

// desk is a device whose page a visitor uses.
type desk struct {
	visitor
	env     *testenv.Env
	device  *testenv.Device
	home    *apihome.Home
	service *api.Service
	page    *ui.Server
}

// newDesk is a device with the API, and its page.
func newDesk(t *testing.T, w *testenv.Env, name string) *desk {
	t.Helper()
	d := w.Browser(name, ann)
	events := api.NewEvents(nil)
	home := apihome.New(d, events)
	service, err := api.New(api.Config{Home: home, Events: events, Now: w.Clock.Now})
	check(t, err)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		_ = service.Watch(t.Context())
	}()
	t.Cleanup(func() { <-watched })
	page, err := ui.New(ui.Config{Service: service, Now: w.Clock.Now, Zone: time.UTC})
	check(t, err)
	t.Cleanup(page.Close)
	return &desk{env: w, device: d, home: home, service: service, page: page}
}

// call calls a verb, and returns a text of its answer.
func (d *desk) call(t *testing.T, verb string, request map[string]any, field string) string {
	t.Helper()
	if request == nil {
		request = map[string]any{}
	}
	raw, err := json.Marshal(request)
	check(t, err)
	answer, err := d.service.Call(t.Context(), api.All, verb, raw)
	check(t, err)
	raw, err = json.Marshal(answer.Value)
	check(t, err)
	var all map[string]any
	check(t, json.Unmarshal(raw, &all))
	text, _ := all[field].(string)
	return text
}

// opens opens the page in a browser.
func (d *desk) opens(t *testing.T, b *chromium.Browser) {
	t.Helper()
	link, err := d.page.Link(t.Context())
	check(t, err)
	d.visitor = visitor{t, b.Page(t), ""}
	d.Show(screens["small, light"])
	d.Open(link.URL())
	d.Wait(`location.pathname.startsWith("/s/") && document.readyState === "complete"`)
	d.root = chromium.Eval[string](d.Page, `return location.origin`)
}

// goesTo opens a page of the session.
func (d *desk) goesTo(page, heading string) {
	d.t.Helper()
	d.Open(d.root + chromium.Eval[string](d.Page, `return document.body.dataset.session`) + page)
	d.at(heading)
}

// furnish fills a device with data, and syncs it with a phone.
func furnish(t *testing.T, w *testenv.Env) (laptop, phone *desk) {
	t.Helper()
	laptop, phone = newDesk(t, w, "Laptop"), newDesk(t, w, "Phone")
	add := func(folder, title, url string, tags ...string) string {
		request := map[string]any{"title": title, "parent": folder}
		if url != "" {
			request["url"] = url
		}
		if tags != nil {
			request["tags"] = tags
		}
		return laptop.call(t, "bookmarks.add", request, "id")
	}
	reading := add("menu________", "Reading list", "")
	for i, title := range []string{"The sync protocol in one evening", "A tour of SQLite’s write-ahead log", "Merging trees without losing anything"} {
		add(reading, title, fmt.Sprintf("https://example.org/articles/%d", i+1), "sync")
	}
	travel := add("menu________", "Travel", "")
	add(travel, "Trains to Lisbon", "https://example.org/trains", "summer")
	add(travel, "مقاهي بيروت القديمة", "https://example.org/beirut", "قهوة")
	add("menu________", "Recipes: bread, slowly", "https://example.org/bread", "kitchen")
	add("menu________", "Go documentation", "https://go.dev/doc/", "go", "work")
	add("toolbar_____", "Mail", "https://mail.example.org/")
	add("toolbar_____", "Calendar", "https://calendar.example.org/")
	for i := range 40 {
		laptop.call(t, "history.add", map[string]any{"url": fmt.Sprintf("https://example.org/page/%d", i), "title": fmt.Sprintf("Page %d", i)}, "")
	}
	for _, site := range []string{"mail.example.org", "shop.example.org", "bank.example.org", "library.example.org", "trains.example.org"} {
		laptop.call(t, "passwords.add", map[string]any{"hostname": "https://" + site, "username": "ann@example.org", "password": "correct horse " + site}, "")
	}
	w.Clock.Pass(-26 * time.Hour)
	laptop.call(t, "sync.run", nil, "")
	phone.call(t, "sync.run", nil, "")
	w.Clock.Pass(2 * time.Hour)
	laptop.call(t, "sync.run", nil, "")
	w.Clock.Pass(23 * time.Hour)
	for i := range 6 {
		phone.call(t, "bookmarks.add", map[string]any{"title": fmt.Sprintf("Found on the phone %d", i), "url": fmt.Sprintf("https://example.org/phone/%d", i), "parent": "mobile______"}, "")
	}
	phone.call(t, "passwords.add", map[string]any{"hostname": "https://cinema.example.org", "username": "ann", "password": "popcorn"}, "")
	phone.call(t, "bookmarks.add", map[string]any{"title": "A café near the station", "url": "https://example.org/cafe", "parent": travel}, "")
	phone.call(t, "sync.run", nil, "")
	laptop.call(t, "sync.run", nil, "")
	w.Clock.Pass(50 * time.Minute)
	laptop.home.Receive(api.ReceivedPage{Title: "Opening hours of the swimming pool", URL: "https://pool.example.org/", From: "Phone", ReceivedAt: w.Clock.Now().Add(-20 * time.Minute)})
	laptop.call(t, "sync.run", nil, "")
	return laptop, phone
}

// TestThePageLooksWell checks each page on every screen.
func TestThePageLooksWell(t *testing.T) {
	t.Parallel()
	b := chromium.Start(t)
	laptop, _ := furnish(t, testenv.New(t))
	laptop.opens(t, b)
	laptop.at("Everything is in sync")
	laptop.looksWell("ui overview")
	for page, heading := range map[string]string{
		"timeline": "All syncs", "devices": "Devices", "engines": "What to sync", "bookmarks": "Bookmarks", "bookmarks?folder=menu________": "Bookmarks",
		"bookmarks?words=sync": "Bookmarks", "passwords": "Passwords", "changes": "Undo a sync", "conflicts": "Conflicts", "stuck": "Records that do not sync",
		"import": "Import", "health?check=1": "Health", "engine-off?engine=history": "Stop syncing history?", "bookmark-add?folder=menu________": "Add a bookmark",
	} {
		laptop.goesTo(page, heading)
		laptop.looksWell("ui " + strings.NewReplacer("?", " ", "=", " ").Replace(page))
	}
}
