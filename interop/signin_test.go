package interop_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// recorder stores all that was sent to the server.
type recorder struct {
	mu   sync.Mutex
	sent bytes.Buffer
	urls []string
}

func (rec *recorder) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec.mu.Lock()
		rec.urls = append(rec.urls, r.RequestURI)
		rec.sent.WriteString(r.RequestURI + "\n")
		if err := r.Header.Write(&rec.sent); err != nil {
			panic(err) // a bytes.Buffer takes everything
		}
		rec.sent.Write(body)
		rec.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// never fails the test if the secret was sent in any form that reveals it.
func (rec *recorder) never(t *testing.T, secret string) {
	t.Helper()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	sent := strings.ToLower(rec.sent.String())
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString([]byte(secret)),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="),
	} {
		if strings.Contains(sent, strings.ToLower(form)) {
			t.Errorf("the password was sent, as %q", form)
		}
	}
	if len(rec.urls) == 0 {
		t.Error("nothing was sent at all")
	}
}

// person is a user of Firefox who uses only visible elements.
type person struct {
	t *testing.T
	*firefoxsync.Firefox
}

func (p person) click(selector string) {
	p.t.Helper()
	check(p.t, p.Click(p.t.Context(), selector))
}

func (p person) types(selector, text string) {
	p.t.Helper()
	check(p.t, p.Type(p.t.Context(), selector, text))
}

// sees waits until an element is there, and checks its text.
func (p person) sees(selector, text string) {
	p.t.Helper()
	shown, err := p.Text(p.t.Context(), selector)
	check(p.t, err)
	if !strings.Contains(shown, text) {
		p.t.Errorf("%s says %q, not %q", selector, shown, text)
	}
}

// onStep returns the selector of a step of a page while it is visible.
func onStep(id string) string { return "#" + id + ":not([hidden]) " }

// wrong is the selector of a step's error message.
func wrong(id string) string { return onStep(id) + "[role=alert]:not([hidden])" }

// opensSignIn opens the server's page from Firefox's settings.
func (p person) opensSignIn() {
	p.t.Helper()
	check(p.t, p.Navigate(p.t.Context(), "about:preferences#sync"))
	p.click("#noFxaSignIn")
}

// enters is the first step, the address.
func (p person) enters(email string) {
	p.t.Helper()
	p.types(onStep("email")+"input[type=email]", email)
	p.click("#email-form button")
}

// entersNewAddress is the first step of a user without an account.
func (p person) entersNewAddress(email string) {
	p.t.Helper()
	p.types(onStep("email")+"input[type=email]", email)
	p.click("#email-form button[value=new]")
}

func (p person) signsUp(email, password string) {
	p.t.Helper()
	p.opensSignIn()
	p.entersNewAddress(email)
	p.types(onStep("signup")+"label:nth-of-type(2) input", password)
	p.types("#signup label:nth-of-type(3) input", password)
	p.click("#signup-form button")
}

func (p person) signsIn(email, password string) {
	p.t.Helper()
	p.opensSignIn()
	p.enters(email)
	p.types(onStep("password")+"input[type=password]", password)
	p.click("#password-form button")
}

// TestSignUpInFirefox: from Firefox's own settings to a password on our device, using only what
// a person sees.
func TestSignUpInFirefox(t *testing.T) {
	t.Parallel()
	var rec recorder
	w := testenv.ListenThrough(t, rec.wrap)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	p.signsUp(ann, testenv.Password)
	p.sees(onStep("engines"), "Choose what to sync")
	p.click("#engines input[value=history]")
	p.click("#engines-form button")
	p.sees(onStep("done"), "You are signed in")

	addToFirefox(t, p.Firefox, "https://theirs.example", "ann", "made in Firefox")
	syncFirefox(t, p.Firefox)
	d := w.Device("our device", ann)
	d.Add("https://ours.example", "ann", "made here")
	d.Sync()
	syncFirefox(t, p.Firefox)
	agree(t, d, p.Firefox, map[string]string{"https://theirs.example ann": "made in Firefox", "https://ours.example ann": "made here"})
	engines, err := p.Engines(t.Context())
	check(t, err)
	for name, want := range map[string]bool{"history": false, "passwords": true, "addresses": true} {
		if s := engines[name]; s.Enabled != want || s.Declined == want {
			t.Errorf("Firefox's %s is %+v", name, s)
		}
	}
	rec.never(t, testenv.Password)
}

