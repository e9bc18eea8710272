package marionette_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/marionette"
)

func TestScriptsRunWithTheBrowsersPowers(t *testing.T) {
	ff := marionette.StartTest(t, marionette.Options{Prefs: map[string]any{
		"syncmanager.bool": true, "syncmanager.int": 7, "syncmanager.string": "ü\"\\\n",
	}})

	t.Run("a value comes back, awaited", func(t *testing.T) {
		got, err := ff.Chrome(t.Context(), `
			const [n, words] = args;
			return Promise.resolve({ n: n + 1, words, app: Services.appinfo.name });`, 41, []string{"ä", "日本"})
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"n":42,"words":["ä","日本"],"app":"Firefox"}`; string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})

	t.Run("no value is null", func(t *testing.T) {
		if got, err := ff.Chrome(t.Context(), `await null;`); err != nil || string(got) != "null" {
			t.Errorf("got %s, %v", got, err)
		}
	})

	t.Run("an exception comes back with its place", func(t *testing.T) {
		_, err := ff.Chrome(t.Context(), "await null;\nnull.field;")
		var thrown *marionette.ScriptError
		if !errors.As(err, &thrown) {
			t.Fatalf("got %v, want a ScriptError", err)
		}
		if thrown.Name != "TypeError" || !strings.Contains(thrown.Message, "null") || !strings.Contains(thrown.Stack, "script:2:") {
			t.Errorf("got %+v", thrown)
		}
	})

	t.Run("one of the browser's own exceptions too", func(t *testing.T) {
		_, err := ff.Chrome(t.Context(), `Services.prefs.getIntPref("syncmanager.bool");`)
		var thrown *marionette.ScriptError
		if !errors.As(err, &thrown) || thrown.Name != "NS_ERROR_UNEXPECTED" {
			t.Errorf("got %v", err)
		}
	})

	t.Run("a script that is not JavaScript is refused", func(t *testing.T) {
		_, err := ff.Chrome(t.Context(), `)(`)
		var refused *marionette.RemoteError
		if !errors.As(err, &refused) || refused.Kind != "javascript error" {
			t.Errorf("got %v", err)
		}
	})

	t.Run("the caller's preferences hold", func(t *testing.T) {
		got, err := ff.Chrome(t.Context(), `const p = Services.prefs;
			return [p.getBoolPref("syncmanager.bool"), p.getIntPref("syncmanager.int"), p.getStringPref("syncmanager.string")];`)
		if want := `[true,7,"ü\"\\\n"]`; err != nil || string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	})

	t.Run("only the loopback interface can be reached", func(t *testing.T) {
		got, err := ff.Chrome(t.Context(), `
			const service = Cc["@mozilla.org/network/protocol-proxy-service;1"].getService(Ci.nsIProtocolProxyService);
			const way = url => new Promise(resolve => service.asyncResolve(
				Services.io.newChannel(url, null, null, null, Services.scriptSecurityManager.getSystemPrincipal(), null,
					Ci.nsILoadInfo.SEC_ALLOW_CROSS_ORIGIN_SEC_CONTEXT_IS_NULL, Ci.nsIContentPolicy.TYPE_OTHER),
				0, { onProxyAvailable: (_request, _channel, info) => resolve(info ? info.host + ":" + info.port : "direct") }));
			return [await way("https://example.com/"), await way("http://example.com/"),
				await way("http://127.0.0.1:1234/"), await way("http://localhost/")];`)
		if want := `["127.0.0.1:9","127.0.0.1:9","direct","direct"]`; err != nil || string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	})

	t.Run("a wait ends with its context, and the next command works", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			cancel() // the script is running, and would wait for ever
			<-over
		}))
		t.Cleanup(server.Close)
		t.Cleanup(func() { close(over) })
		if _, err := ff.Chrome(ctx, `await fetch(args[0]);`, server.URL); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if got, err := ff.Chrome(t.Context(), `return 1;`); err != nil || string(got) != "1" {
			t.Errorf("afterwards: got %s, %v", got, err)
		}
	})
}

func TestPagesCanBeReadAndClicked(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<input id="name"><button onclick="
			const p = document.createElement('p'); p.id = 'greeting';
			p.textContent = 'Hello ' + document.getElementById('name').value; document.body.append(p)">Go</button>`)
	}))
	t.Cleanup(server.Close)
	ff, ctx := marionette.StartTest(t, marionette.Options{}), t.Context()

	if err := ff.Navigate(ctx, server.URL+"/page"); err != nil {
		t.Fatal(err)
	}
	if err := ff.Type(ctx, "#name", "Ada"); err != nil {
		t.Fatal(err)
	}
	if err := ff.Click(ctx, "button"); err != nil {
		t.Fatal(err)
	}
	if got, err := ff.Text(ctx, "#greeting"); err != nil || got != "Hello Ada" {
		t.Errorf("the page says %q, %v", got, err)
	}
	if got, err := ff.URL(ctx); err != nil || got != server.URL+"/page" {
		t.Errorf("the address is %q, %v", got, err)
	}
	if got, err := ff.Content(ctx, `return document.querySelectorAll(args[0]).length;`, "p"); err != nil || string(got) != "1" {
		t.Errorf("the page has %s paragraphs, %v", got, err)
	}
	if got, err := ff.Chrome(ctx, `return gBrowser.selectedBrowser.currentURI.spec;`); err != nil || string(got) != `"`+server.URL+`/page"` {
		t.Errorf("the browser shows %s, %v", got, err)
	}
}

