package account_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/inproc"
)

// answering returns a client of a server that answers all requests with h.
func answering(t *testing.T, h http.HandlerFunc) *account.Client {
	t.Helper()
	c, err := account.New(account.Config{
		Server: root, Transport: inproc.New(h), Now: func() time.Time { return time.Unix(1_700_000_000, 0) },
		Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBadAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		code int
		body string
		want string
	}{
		"a web page":      {200, "<!doctype html><title>Welcome</title>", "sync.test sent a web page (HTTP 200)"},
		"a web page, 404": {404, "<html>not found</html>", "sync.test sent a web page (HTTP 404)"},
		"nothing":         {200, "", "sync.test sent nothing (HTTP 200)"},
		"not JSON":        {200, "OK", "sync.test sent something that is not JSON (HTTP 200)"},
		"other JSON":      {200, `[1]`, "sync.test sent JSON of another form (HTTP 200)"},
		"a redirection":   {302, "", "sync.test sent nothing (HTTP 302)"},
		"20 MB":           {200, `"` + strings.Repeat("x", 20<<20), "sync.test sent over 1048576 bytes"},
		"other services":  {200, `{"auth_server_base_url":"ftp://x"}`, `it names a service at "ftp://x/v1"`},
		"no token server": {200, `{"auth_server_base_url":"http://x","oauth_server_base_url":"http://x","profile_server_base_url":"http://x"}`, `it names a service at ""`},
	} {
		t.Run(name, func(t *testing.T) {
			c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.code)
				io.WriteString(w, test.body)
			})
			_, err := c.Login(t.Context(), email, password)
			if !errors.Is(err, account.ErrBadAnswer) || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 300 {
				t.Errorf("%.400v\nwant ErrBadAnswer with %q", err, test.want)
			}
		})
	}
}

// Mozilla's server has a name here. Its services are on separate hosts.
func TestServerByName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mozilla", "Mozilla", "https://accounts.firefox.com/"} {
		c, err := account.New(account.Config{
			Server: name, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
			Transport: inproc.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Host+r.URL.Path != "accounts.firefox.com/.well-known/fxa-client-configuration" {
					t.Errorf("asked %s%s", r.Host, r.URL.Path)
				}
				io.WriteString(w, `{"auth_server_base_url":"https://api.accounts.firefox.com",
					"oauth_server_base_url":"https://oauth.accounts.firefox.com","pairing_server_base_uri":"wss://channelserver.services.mozilla.com",
					"profile_server_base_url":"https://profile.accounts.firefox.com","sync_tokenserver_base_url":"https://token.services.mozilla.com"}`)
			})),
		})
		if err != nil {
			t.Fatal(err)
		}
		at, err := c.Discover(t.Context())
		want := account.Endpoints{
			Auth: "https://api.accounts.firefox.com/v1", OAuth: "https://oauth.accounts.firefox.com/v1",
			Profile: "https://profile.accounts.firefox.com/v1", Token: "https://token.services.mozilla.com",
		}
		if err != nil || at != want {
			t.Errorf("%s: %+v, %v", name, at, err)
		}
	}
}

// A server over TLS cannot send the client to services without.
func TestNoDowngrade(t *testing.T) {
	t.Parallel()
	c, err := account.New(account.Config{
		Server: "https://sync.test", Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Transport: inproc.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"auth_server_base_url":"http://sync.test"}`)
		})),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Discover(t.Context()); !errors.Is(err, account.ErrBadAnswer) {
		t.Errorf("%v, want ErrBadAnswer", err)
	}
}

func TestServerIsDown(t *testing.T) {
	t.Parallel()
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "<html>maintenance</html>")
	})
	_, err := c.Discover(t.Context())
	e, ok := errors.AsType[*account.Error](err)
	if !ok || e.Status != 503 || e.RetryAfter() != 90*time.Second || e.SignInAgain() {
		t.Errorf("%v", err)
	}
	c = answering(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := c.Discover(t.Context()); err == nil || !strings.Contains(err.Error(), "no answer from sync.test") {
		t.Errorf("a broken connection: %v", err)
	}
}

// A request to a server that never answers ends, at a timeout or when the user cancels.
func TestServerHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := answering(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		if _, err := c.Discover(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want DeadlineExceeded", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Discover(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want Canceled", err)
		}
	})
}

func TestRetryAfterAsDate(t *testing.T) {
	t.Parallel()
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Unix(1_700_000_060, 0).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := c.Discover(t.Context())
	e, ok := errors.AsType[*account.Error](err)
	if !ok || e.RetryAfter() != time.Minute || !errors.Is(err, account.ErrTooMany) {
		t.Errorf("%v", err)
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "sync.example.org", "ftp://x", "https://", "https://u:p@x", "::"} {
		if _, err := account.New(account.Config{Server: url}); err == nil {
			t.Errorf("%q is taken for a server", url)
		}
	}
	c := answering(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	for _, who := range [][2]string{{"nobody", "x"}, {email, ""}} {
		if _, err := c.Login(t.Context(), who[0], who[1]); err == nil {
			t.Errorf("%q can sign in", who)
		}
	}
}

// tamper changes the answer to one path.
func tamper(h http.Handler, path string, change func([]byte) []byte) http.RoundTripper {
	return changed(inproc.New(h), path, change)
}

func changed(inner http.RoundTripper, path string, change func([]byte) []byte) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		res, err := inner.RoundTrip(r)
		if err != nil || !strings.HasSuffix(r.URL.Path, path) {
			return res, err
		}
		b, err := io.ReadAll(res.Body)
		res.Body = io.NopCloser(bytes.NewReader(change(b)))
		return res, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A key that is not the account's would encrypt data that no other device reads.
func TestForgedKeys(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.create()
	for path, change := range map[string]func([]byte) []byte{
		"/account/keys":               func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"/account/scoped-key-data":    func([]byte) []byte { return []byte(`{}`) },
		"/account/login":              func([]byte) []byte { return []byte(`{"uid":"x","sessionToken":"00"}`) },
		"/account/credentials/status": func([]byte) []byte { return []byte(`{"currentVersion":"v2","clientSalt":"weak"}`) },
	} {
		c := w.client(func(c *account.Config) { c.Transport = tamper(w.server.Handler(), path, change) })
		if _, err := c.Login(t.Context(), email, password); err == nil {
			t.Errorf("a forged %s is accepted", path)
		}
	}
	c := w.client(func(c *account.Config) {
		c.Transport = tamper(w.server.Handler(), "/account/login", func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"verified":true`), []byte(`"verified":false`), 1)
		})
	})
	if _, err := c.Login(t.Context(), email, password); err == nil || !strings.Contains(err.Error(), "confirmed") {
		t.Errorf("an unverified sign-in: %v", err)
	}
}
