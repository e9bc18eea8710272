package ui_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

func TestALinkWorksOnceAndForAMinute(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testenv.New(t), "Laptop")
	b := p.open()
	enter := func(token string) int {
		status, body := (&browser{t: t, Client: http.DefaultClient, address: b.address}).send(http.MethodPost, "/open", url.Values{"token": {token}}, nil)
		if strings.Contains(body, "/s/") != (status == http.StatusOK) {
			t.Errorf("with the status %d it answers %s", status, body)
		}
		return status
	}
	_, token := p.link()
	if status := enter(token); status != http.StatusOK {
		t.Errorf("the link answers %d", status)
	}
	if status := enter(token); status != http.StatusForbidden {
		t.Errorf("used again, the link answers %d", status)
	}
	_, token = p.link()
	p.env.Clock.Pass(time.Minute + time.Second)
	if status := enter(token); status != http.StatusForbidden {
		t.Errorf("a link that is too old answers %d", status)
	}
	for _, token := range []string{"", "x", strings.Repeat("x", 1000), token[1:]} {
		if status := enter(token); status != http.StatusForbidden {
			t.Errorf("the token %.20q answers %d", token, status)
		}
	}

	// Of many links, the newest are valid.
	_, first := p.link()
	var last string
	for range 8 {
		_, last = p.link()
	}
	if enter(first) != http.StatusForbidden || enter(last) != http.StatusOK {
		t.Error("the ninth link does not end the first, or is not valid")
	}
}

func TestALinkTellsWhenItIsOver(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testenv.New(t), "Laptop")
	link, err := p.server.Link(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-link.Done():
		t.Error("a new link is over")
	default:
	}
	address, token, _ := strings.Cut(link.URL(), "/open#")
	(&browser{t: t, Client: http.DefaultClient, address: address}).send(http.MethodPost, "/open", url.Values{"token": {token}}, nil)
	<-link.Done()
}

// stranger is a browser without the cookie.
func (b *browser) stranger() *browser {
	return &browser{t: b.t, Client: &http.Client{}, address: b.address, base: b.base, csrf: b.csrf}
}