func TestQuitKeepsTheProfile(t *testing.T) {
	o := marionette.Options{Profile: t.TempDir()}
	ff := marionette.StartTest(t, o)
	if _, err := ff.Chrome(t.Context(), `Services.prefs.setStringPref("syncmanager.kept", "yes");`); err != nil {
		t.Fatal(err)
	}
	if err := ff.Quit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := ff.Chrome(t.Context(), `return 1;`); err == nil {
		t.Error("a Firefox that quit still answers")
	}

	again := marionette.StartTest(t, o)
	if got, err := again.Chrome(t.Context(), `return Services.prefs.getStringPref("syncmanager.kept");`); err != nil || string(got) != `"yes"` {
		t.Errorf("after the restart: got %s, %v", got, err)
	}
}

func TestTheEndOfTheContextEndsFirefox(t *testing.T) {
	binary := marionette.Require(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ff, err := marionette.Start(ctx, marionette.Options{Binary: binary})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-ff.Gone()
	if _, err := os.Stat(ff.Profile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary profile is still there: %v", err)
	}
	if _, err := ff.Chrome(t.Context(), `return 1;`); err == nil {
		t.Error("a killed Firefox answers")
	}
	ff.Kill() // once more does no harm
}

func TestACrashIsNoticedAtOnce(t *testing.T) {
	ff := marionette.StartTest(t, marionette.Options{})
	raw, err := ff.Chrome(t.Context(), `return Services.appinfo.processID;`)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, err = ff.Chrome(t.Context(), `return new Promise(() => {});`)
	if err == nil || !strings.Contains(err.Error(), "Firefox has ended") {
		t.Errorf("got %v", err)
	}
}

func TestAFailedStartShowsWhatWasPrinted(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "firefox")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho cannot open display >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := marionette.Start(t.Context(), marionette.Options{Binary: broken})
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "cannot open display") {
		t.Errorf("got %v", err)
	}

	_, err = marionette.Start(t.Context(), marionette.Options{Binary: filepath.Join(t.TempDir(), "nothing")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a binary that is not there: got %v", err)
	}
}

func TestAPreferenceOfAnUnknownTypeIsRefused(t *testing.T) {
	_, err := marionette.Start(t.Context(), marionette.Options{Binary: "unused", Prefs: map[string]any{"x": 1.5}})
	if err == nil || !strings.Contains(err.Error(), "float64") {
		t.Errorf("got %v", err)
	}
}

func TestNoFirefoxIsSaidSo(t *testing.T) {
	if _, err := os.Stat("/Applications/Firefox.app"); err == nil {
		return // found without PATH
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := marionette.Start(t.Context(), marionette.Options{}); !errors.Is(err, marionette.ErrNoFirefox) {
		t.Errorf("got %v, want %v", err, marionette.ErrNoFirefox)
	}
}
