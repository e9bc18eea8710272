package interop_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/chromium"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// pictures saves screenshots of what the tests see: go test ./interop -run Pages -args
// -pictures DIR
var pictures = flag.String("pictures", "", "write a picture of each page, on each screen, into this folder")

// screens are the screens that each page is checked on: WCAG requires a page to be usable 320
// pixels wide, at 200 %, and with text twice as large.
var screens = map[string]chromium.Screen{
	"small, light":      {Width: 320, Height: 640},
	"small, dark":       {Width: 320, Height: 640, Dark: true, Still: true},
	"large at 200%":     {Width: 640, Height: 400, Zoom: 2},
	"small, large text": {Width: 320, Height: 640},
}

// canvases are only for pictures.
var canvases = map[string]chromium.Screen{
	"large, light": {Width: 1280, Height: 800},
	"large, dark":  {Width: 1280, Height: 800, Dark: true},
}

// visitor is a user of Chromium with a keyboard and without a mouse.
type visitor struct {
	t *testing.T
	*chromium.Page
	root string
}

func visit(t *testing.T, b *chromium.Browser, w *testenv.Env) visitor {
	t.Helper()
	v := visitor{t, b.Page(t), w.URL}
	v.Show(screens["small, light"])
	return v
}

// sees waits until the page shows this text.
func (v visitor) sees(text string) {
	v.t.Helper()
	v.Wait(fmt.Sprintf(`document.readyState === "complete" && document.body?.innerText.includes(%q)`, text))
}

// at waits until a page or step with this heading is shown and idle.
func (v visitor) at(heading string) {
	v.t.Helper()
	v.Wait(fmt.Sprintf(`[...document.querySelectorAll("h1")].some(h => h.checkVisibility() && h.textContent === %q) &&
		document.readyState === "complete" && !document.querySelector("[aria-busy=true]")`, heading))
}

// on fails the test unless an element with this name has the focus.
func (v visitor) on(role, name string) {
	v.t.Helper()
	if e := v.Focused(); e.Role != role || e.Name != name {
		v.t.Fatalf("the keyboard is with %+v, not with the %s %q", e, role, name)
	}
}

// tabs moves the focus to the next element, which must show the focus (WCAG 2.2, 2.4.7) and
// have a name (4.1.2).
func (v visitor) tabs() chromium.Element {
	v.t.Helper()
	v.Press(chromium.Tab)
	e := v.Focused()
	if e == (chromium.Element{}) && chromium.Eval[bool](v.Page, `return document.activeElement === document.body`) {
		return e // out of the page, to the browser around it
	}
	if e.Name == "" || !v.ringed() {
		v.t.Errorf("the keyboard is with something that has no name, or does not show it: %+v", e)
	}
	return e
}

// ringed reports whether the focused element has a visible focus ring.
func (v visitor) ringed() bool {
	v.t.Helper()
	return chromium.Eval[bool](v.Page, looks+`
		const e = document.activeElement;
		const s = getComputedStyle(e);
		return s.outlineStyle === "solid" && parseFloat(s.outlineWidth) >= 2 && contrast(color(s.outlineColor), ground(e.parentElement)) >= 3;`)
}

// goes tabs to the element with this name.
func (v visitor) goes(name string) {
	v.t.Helper()
	var passed []string
	for range 60 {
		e := v.tabs()
		if e.Name == name {
			return
		}
		passed = append(passed, e.Name)
	}
	v.t.Fatalf("tabbed past %q, and never came to %q", passed, name)
}

// order fails the test unless tabbing goes through exactly these elements, and back.
func (v visitor) order(names ...string) {
	v.t.Helper()
	for _, name := range names {
		if e := v.tabs(); e.Name != name {
			v.t.Fatalf("tabbed to %+v, not to %q", e, name)
		}
	}
	for i := len(names) - 2; i >= 0; i-- {
		v.PressBack()
		if e := v.Focused(); e.Name != names[i] {
			v.t.Fatalf("tabbed back to %+v, not to %q", e, names[i])
		}
	}
}

// wrongs fails the test unless the page shows this error for the field with that name, and the
// field has the focus with its text selected.
func (v visitor) wrongs(field, sentence string) {
	v.t.Helper()
	v.sees(sentence)
	if e := v.Focused(); e.Name != field || !e.Invalid || !strings.Contains(e.Description, sentence) {
		v.t.Errorf("the keyboard is with %+v; the page says %q of %q", e, sentence, field)
	}
	if said := chromium.Eval[string](v.Page, `return [...document.querySelectorAll("[role=alert]")].filter(e => e.checkVisibility()).map(e => e.textContent).join()`); !strings.Contains(said, sentence) {
		v.t.Errorf("%q is no alert: %q", sentence, said)
	}
}

// looksWell fails the test if the page cannot be used on one of the screens, or if the browser
// logs a complaint.
func (v visitor) looksWell(where string) {
	v.t.Helper()
	for name, screen := range screens {
		v.Show(screen)
		size := ""
		if name == "small, large text" {
			size = "200%"
		}
		found := chromium.Eval[appearance](v.Page, fmt.Sprintf(`document.documentElement.style.fontSize = %q;`, size)+appearanceOf)
		found.check(v.t, where+" ("+name+")", screen.Width)
		v.pictured(where, name)
	}
	chromium.Eval[bool](v.Page, `document.documentElement.style.fontSize = ""; return true`)
	if *pictures != "" {
		for name, screen := range canvases {
			v.Show(screen)
			v.pictured(where, name)
		}
	}
	v.Show(screens["small, light"])
	v.uncomplaining(where)
}

func (v visitor) pictured(where, screen string) {
	v.t.Helper()
	if *pictures == "" {
		return
	}
	name := strings.NewReplacer(" ", "-", ",", "", "/", "_", "%", "").Replace(where + "--" + screen)
	check(v.t, os.WriteFile(filepath.Join(*pictures, name+".png"), v.Picture(), 0o600))
}

// uncomplaining fails the test if the browser logged an error or a violation of the page's
// policy. A refusal by the accounts server, or of the operator's pages, does not count.
func (v visitor) uncomplaining(where string) {
	v.t.Helper()
	for _, c := range v.Complaints() {
		if c.Source != "network" || !strings.HasPrefix(c.URL, v.root+"/auth/v1/") && !strings.HasPrefix(c.URL, v.root+"/admin") {
			v.t.Errorf("%s: the browser complains: %+v", where, c)
		}
	}
}