func TestWhoGetsNothing(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	p := newPlace(t, w, "Laptop")
	b := p.open()
	other := p.open()
	for name, c := range map[string]struct {
		b      *browser
		change func(*http.Request)
		want   int
	}{
		"the browser itself":         {b, nil, http.StatusOK},
		"an address that is typed":   {b, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") }, http.StatusOK},
		"without the cookie":         {b.stranger(), nil, http.StatusUnauthorized},
		"a wrong cookie":             {b.stranger(), func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "syncmanager", Value: "x"}) }, http.StatusUnauthorized},
		"the cookie of another":      {&browser{t: t, Client: other.Client, address: b.address, base: b.base}, nil, http.StatusUnauthorized},
		"another session's address":  {&browser{t: t, Client: b.Client, address: b.address, base: other.base}, nil, http.StatusUnauthorized},
		"an address made up":         {&browser{t: t, Client: b.Client, address: b.address, base: "/s/x/"}, nil, http.StatusUnauthorized},
		"no address at all":          {&browser{t: t, Client: b.Client, address: b.address, base: "/"}, nil, http.StatusUnauthorized},
		"another host":               {b, func(r *http.Request) { r.Host = "rebound.example.org" }, http.StatusForbidden},
		"another name of this host":  {b, func(r *http.Request) { r.Host = strings.Replace(r.Host, "127.0.0.1", "localhost", 1) }, http.StatusForbidden},
		"another port":               {b, func(r *http.Request) { r.Host = "127.0.0.1:1" }, http.StatusForbidden},
		"a page of another site":     {b, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"a page of another port":     {b, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, http.StatusForbidden},
		"a method that nothing uses": {b, func(r *http.Request) { r.Method = http.MethodPut }, http.StatusMethodNotAllowed},
	} {
		for _, page := range []string{"", "passwords"} {
			if status, body := c.b.send(http.MethodGet, c.b.base+page, nil, c.change); status != c.want || status != http.StatusOK && strings.Contains(body, b.csrf) {
				t.Errorf("%s: %q answers %d; want %d", name, page, status, c.want)
			}
		}
	}

	// A form is sent by the page itself, with its value.
	for name, c := range map[string]struct {
		b      *browser
		change func(*http.Request)
		csrf   string
		want   int
	}{
		"the page itself":       {b, nil, b.csrf, http.StatusOK},
		"without the cookie":    {b.stranger(), nil, b.csrf, http.StatusUnauthorized},
		"without an origin":     {b, func(r *http.Request) { r.Header.Del("Origin") }, b.csrf, http.StatusForbidden},
		"an origin without one": {b, func(r *http.Request) { r.Header.Set("Origin", "null") }, b.csrf, http.StatusForbidden},
		"another origin":        {b, func(r *http.Request) { r.Header.Set("Origin", "https://example.org") }, b.csrf, http.StatusForbidden},
		"another port":          {b, func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") }, b.csrf, http.StatusForbidden},
		"another site":          {b, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, b.csrf, http.StatusForbidden},
		"typed":                 {b, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") }, b.csrf, http.StatusForbidden},
		"without the value":     {b, nil, "", http.StatusForbidden},
		"another's value":       {b, nil, other.csrf, http.StatusForbidden},
		"another host":          {b, func(r *http.Request) { r.Host = "rebound.example.org" }, b.csrf, http.StatusForbidden},
		"not a form":            {b, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, b.csrf, http.StatusUnsupportedMediaType},
		"a form without parts":  {b, func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") }, b.csrf, http.StatusForbidden},
	} {
		form := url.Values{"csrf": {c.csrf}, "name": {"named by " + name}}
		if status, _ := c.b.send(http.MethodPost, b.base+"device-rename", form, c.change); status != c.want {
			t.Errorf("%s: the form answers %d; want %d", name, status, c.want)
		}
	}
	p.device.Sync()
	b.shows("devices", "named by the page itself")
}

func TestWhatEachAnswerSays(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testenv.New(t), "Laptop")
	b := p.open()
	jar := b.Jar.Cookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(b.address, "http://"), Path: b.base})
	if elsewhere := b.Jar.Cookies(&url.URL{Scheme: "http", Host: "127.0.0.1:1", Path: "/"}); len(jar) != 1 || len(elsewhere) != 0 {
		t.Errorf("the page gets %d cookies, and another port %d", len(jar), len(elsewhere))
	}
	for _, path := range []string{"/open", b.base, b.base + "passwords", b.base + "nothing", "/nothing"} {
		resp, err := b.Get(b.address + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
			"Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := resp.Header.Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	resp, err := b.PostForm(b.address+"/open", url.Values{"token": {func() string { _, token := p.link(); return token }()}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	cookie := resp.Header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/s/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie lacks %s: %s", want, cookie)
		}
	}
}

func TestASessionEnds(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testenv.New(t), "Laptop")
	b := p.open()
	p.env.Clock.Pass(59 * time.Minute)
	b.shows("")
	p.env.Clock.Pass(59 * time.Minute)
	b.shows("") // an hour after the last request
	p.env.Clock.Pass(61 * time.Minute)
	if status, _ := b.get(""); status != http.StatusUnauthorized {
		t.Errorf("after an hour the page answers %d", status)
	}
	b = p.open()
	for range 13 {
		p.env.Clock.Pass(55 * time.Minute)
		b.get("")
	}
	p.env.Clock.Pass(10 * time.Minute)
	if status, _ := b.get(""); status != http.StatusUnauthorized {
		t.Errorf("after twelve hours the page answers %d", status)
	}

	b, other := p.open(), p.open()
	b.post("leave", nil)
	if status, _ := b.get(""); status != http.StatusUnauthorized {
		t.Errorf("after it was closed the page answers %d", status)
	}
	other.shows("")
	p.server.Close()
	if _, err := p.server.Link(t.Context()); err == nil {
		t.Error("a closed server makes links")
	}
	if _, err := other.Get(other.address); err == nil {
		t.Error("a closed server answers")
	}
}
