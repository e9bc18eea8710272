package interop_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/chromium"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestPagesWithoutAStory covers the pages that are only read.
func TestPagesWithoutAStory(t *testing.T) {
	t.Parallel()
	b := chromium.Start(t)
	w := testenv.Listen(t)
	v := visit(t, b, w)
	for path, heading := range map[string]string{
		"/connect_another_device": "Connect another device", "/oauth/success/5882386c6d801776": "You are signed in", "/nowhere": "Page not found",
	} {
		v.Open(w.URL + path)
		v.at(heading)
		if path == "/nowhere" { // the browser logs the status
			v.Complaints()
		}
		v.looksWell("page " + path[1:])
	}

	t.Run("an address that is not secure", func(t *testing.T) {
		v := visit(t, b, w)
		v.root = strings.Replace(w.URL, "127.0.0.1", "sync.test", 1)
		for _, path := range []string{"/", "/settings", "/reset_password"} {
			v.Open(v.root + path)
			v.at("This address is not secure")
			v.sees("put a proxy in front of it that has a certificate")
			if chromium.Eval[bool](v.Page, `return [...document.querySelectorAll("input")].some(i => i.checkVisibility())`) {
				t.Errorf("%s has a field to type into", path)
			}
		}
		// The browser logs that it cannot isolate sites there.
		said := v.Complaints()
		if said = slices.DeleteFunc(said, func(c chromium.Complaint) bool { return strings.Contains(c.Text, "Cross-Origin-Opener-Policy") }); len(said) > 0 {
			t.Errorf("the browser complains: %+v", said)
		}
		v.looksWell("not secure")
	})

	t.Run("without scripts", func(t *testing.T) {
		v := visit(t, b, w)
		v.WithoutScripts()
		for _, path := range []string{"/", "/settings", "/reset_password"} {
			v.Open(w.URL + path)
			v.sees("This page needs JavaScript")
			if shown := chromium.Eval[string](v.Page, `return document.querySelector("main").innerText.trim()`); strings.Contains(shown, "\n") {
				t.Errorf("%s shows more than that it needs scripts: %q", path, shown)
			}
		}
	})
}

// evil is text that would run a script if it were read as HTML.
const evil = `"><img src=x onerror="window.evil=1"><script>window.evil=1</script>`

// harmless fails the test if any script of evil ran.
func (v visitor) harmless(where string) {
	v.t.Helper()
	v.uncomplaining(where)
	if chromium.Eval[bool](v.Page, `return "evil" in window || !!document.querySelector("img[src=x], script:not([src])")`) {
		v.t.Errorf("%s: text was taken for HTML", where)
	}
	if at := chromium.Eval[string](v.Page, `return location.origin`); at != v.root {
		v.t.Errorf("%s: the page is at %s", where, at)
	}
}

// TestHostileNames: a name that others may have chosen, of a device or a program, is shown as
// plain text.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	b := chromium.Start(t)
	w := testenv.Listen(t)
	w.Device(evil, ann)
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		r.Header.Set("User-Agent", "program "+evil)
		return nil, nil
	})
	w.SignIn(ann)
	w.Net.Before(nil)
	v := visit(t, b, w)
	v.signsIn(ann, testenv.Password)
	v.at("Your account")
	v.sees(evil)
	v.sees("program " + evil)
	v.harmless("the settings")
	v.goes("Rename " + evil)
	v.Press(chromium.Enter)
	v.on("textbox", "New name")
	v.Press(`</b>` + evil + chromium.Enter)
	v.sees(`</b>` + evil)
	v.at("Your account")
	v.harmless("renamed")

	v = visit(t, b, w)
	v.Open(w.URL)
	v.at("Sign in to sync")
	v.Press(`"<img/src=x>"@example.org` + chromium.Enter)
	v.Wait(`document.activeElement.validity?.valid === false`) // the browser itself refuses the address
	v.harmless("a hostile address")
}

// TestHostileLinks: a link to a page cannot send a code or the browser elsewhere, and cannot
// run a script.
func TestHostileLinks(t *testing.T) {
	t.Parallel()
	b := chromium.Start(t)
	w := testenv.Listen(t)
	w.SignIn(ann)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the browser came to %s", r.URL)
	}))
	t.Cleanup(elsewhere.Close)
	oauth := url.Values{
		"client_id": {"5882386c6d801776"}, "state": {"st"}, "scope": {"https://identity.mozilla.com/apps/oldsync"},
		"code_challenge": {strings.Repeat("A", 43)}, "code_challenge_method": {"S256"}, "response_type": {"code"}, "access_type": {"offline"},
	}
	for name, change := range map[string]url.Values{
		"another server":      {"redirect_uri": {elsewhere.URL}},
		"a script":            {"redirect_uri": {"javascript:window.evil=1"}},
		"an app nobody knows": {"client_id": {evil}, "redirect_uri": {elsewhere.URL}},
	} {
		t.Run(name, func(t *testing.T) {
			v := visit(t, b, w)
			q := url.Values{}
			for _, values := range []url.Values{oauth, change} {
				for k, v := range values {
					q[k] = v
				}
			}
			v.Open(w.URL + "/oauth?" + q.Encode())
			v.at("Sign in to sync")
			v.Press(ann + chromium.Enter)
			v.at("Enter your password")
			v.Press(testenv.Password + chromium.Enter)
			v.sees("This page was opened for an app that this server does not know")
			v.harmless(name)
		})
	}

	v := visit(t, b, w)
	all := url.Values{}
	for _, parameter := range []string{"email", "next", "redirect_to", "return_to", "service", "context", "login_hint", "style"} {
		all.Set(parameter, evil)
	}
	for _, page := range []string{"/", "/reset_password"} {
		v.Open(w.URL + page + "?" + all.Encode() + "#" + url.Values{"invitation": {evil}}.Encode())
		v.Wait(`document.activeElement.matches("input")`)
		v.harmless(page)
	}
	for parameter := range all {
		all.Set(parameter, elsewhere.URL)
	}
	all.Set("email", ann)
	v.Open(w.URL + "/signin?" + all.Encode())
	v.at("Enter your password")
	v.Press(testenv.Password + chromium.Enter)
	v.at("Your account")
	v.harmless("signed in")
}

// TestFrames: a page in the frame of another site is not shown, which prevents clickjacking.
func TestFrames(t *testing.T) {
	t.Parallel()
	b := chromium.Start(t)
	w := testenv.Listen(t)
	other := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		for _, path := range []string{"/", "/settings", "/reset_password", "/connect_another_device", "/nowhere"} {
			_, _ = rw.Write([]byte(`<iframe src="` + w.URL + path + `"></iframe>`))
		}
	}))
	t.Cleanup(other.Close)
	v := visit(t, b, w)
	v.Open(other.URL)
	frames := v.Frames()
	for _, at := range frames {
		if !strings.HasPrefix(at, "chrome-error:") {
			t.Errorf("a frame shows %s", at)
		}
	}
	if len(frames) != 5 {
		t.Errorf("the frames are %q", frames)
	}
}
