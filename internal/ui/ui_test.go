package ui_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/internal/test/apihome"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/internal/ui"
)

// place is a device and its page.
type place struct {
	t       *testing.T
	env     *testenv.Env
	device  *testenv.Device
	home    *apihome.Home
	service *api.Service
	server  *ui.Server
}

func newPlace(t *testing.T, w *testenv.Env, name string) *place {
	t.Helper()
	d := w.Browser(name, "ann@example.org")
	events := api.NewEvents(nil)
	home := apihome.New(d, events)
	service, err := api.New(api.Config{Home: home, Events: events, Now: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		_ = service.Watch(t.Context())
	}()
	t.Cleanup(func() { <-watched })
	s, err := ui.New(ui.Config{Service: service, Now: w.Clock.Now, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &place{t, w, d, home, service, s}
}

// link makes a link, and returns its address and its token.
func (p *place) link() (address, token string) {
	p.t.Helper()
	l, err := p.server.Link(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	address, token, ok := strings.Cut(l.URL(), "/open#")
	if !ok {
		p.t.Fatalf("the link is %s", l.URL())
	}
	return address, token
}

// browser is a client that keeps cookies, and says of itself what a browser says.
type browser struct {
	t *testing.T
	*http.Client
	address, base, csrf string
}

var (
	sessionPath = regexp.MustCompile(`url=(/s/[\w-]+/)`)
	content     = regexp.MustCompile(`(?s)^.*<main`)
	csrfField   = regexp.MustCompile(`name="csrf" value="([\w-]+)"`)
)

// open opens a link.
func (p *place) open() *browser {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	address, token := p.link()
	b := &browser{t: p.t, Client: &http.Client{Jar: jar}, address: address}
	status, body := b.send(http.MethodPost, "/open", url.Values{"token": {token}}, nil)
	found := sessionPath.FindStringSubmatch(body)
	if status != http.StatusOK || found == nil {
		p.t.Fatalf("the link answers %d: %s", status, body)
	}
	b.base = found[1]
	status, body = b.get("")
	csrf := csrfField.FindStringSubmatch(body)
	if status != http.StatusOK || csrf == nil {
		p.t.Fatalf("the page answers %d: %s", status, body)
	}
	b.csrf = csrf[1]
	return b
}

// send sends a request to a path, with headers in the place of a browser's own.
func (b *browser) send(method, path string, form url.Values, change func(*http.Request)) (status int, body string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.address+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		r.Header.Set("Origin", b.address)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if change != nil {
		change(r)
	}
	resp, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

func (b *browser) get(page string) (status int, body string) {
	b.t.Helper()
	return b.send(http.MethodGet, b.base+page, nil, nil)
}

// post sends a form of the session, and returns the page that follows.
func (b *browser) post(name string, form url.Values) (status int, body string) {
	b.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	if !form.Has("csrf") {
		form.Set("csrf", b.csrf)
	}
	return b.send(http.MethodPost, b.base+name, form, nil)
}

// shows fails the test unless a page has all texts.
func (b *browser) shows(page string, texts ...string) string {
	b.t.Helper()
	status, body := b.get(page)
	if status != http.StatusOK {
		b.t.Fatalf("%q answers %d: %s", page, status, body)
	}
	b.has(page, body, texts...)
	return body
}

func (b *browser) has(where, body string, texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		if !strings.Contains(body, text) {
			b.t.Errorf("%s lacks %q:\n%s", where, text, content.ReplaceAllString(body, "<main"))
		}
	}
}

// hidden returns the value of a hidden field near a text.
func hidden(t *testing.T, body, after, name string) string {
	t.Helper()
	i := strings.Index(body, after)
	if i < 0 {
		t.Fatalf("there is no %q", after)
	}
	found := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(body[i:])
	if found == nil {
		t.Fatalf("there is no %s after %q", name, after)
	}
	return found[1]
}

func TestEveryPageOfANewProfile(t *testing.T) {
	t.Parallel()
	b := newPlace(t, testenv.New(t), "Laptop").open()
	for page, text := range map[string]string{
		"": "Nothing was synced yet", "timeline": "No sync yet", "devices": "No devices known yet", "engines": "Payment cards",
		"bookmarks": "Bookmarks toolbar", "bookmarks?folder=menu________": "This folder is empty", "bookmarks?words=go": "Nothing found",
		"passwords": "No passwords yet", "passwords?words=x": "Nothing found", "changes": "Nothing to undo", "conflicts": "Nothing waits for your word",
		"stuck": "Every record syncs", "import": "Drop a file here", "health": "All is well", "health?check=1": "fit together", "leave": "Close this page?",
		"bookmark-add?folder=menu________": "Bookmarks menu", "engine-off?engine=tabs": "Stop syncing open tabs?",
	} {
		b.shows(page, text)
	}
	for _, page := range []string{"nothing", "bookmark?id=nothinghere1", "password?id=nothinghere1", "disconnect?device=x", "engine-off?engine=x", "bookmarks?folder=nothinghere1"} {
		if status, body := b.get(page); status != http.StatusNotFound || !strings.Contains(body, "Not found") {
			t.Errorf("%s answers %d: %s", page, status, body)
		}
	}
}
