package chromium

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	// patience is how long a page may take to show what a test waits for: it may have to
	// stretch a password first, on a busy machine.
	patience = 60 * time.Second
	// pollInterval is the time between two checks of the page.
	pollInterval = 10 * time.Millisecond
)

// Page is a tab with its own storage. Errors fail the test.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu   sync.Mutex
	said []Complaint
	// heard says that endOfComplaints was read.
	heard chan struct{}
}

// endOfComplaints is a message that Complaints itself makes the page log.
const endOfComplaints = "so much for complaints"

// Complaint is a message in the browser's console.
type Complaint struct {
	// Source is the part of the browser that logged it, such as "security" or "network"; "": a
	// script, or an error in one.
	Source string
	Text   string
	// URL is that of the script, or of the resource that was not loaded.
	URL string
}

// Page opens a tab that shares nothing with the others.
func (b *Browser) Page(t testing.TB) *Page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &Page{t: t, ctx: ctx, heard: make(chan struct{}, 1)}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return // the tab is closed
			}
			if m.Text == endOfComplaints {
				p.heard <- struct{}{}
				continue
			}
			p.mu.Lock()
			p.said = append(p.said, Complaint{m.Source, m.Text, m.URL})
			p.mu.Unlock()
		}
	}()
	// Every tab has the keyboard focus at the same time.
	call(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	return p
}

func call[P, R any](p *Page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	r, err := chromedp.Call(p.ctx, command, params)
	if err != nil {
		p.t.Fatalf("Chromium refused %s: %v", command.Method, err)
	}
	return r
}

// Complaints returns all console messages since the last call.
func (p *Page) Complaints() []Complaint {
	p.t.Helper()
	Eval[bool](p, `console.debug("`+endOfComplaints+`"); return true`)
	select {
	case <-p.heard:
	case <-p.ctx.Done():
		p.t.Fatal("the tab is closed")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	said := p.said
	p.said = nil
	return said
}

// Open goes to an address and waits until the page has loaded.
func (p *Page) Open(url string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Navigate(url)); err != nil {
		p.t.Fatalf("opening %s: %v", url, err)
	}
}

// Frames returns the URLs of the page's frames, without the page itself. A refused frame has a
// URL of the browser's own.
func (p *Page) Frames() (urls []string) {
	p.t.Helper()
	for _, f := range call(p, page.GetFrameTree, cdp.Empty{}).FrameTree.ChildFrames {
		urls = append(urls, f.Frame.URL)
	}
	return urls
}

// Screen is how a page is shown.
type Screen struct {
	// Width and Height are in CSS pixels.
	Width, Height int
	// Zoom is the number of screen pixels in a CSS pixel; 0 means 1.
	Zoom float64
	// Dark says that the user prefers dark pages.
	Dark bool
	// Still says that the user prefers reduced motion.
	Still bool
}

// Show sets how the page is shown from now on.
func (p *Page) Show(s Screen) {
	p.t.Helper()
	if s.Zoom == 0 {
		s.Zoom = 1
	}
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(s.Width), Height: int64(s.Height), DeviceScaleFactor: s.Zoom,
	})
	scheme, motion := "light", "no-preference"
	if s.Dark {
		scheme = "dark"
	}
	if s.Still {
		motion = "reduce"
	}
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
}

// Language sets the language of the page's requests from now on, such as "de".
func (p *Page) Language(tag string) {
	p.t.Helper()
	agent := Eval[string](p, `return navigator.userAgent`)
	call(p, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: tag})
}

// WithoutScripts disables scripts in pages that are opened from now on.
func (p *Page) WithoutScripts() {
	p.t.Helper()
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Picture returns a screenshot of the whole page, as PNG.
func (p *Page) Picture() []byte {
	p.t.Helper()
	b, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("taking a picture of the page: %v", err)
	}
	return b
}

// Keys for Press.
const (
	Tab       = kb.Tab
	Enter     = kb.Enter
	Space     = " "
	Backspace = kb.Backspace
)

// Press presses the keys one after the other.
func (p *Page) Press(keys string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.KeyEvent(keys)); err != nil {
		p.t.Fatalf("pressing keys: %v", err)
	}
}

// PressBack presses Shift-Tab.
func (p *Page) PressBack() {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.KeyEvent(Tab, chromedp.KeyModifiers(chromedp.ModifierShift))); err != nil {
		p.t.Fatalf("pressing Shift-Tab: %v", err)
	}
}

// Drag drags an element with the mouse to the middle of another one. Both are named by CSS
// selectors, and are in view.
func (p *Page) Drag(from, to string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.DragAndDrop(chromedp.CSS(from), chromedp.CSS(to))); err != nil {
		p.t.Fatalf("dragging %s to %s: %v", from, to, err)
	}
}

// Eval runs the body of a function in the page, and returns its result.
func Eval[T any](p *Page, body string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T]("(async () => {"+body+"\n})()", chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("running %q in the page: %v", body, err)
	}
	return v
}

// Wait waits until the expression is true in the page, also if other pages load before.
func (p *Page) Wait(expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if ok {
			return
		}
		// While a page loads, there is no page to evaluate it in.
		if wrong, is := errors.AsType[*chromedp.ExceptionError](err); is && strings.Contains(wrong.Error(), "SyntaxError") {
			p.t.Fatalf("waiting for %s: %v", expression, err)
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("timed out waiting for %s (%v); the page shows %q", expression, err, Eval[string](p, `return document.body.innerText`))
		case <-poll.C:
		}
	}
}
