package interop_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// Keys as WebDriver writes them.
const (
	backspace = "\ue003"
	tab       = "\ue004"
	enter     = "\ue007"
)

// presses types into whatever has the focus.
func (p person) presses(keys string) {
	p.t.Helper()
	check(p.t, p.Type(p.t.Context(), ":focus", keys))
}

// fits fails the test if the page cannot be used on a small phone.
func (p person) fits(where string) {
	p.t.Helper()
	raw, err := p.Content(p.t.Context(), appearanceOf)
	check(p.t, err)
	var found appearance
	check(p.t, json.Unmarshal(raw, &found))
	found.check(p.t, where, 320)
}

// reachesAll tabs from the focused heading through the page, and fails the test
// if something that can be used is not on the way.
func (p person) reachesAll(where string) {
	p.t.Helper()
	const usable = `[...document.querySelectorAll("main :is(a, button, input, summary)")].filter(e => e.checkVisibility())`
	raw, err := p.Content(p.t.Context(), `return `+usable+`.length`)
	check(p.t, err)
	var n int
	check(p.t, json.Unmarshal(raw, &n))
	for range n {
		p.presses(tab)
		_, err := p.Content(p.t.Context(), `document.activeElement.dataset.reached = "yes"`)
		check(p.t, err)
	}
	raw, err = p.Content(p.t.Context(), `return `+usable+`.filter(e => !e.dataset.reached).map(e => e.outerHTML)`)
	check(p.t, err)
	if string(raw) != "[]" || n == 0 {
		p.t.Errorf("%s: of %d, not to be reached by keyboard: %s", where, n, raw)
	}
}

// TestKeyboardAloneOnASmallScreen signs up and manages the account without a mouse, 320 pixels
// wide, in light and in dark.
func TestKeyboardAloneOnASmallScreen(t *testing.T) {
	t.Parallel()
	const wrongPassword = "something else"
	for name, scheme := range map[string]int{"dark": 0, "light": 1} {
		t.Run(name, func(t *testing.T) {
			w := testenv.Listen(t)
			p := person{t, firefoxsync.Start(t, firefoxsync.Options{Prefs: map[string]any{
				"layout.css.prefers-color-scheme.content-override": scheme, "accessibility.tabfocus": 7,
			}})}
			_, err := p.Chrome(t.Context(), `
				const { style } = gBrowser.selectedBrowser;
				style.width = style.minWidth = style.maxWidth = "320px";`)
			check(t, err)
			check(t, p.Navigate(t.Context(), w.URL))
			_, err = p.Chrome(t.Context(), `gBrowser.selectedBrowser.focus()`) // out of the address bar
			check(t, err)
			p.sees(onStep("email"), "Sign in to sync")
			p.fits("the address")
			p.presses(ann + tab + tab + " ")
			p.sees(onStep("signup"), "Make an account")
			p.presses(testenv.Password + tab + wrongPassword + enter)
			p.sees(wrong("signup"), "not the same")
			p.fits("signing up")
			p.presses(strings.Repeat(backspace, len(wrongPassword)) + testenv.Password + enter)
			p.sees(onStep("settings")+"h1:focus", "Your account")
			p.fits("the settings")
			p.reachesAll("the settings")
			for _, page := range []string{"/connect_another_device", "/nowhere", "/oauth/success/5882386c6d801776"} {
				check(t, p.Navigate(t.Context(), w.URL+page))
				p.fits(page)
			}
			check(t, p.Navigate(t.Context(), w.URL+"/reset_password"))
			p.sees(onStep("key"), "Forgotten password")
			p.fits("the forgotten password")
		})
	}
}
