package firefoxsync_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
)

func TestLogins(t *testing.T) {
	ff, ctx := firefoxsync.Start(t, firefoxsync.Options{}), t.Context()

	form, err := ff.AddLogin(ctx, firefoxsync.Login{
		Origin: "https://b.example", FormActionOrigin: new("https://b.example"),
		Username: "ada", Password: "pässword", UsernameField: "u", PasswordField: "p",
	})
	if err != nil {
		t.Fatal(err)
	}
	const given = "{00000000-1111-2222-3333-444444444444}"
	realm, err := ff.AddLogin(ctx, firefoxsync.Login{
		GUID: given, Origin: "https://a.example", HTTPRealm: new("staff"), Username: "bob", Password: "two",
	})
	if err != nil || realm != given {
		t.Fatalf("got %q, %v", realm, err)
	}

	all, err := ff.Logins(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].GUID != realm || all[1].GUID != form {
		t.Fatalf("got %+v", all)
	}
	if l := all[0]; l.HTTPRealm == nil || *l.HTTPRealm != "staff" || l.FormActionOrigin != nil {
		t.Errorf("the realm's login is %+v", l)
	}
	if l := all[1]; l.Password != "pässword" || l.UsernameField != "u" || l.HTTPRealm != nil || l.TimeCreated == 0 {
		t.Errorf("the form's login is %+v", l)
	}

	if err := ff.EditLogin(ctx, form, func(l *firefoxsync.Login) { l.Password = "new" }); err != nil {
		t.Fatal(err)
	}
	if err := ff.RemoveLogin(ctx, realm); err != nil {
		t.Fatal(err)
	}
	left, err := ff.Logins(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || left[0].Password != "new" || left[0].Username != "ada" {
		t.Errorf("left: %+v", left)
	}
	if err := ff.RemoveLogin(ctx, realm); err == nil || !strings.Contains(err.Error(), given) {
		t.Errorf("removing it again: got %v", err)
	}
}

func TestTabs(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<title>Page %s</title>", r.URL.Path)
	}))
	t.Cleanup(site.Close)
	ff, ctx := firefoxsync.Start(t, firefoxsync.Options{}), t.Context()

	const unreachable = "https://unreachable.example/x"
	for _, url := range []string{site.URL + "/one", site.URL + "/two", unreachable} {
		if err := ff.OpenTab(ctx, url); err != nil {
			t.Fatal(err)
		}
	}
	if err := ff.CloseTab(ctx, site.URL+"/two"); err != nil {
		t.Fatal(err)
	}
	tabs, err := ff.Tabs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(tabs, firefoxsync.Tab{URL: site.URL + "/one", Title: "Page /one"}) {
		t.Errorf("the first page is not among %+v", tabs)
	}
	var urls []string
	for _, tab := range tabs {
		urls = append(urls, tab.URL)
	}
	if !slices.Contains(urls, unreachable) || slices.Contains(urls, site.URL+"/two") {
		t.Errorf("open: %q", urls)
	}
	if err := ff.CloseTab(ctx, site.URL+"/two"); err == nil {
		t.Error("a closed tab was closed again")
	}
	for _, url := range urls {
		if err := ff.CloseTab(ctx, url); err != nil {
			t.Fatal(err)
		}
	}
	if tabs, err = ff.Tabs(ctx); err != nil || len(tabs) != 1 || tabs[0].URL != "about:blank" {
		t.Errorf("after all were closed: %+v, %v", tabs, err)
	}
	if remote, err := ff.RemoteTabs(ctx); err != nil || len(remote) != 0 {
		t.Errorf("other devices: %+v, %v", remote, err)
	}
}

func TestEnginesAndNames(t *testing.T) {
	ff, ctx := firefoxsync.Start(t, firefoxsync.Options{}), t.Context()

	if err := ff.SetEngine(ctx, "tabs", false); err != nil {
		t.Fatal(err)
	}
	engines, err := ff.Engines(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if engines["tabs"].Enabled || !engines["passwords"].Enabled {
		t.Errorf("got %+v", engines)
	}
	if err := ff.SetEngine(ctx, "nonsense", true); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("an engine that is not there: got %v", err)
	}

	if err := ff.SetDeviceName(ctx, "Ada's desk"); err != nil {
		t.Fatal(err)
	}
	if name, err := ff.DeviceName(ctx); err != nil || name != "Ada's desk" {
		t.Errorf("got %q, %v", name, err)
	}
	if id, err := ff.ClientID(ctx); err != nil || len(id) != 12 {
		t.Errorf("got %q, %v", id, err)
	}
	if clients, err := ff.Clients(ctx); err != nil || len(clients) != 0 {
		t.Errorf("got %+v, %v", clients, err)
	}
}

func TestASyncThatCannotBeSaysWhy(t *testing.T) {
	t.Run("nobody is signed in", func(t *testing.T) {
		ff := firefoxsync.Start(t, firefoxsync.Options{})
		_, err := ff.Sync(t.Context())
		var failed *firefoxsync.SyncError
		if !errors.As(err, &failed) || failed.Login != "error.login.reason.no_username" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the server is not one", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(server.Close)
		ff := firefoxsync.Start(t, firefoxsync.Options{Root: server.URL})
		_, err := ff.SignIn(t.Context(), firefoxsync.Account{
			UID: strings.Repeat("a", 32), Email: "ada@example.com", SessionToken: strings.Repeat("b", 64),
		})
		if err == nil || !strings.Contains(err.Error(), "signing Firefox in") {
			t.Errorf("got %v", err)
		}
	})
}
