// Package account signs a device in to a Firefox accounts server, this project's or another,
// and keeps it signed in. It provides the access tokens and the key that sync needs, and the
// list of the account's devices.
//
//	c, err := account.New(account.Config{Server: "https://sync.example.org"})
//	a, err := c.Login(ctx, email, password)
//	… store a.Session(), which is secret; another time:
//	a := c.Resume(session)
//
// Source: the public API of Mozilla's accounts server, and what Firefox ESR 153
// does with it.
package account

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/onepw"
)

// maxAnswer bounds what is read of an answer, in bytes. Real ones are a few
// kilobytes.
const maxAnswer = 1 << 20

// requestTimeout bounds one request, for a server that accepts it and never answers. Signing in
// costs a server a second at most.
const requestTimeout = time.Minute

// FirefoxClientID is the default OAuth client ID: every accounts server knows Firefox.
const FirefoxClientID = "5882386c6d801776"

// Config configures a [Client]. Server must be set.
type Config struct {
	// Server is the root URL of the accounts server, or a name that [ServerURL] knows.
	Server string
	// Transport sends the requests. Nil: [http.DefaultTransport].
	Transport http.RoundTripper
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Rand is the source of randomness. Nil: crypto/rand.
	Rand io.Reader
	// Log receives messages for developers. Nil: nothing is logged.
	Log *slog.Logger
	// ClientID is the OAuth client ID; default [FirefoxClientID].
	ClientID string
	// UserAgent, if set, is sent with each request.
	UserAgent string
	// Invitation, if set, is the invitation code for [Client.CreateAccount].
	Invitation string
	// Code, if set, returns the code that a server asks for during a sign-in; again says that
	// the last one was wrong. It returns "" if the user does not have a code.
	Code func(ctx context.Context, kind CodeKind, again bool) (string, error)
	// Listen, if set, opens a free port of the loopback interface for [Client.BrowserSignIn],
	// so that a browser on this computer returns by itself if the server allows that.
	Listen func(context.Context) (net.Listener, error)
	// Save, if set, is called at each change of a session, one call at a time. Its error
	// becomes the error of the operation.
	Save func(Session) error
}

// Client sends requests to one accounts server. It is safe for concurrent use.
type Client struct {
	cfg      Config
	root     *url.URL
	http     *http.Client
	requests atomic.Int64
	skew     atomic.Int64 // the server's clock minus ours, in seconds
}

// New returns a Client. It makes no request.
func New(cfg Config) (*Client, error) {
	root, err := url.Parse(ServerURL(cfg.Server))
	if err != nil || root.Host == "" || root.Scheme != "https" && root.Scheme != "http" || root.User != nil {
		return nil, fmt.Errorf("%q is not the URL of a server; give one like https://sync.example.org", cfg.Server)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // here the app's real clock comes in
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader //nolint:forbidigo // and its real randomness
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.ClientID = cmp.Or(cfg.ClientID, FirefoxClientID)
	c := &Client{cfg: cfg, root: root}
	c.http = &http.Client{Transport: cfg.Transport, Timeout: requestTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a signed request is valid for one URL
	}}
	return c, nil
}

// Requests returns how many requests were made.
func (c *Client) Requests() int { return int(c.requests.Load()) }

// call is one request.
type call struct {
	doing  string // for errors: "sign in"
	method string
	url    string
	auth   *onepw.HAWK // to sign with, or nil
	bearer string      // an access token, or ""
	in     any         // sent as JSON, or nil
	out    any         // read from JSON, or nil
	// known is the ETag of what the caller has, or ""; the error is errUnchanged if it is still
	// that. tag, unless nil, receives the answer's ETag.
	known string
	tag   *string
}

// errUnchanged means that the caller has what it asked for.
var errUnchanged = errors.New("unchanged")

// do makes a request, and repeats it once if the server says that our clock is off.
func (c *Client) do(ctx context.Context, req call) error {
	err := c.try(ctx, req)
	if e, ok := errors.AsType[*Error](err); ok && e.Errno == errnoTimestamp && e.serverTime > 0 {
		c.skew.Store(e.serverTime - c.cfg.Now().Unix())
		c.cfg.Log.WarnContext(ctx, "this computer's clock differs from the accounts server's", "seconds", c.skew.Load())
		err = c.try(ctx, req)
	}
	if err != nil {
		return fmt.Errorf("cannot %s: %w", req.doing, err)
	}
	return nil
}

func (c *Client) try(ctx context.Context, req call) error {
	r, err := c.request(ctx, req)
	if err != nil {
		return err
	}
	c.requests.Add(1)
	res, err := c.http.Do(r)
	if err != nil {
		return unreachable(r.URL, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return unreachable(r.URL, err)
	}
	if len(answer) > maxAnswer {
		return fmt.Errorf("%w: %s sent over %d bytes", ErrBadAnswer, r.URL.Host, maxAnswer)
	}
	return c.read(req, res, answer)
}

// read reads the answer to a call.
func (c *Client) read(req call, res *http.Response, answer []byte) error {
	if res.StatusCode == http.StatusNotModified && req.known != "" {
		return errUnchanged
	}
	if res.StatusCode != http.StatusOK {
		return readError(res, answer, c.cfg.Now())
	}
	if req.out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, req.out); err != nil {
		return fmt.Errorf("%w: %s", ErrBadAnswer, whatCame(res, answer))
	}
	if req.tag != nil {
		*req.tag = res.Header.Get("ETag")
	}
	return nil
}

// request makes the request of a call, signed.
func (c *Client) request(ctx context.Context, req call) (*http.Request, error) {
	var body []byte
	if req.in != nil {
		var err error
		if body, err = json.Marshal(req.in); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, req.method, req.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	if c.cfg.UserAgent != "" {
		r.Header.Set("User-Agent", c.cfg.UserAgent)
	}
	var hash string
	if body != nil {
		const contentType = "application/json"
		r.Header.Set("Content-Type", contentType)
		hash = hawk.PayloadHash(contentType, body)
	}
	if req.auth != nil {
		nonce, err := hawk.Nonce(c.cfg.Rand)
		if err != nil {
			return nil, err
		}
		ts := c.cfg.Now().Unix() + c.skew.Load()
		hawk.Sign(r, hawk.Credentials{ID: req.auth.ID, Key: req.auth.Key}, ts, nonce, hash)
	}
	if req.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+req.bearer)
	}
	if req.known != "" {
		r.Header.Set("If-None-Match", req.known)
	}
	return r, nil
}

// unreachable removes the URL, which may be long, from net/http's error.
func unreachable(u *url.URL, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return &networkError{fmt.Errorf("no answer from %s: %w", u.Host, err)}
}

// networkError means that no answer came, or a part of one.
type networkError struct{ err error }

func (e *networkError) Error() string { return e.err.Error() }
func (e *networkError) Unwrap() error { return e.err }

// NetworkFailure returns true: it is how a caller knows such an error of any package.
func (e *networkError) NetworkFailure() bool { return true }
