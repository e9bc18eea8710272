package chromium

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/extensions"
	"github.com/chromedp/chromedp"
)

// Installed is a Chromium with a profile of its own, which stays when it is started again, and with an
// extension that talks to a native host.
type Installed struct {
	t testing.TB
	// Home is $HOME of the browser and of the host that it starts.
	Home string
	// Extension is the folder of the extension, and ID its ID.
	Extension, ID string
	// Env are further variables of both.
	Env []string
	// Profile is the folder of the browser's data.
	Profile string

	ctx  context.Context
	stop func()
}

// Install prepares a Chromium that starts program as the native host name for the extension in
// the folder. Start starts it.
func Install(t testing.TB, extension, id, name, program string, env ...string) *Installed {
	t.Helper()
	home := t.TempDir()
	c := &Installed{t: t, Home: home, Extension: extension, ID: id, Env: env, Profile: filepath.Join(home, "browser")}
	manifest, err := json.Marshal(map[string]any{
		"name": name, "description": "test", "path": program, "type": "stdio", "allowed_origins": []string{"chrome-extension://" + id + "/"},
	})
	if err == nil {
		err = os.MkdirAll(filepath.Join(c.Profile, "NativeMessagingHosts"), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(c.Profile, "NativeMessagingHosts", name+".json"), manifest, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Start starts the Chromium, and loads the extension.
func (c *Installed) Start() {
	c.t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(require(c.t)),
		chromedp.Env(append([]string{"HOME=" + c.Home, "XDG_CONFIG_HOME=" + filepath.Join(c.Home, "config"), "XDG_CACHE_HOME=" + filepath.Join(c.Home, "cache")}, c.Env...)...),
		chromedp.UserDataDir(c.Profile),
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-extensions", false),
		chromedp.Flag("enable-unsafe-extension-debugging", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(c.t.Context()), options...)
	ctx, cancel := chromedp.NewContext(ctx)
	c.ctx, c.stop = ctx, func() { cancel(); stop() }
	c.t.Cleanup(c.stop)
	if err := chromedp.Do(ctx); err != nil {
		c.t.Fatalf("starting Chromium: %v", err)
	}
	c.Load()
}

// Load loads the extension, or loads it again as after an update.
func (c *Installed) Load() {
	c.t.Helper()
	loaded, err := chromedp.CallBrowser(c.ctx, extensions.LoadUnpacked, extensions.LoadUnpackedParams{Path: c.Extension})
	if err != nil {
		c.t.Fatalf("Chromium does not load the extension: %v", err)
	}
	if loaded.ID != c.ID {
		c.t.Fatalf("the extension's ID is %s, not %s", loaded.ID, c.ID)
	}
}

// Stop ends the Chromium as a user does.
func (c *Installed) Stop() {
	c.t.Helper()
	if err := chromedp.Cancel(c.ctx); err != nil {
		c.t.Fatalf("ending Chromium: %v", err)
	}
	c.stop()
}

// Kill kills the Chromium.
func (c *Installed) Kill() {
	c.t.Helper()
	if err := chromedp.FromContext(c.ctx).Browser.Process().Kill(); err != nil {
		c.t.Fatal(err)
	}
	c.stop()
	// The lock of the profile is a link to a process that is gone.
	_ = os.Remove(filepath.Join(c.Profile, "SingletonLock"))
}

// ExtensionPage opens a page of the extension, where the extension's APIs can be called.
func (c *Installed) ExtensionPage(name string) *Page {
	c.t.Helper()
	ctx, cancel := chromedp.NewContext(c.ctx)
	c.t.Cleanup(cancel)
	p := &Page{t: c.t, ctx: ctx, heard: make(chan struct{}, 1)}
	call(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	p.Open("chrome-extension://" + c.ID + "/" + name)
	return p
}

// Until calls done until it returns true.
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	poll := time.NewTicker(10 * pollInterval)
	defer poll.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("timed out waiting for %s", what)
		case <-poll.C:
		}
	}
}
