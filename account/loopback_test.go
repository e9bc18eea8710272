package account_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/account"
)

// listening returns a client to which the browser returns on this computer.
func (w *env) listening(change func(*account.Config)) *account.Client {
	w.t.Helper()
	return w.client(func(c *account.Config) {
		c.Listen = func(ctx context.Context) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		}
		if change != nil {
			change(c)
		}
	})
}

// await starts a sign-in whose browser returns, and waits for it.
func (w *env) await(ctx context.Context, c *account.Client) (in *account.BrowserSignIn, ended func() (*account.Account, error)) {
	w.t.Helper()
	in, err := c.BrowserSignIn(ctx)
	if err != nil || !in.Returns {
		w.t.Fatal(in, err)
	}
	w.t.Cleanup(func() { _ = in.Close() })
	var a *account.Account
	done := make(chan struct{})
	go func() {
		defer close(done)
		a, err = in.Await(ctx)
	}()
	return in, func() (*account.Account, error) { <-done; return a, err }
}

// browse makes a browser's request, in the name of host unless that is "", and does
// not follow where it leads.
func browse(t *testing.T, method, address, host string) (status int, to, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	res, err := new(http.Transport).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Location"), string(b)
}

func TestBrowserComesBack(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	in, ended := w.await(t.Context(), w.listening(nil))
	end := w.page(a, in.URL, keysOf(a.Session()))
	status, to, _ := browse(t, "GET", end, "")
	if status != http.StatusSeeOther || !strings.HasPrefix(to, root+"/oauth/success/") || strings.ContainsAny(to, "?#") {
		t.Errorf("the browser is sent on with %d to %q", status, to)
	}
	b, err := ended()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.Session(), a.Session(); got.UID != want.UID || !slices.Equal(got.Key, want.Key) || got.Token == want.Token {
		t.Errorf("the session is %+v", got)
	}
	if _, err := net.Dial("tcp", mustParse(t, end).Host); err == nil {
		t.Error("the port is open still")
	}
	// The code in an address is useless to anyone who reads it there.
	if _, err := in.Finish(t.Context(), end); err == nil {
		t.Error("the address is good twice")
	}
}

// Any other request to the port, by a page in the browser or by a program, is refused, and the
// wait for the browser continues.
func TestStrangersAtThePort(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	in, ended := w.await(t.Context(), w.listening(nil))
	other, _ := w.await(t.Context(), w.listening(nil))
	end, theirs := w.page(a, in.URL, keysOf(a.Session())), w.page(a, other.URL, keysOf(a.Session()))
	u := mustParse(t, end)
	at := "http://" + u.Host
	for _, c := range []struct {
		method, address, host string
		want                  int
	}{
		{"GET", at, "", 404},
		{"GET", at + "/favicon.ico", "", 404},
		{"GET", at + "/callback/?" + u.RawQuery, "", 404},
		{"GET", at + "/%63allback?" + u.RawQuery, "", 404},
		{"GET", at + "//callback?" + u.RawQuery, "", 404},
		{"GET", at + "/callback", "", 400},
		{"GET", at + "/callback?" + strings.Repeat("x=1&", 10_000), "", 400},
		{"GET", at + "/callback?" + u.RawQuery[:len(u.RawQuery)-1], "", 400},
		{"GET", at + "/callback?state=" + u.Query().Get("state"), "", 400},
		{"GET", at + "/callback?" + mustParse(t, theirs).RawQuery, "", 400},
		{"POST", end, "", 404},
		{"HEAD", end, "", 404},
		{"OPTIONS", end, "", 404},
		{"GET", end, "evil.example", 404}, // its name resolves to this computer
		{"GET", end, "localhost:" + u.Port(), 404},
	} {
		status, to, text := browse(t, c.method, c.address, c.host)
		if status != c.want || to != "" || strings.Contains(text, "<") {
			t.Errorf("%s %.80s of %q: %d to %q, %q", c.method, c.address, c.host, status, to, text)
		}
	}
	c, err := net.Dial("tcp", u.Host) // and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if status, _, _ := browse(t, "GET", end, ""); status != http.StatusSeeOther {
		t.Errorf("the browser: %d", status)
	}
	if _, err := ended(); err != nil {
		t.Error(err)
	}
}

// If the sign-in fails after the browser returned, both sides are told.
func TestBrowserComesBackInVain(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	in, ended := w.await(t.Context(), w.listening(nil))
	status, to, text := browse(t, "GET", w.page(a, in.URL, map[string]string{}), "")
	if status != http.StatusBadGateway || to != "" || !strings.Contains(text, "did not work") {
		t.Errorf("the browser: %d to %q, %q", status, to, text)
	}
	if _, err := ended(); !errors.Is(err, account.ErrBadAnswer) {
		t.Errorf("%v, want ErrBadAnswer", err)
	}
}

// The wait ends with its context, and the address can be pasted during it.
func TestBrowserElsewhere(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	patience := errors.New("long enough")
	ctx, end := context.WithCancelCause(t.Context())
	in, ended := w.await(ctx, w.listening(nil))
	if _, err := in.Finish(t.Context(), w.page(a, in.URL, keysOf(a.Session()))); err != nil {
		t.Error(err)
	}
	end(patience)
	if _, err := ended(); !errors.Is(err, patience) {
		t.Errorf("%v", err)
	}
}

// If the server does not name a client for it, like Mozilla's, or no port can be opened, the
// sign-in ends on the server's own page.
func TestBrowserStaysAway(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	mozillas := w.listening(func(c *account.Config) {
		c.Transport = tamper(w.server.Handler(), "/fxa-client-configuration", func(b []byte) []byte {
			return bytes.Replace(b, []byte("loopback_client_id"), []byte("other"), 1)
		})
	})
	noPort := w.listening(func(c *account.Config) {
		c.Listen = func(context.Context) (net.Listener, error) { return nil, errors.New("no port") }
	})
	for name, c := range map[string]*account.Client{"Mozilla's": mozillas, "no port": noPort, "nobody listens": w.client(nil)} {
		in, err := c.BrowserSignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if to := mustParse(t, in.URL).Query().Get("redirect_uri"); in.Returns || to != root+"/oauth/success/a2270f727f45f648" {
			t.Errorf("%s: the browser goes to %s", name, to)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := in.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