// TestSignInInFirefox joins an account that our device made, after a wrong
// password and in another spelling of the address.
func TestSignInInFirefox(t *testing.T) {
	t.Parallel()
	var rec recorder
	w := testenv.ListenThrough(t, rec.wrap)
	d := w.Device("our device", ann)
	d.Add("https://ours.example", "ann", "made here")
	d.Sync()
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	p.signsIn(strings.ToUpper(ann), "not the password")
	p.sees(wrong("password"), "The password is not right.")
	check(t, p.Clear(t.Context(), "#password input[type=password]"))
	p.types("#password input[type=password]", testenv.Password)
	p.click("#password-form button")
	p.sees(onStep("done"), "You are signed in")
	syncFirefox(t, p.Firefox)
	agree(t, d, p.Firefox, map[string]string{"https://ours.example ann": "made here"})
	rec.never(t, testenv.Password)
	rec.never(t, "not the password")
}

// TestInsecureAddress: where the browser does not offer cryptography, the page does not ask for
// a password.
func TestInsecureAddress(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	const host = "insecure.test"
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Prefs: map[string]any{
		"network.dns.localDomains": host, "network.proxy.no_proxies_on": host,
	}})}
	check(t, p.Navigate(t.Context(), strings.Replace(w.URL, "127.0.0.1", host, 1)))
	p.sees(onStep("insecure"), "put a proxy in front of it that has a certificate")
	raw, err := p.Content(t.Context(), `return [...document.querySelectorAll("input")].some(i => i.checkVisibility())`)
	check(t, err)
	if string(raw) != "false" {
		t.Error("a field to type into is there")
	}
}

// signsInWith goes to the page that Firefox opens for a sign-in, but with its
// parameters changed.
func (p person) signsInWith(change func(url.Values)) {
	p.t.Helper()
	p.opensSignIn()
	p.sees(onStep("email"), "Sign in to sync")
	at, err := p.URL(p.t.Context())
	check(p.t, err)
	u, err := url.Parse(at)
	check(p.t, err)
	q := u.Query()
	change(q)
	u.RawQuery = q.Encode()
	check(p.t, p.Navigate(p.t.Context(), u.String()))
	p.enters(ann)
	p.types(onStep("password")+"input[type=password]", testenv.Password)
	p.click("#password-form button")
}

// TestStaleSignIn: Firefox forgot the sign-in that the page was opened for, as it
// does when it is started again.
func TestStaleSignIn(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	w.Device("our device", ann)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	p.signsInWith(func(q url.Values) { q.Set("state", "of-another-time") })
	p.sees(wrong("password"), "begin again in Firefox's settings")
}

// TestSignInWithoutScope: if Firefox names only its service, the server chooses the scopes.
func TestSignInWithoutScope(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	d := w.Device("our device", ann)
	d.Add("https://ours.example", "ann", "made here")
	d.Sync()
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	p.signsInWith(func(q url.Values) { q.Del("scope") })
	p.sees(onStep("done"), "You are signed in")
	syncFirefox(t, p.Firefox)
	agree(t, d, p.Firefox, map[string]string{"https://ours.example ann": "made here"})
}

// TestOldFirefox: a Firefox that could not receive the code is refused before the page asks for
// a password.
func TestOldFirefox(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	check(t, p.Navigate(t.Context(), w.URL+"/?context=fx_desktop_v3&service=sync&action=email&entrypoint=menupanel"))
	p.sees(onStep("old"), "This Firefox is too old")
}
