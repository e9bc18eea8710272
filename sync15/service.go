package sync15

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/hawk"
)

const (
	// maxSmall bounds the answers that hold no records: info/* and the outcome of a POST. The
	// longest legitimate one lists 100 collections or a POST's IDs.
	maxSmall = 1 << 20
	// stalled is how long a read of a body may return no data before the request is given up.
	stalled = time.Minute
	// maxWait bounds how long a server can make a device wait: a wrong header must not lock a
	// device out for ever.
	maxWait = 24 * time.Hour
)

// request is one request to the storage service.
type request struct {
	method string
	// path is appended to the token's endpoint: "/storage/passwords?full=1", escaped.
	path string
	// doing names the request in errors: "download passwords".
	doing string
	body  []byte
	// contentType is the type of the body; accept is the type of the answer, "" for JSON.
	contentType, accept string
	// unmodifiedSince, if not nil, makes the request fail with a conflict if somebody wrote
	// later.
	unmodifiedSince *bso.Timestamp
}

// do sends r and returns the answer if it is a success (200 to 299). A 304 and
// anything else is an error. The caller closes the body. A refused token is
// renewed once per run; a moved storage node is ErrReassigned.
func (c *Client) do(ctx context.Context, r request) (*http.Response, error) {
	tok, err := c.token(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(ctx, r, tok)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusUnauthorized {
		drain(resp)
		if tok, err = c.renewToken(ctx, tok, r.doing); err != nil {
			return nil, err
		}
		if resp, err = c.send(ctx, r, tok); err != nil {
			return nil, err
		}
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer drain(resp)
	return nil, c.refusal(r.doing, resp)
}

// send signs and sends r once.
func (c *Client) send(ctx context.Context, r request, tok *token) (*http.Response, error) {
	if err := c.mayAsk(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := c.sign(ctx, r, tok)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	c.requests.Add(1)
	resp, err := c.roundTrip(req, r.doing)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = newStallReader(resp.Body, cancel)
	c.noteBackoff(resp.Header)
	return resp, nil
}

// sign returns r as it is sent with a token.
func (c *Client) sign(ctx context.Context, r request, tok *token) (*http.Request, error) {
	u, err := url.Parse(tok.Endpoint + r.path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.doing, err)
	}
	req := (&http.Request{Method: r.method, URL: u, Host: u.Host, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	if r.body != nil {
		req.ContentLength = int64(len(r.body))
		req.Body = http.NoBody
		if len(r.body) > 0 {
			req.Body = io.NopCloser(bytes.NewReader(r.body))
			req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.body)), nil }
		}
		req.Header.Set("Content-Type", r.contentType)
	}
	if r.accept == "" {
		r.accept = "application/json"
	}
	req.Header.Set("Accept", r.accept)
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if r.unmodifiedSince != nil {
		req.Header.Set("X-If-Unmodified-Since", r.unmodifiedSince.String())
	}
	nonce, err := hawk.Nonce(c.cfg.Rand)
	if err != nil {
		return nil, err
	}
	// With the hash, a change of the body on the way is detected.
	hash := ""
	if r.body != nil {
		hash = hawk.PayloadHash(r.contentType, r.body)
	}
	now := c.cfg.Now().Add(c.skew()).Unix()
	hawk.Sign(req, hawk.Credentials{ID: tok.ID, Key: []byte(tok.Key)}, now, nonce, hash)
	return req, nil
}

// roundTrip sends req and describes the error of a failed connection.
func (c *Client) roundTrip(req *http.Request, doing string) (*http.Response, error) {
	return c.roundTripBy(c.http, req, doing)
}

func (c *Client) roundTripBy(by *http.Client, req *http.Request, doing string) (*http.Response, error) {
	start := c.cfg.Now()
	resp, err := by.Do(req)
	if err != nil {
		if ctxErr := req.Context().Err(); ctxErr != nil {
			return nil, fmt.Errorf("%s: %w", doing, context.Cause(req.Context()))
		}
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, &NetworkError{fmt.Errorf("%s: cannot reach %s: %w; check the network and the server's address", doing, req.URL.Host, err)}
	}
	c.cfg.Log.Debug("request", "method", req.Method, "path", req.URL.Path, "status", resp.StatusCode, "took", c.cfg.Now().Sub(start))
	return resp, nil
}

// refusal turns an answer that is not a success into an error.
func (c *Client) refusal(doing string, resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusPreconditionFailed:
		return &conflictError{doing}
	case http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%s: %w", doing, errTooLarge)
	case http.StatusForbidden:
		if code := bodyCode(resp); code == 14 {
			return fmt.Errorf("%s: %w", doing, ErrQuota)
		}
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if err := c.mayAsk(); err != nil {
			return err
		}
	}
	return &ServerError{Code: resp.StatusCode, Doing: doing, Page: isPage(resp)}
}

// bodyCode is the bare integer that error bodies are, or -1.
func bodyCode(resp *http.Response) int {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 16))
	n, err := strconv.Atoi(strings.Trim(strings.TrimSpace(string(b)), `"`))
	if err != nil {
		return -1
	}
	return n
}

func isPage(resp *http.Response) bool {
	t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return t == "text/html" || t == "application/xhtml+xml"
}

// mayAsk refuses a request while the service requires the client to wait.
func (c *Client) mayAsk() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := c.state.wait(c.cfg.Now(), true); !until.IsZero() {
		return &BackedOffError{until}
	}
	return nil
}

// noteBackoff reads from an answer what all engines share: how long to wait, and the server's
// clock.
func (c *Client) noteBackoff(h http.Header) {
	now := c.cfg.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if d, ok := wait(h.Get("Retry-After"), now); ok {
		c.state.RetryAfter = later(c.state.RetryAfter, now.Add(d))
	}
	for _, name := range []string{"X-Weave-Backoff", "X-Backoff"} {
		if d, ok := wait(h.Get(name), now); ok {
			c.state.Backoff = later(c.state.Backoff, now.Add(d))
		}
	}
	for _, name := range []string{"X-Weave-Timestamp", "X-Timestamp"} {
		if t, err := bso.ParseTimestamp(h.Get(name)); err == nil && t > 0 {
			c.state.Skew = int64(t.Time().Sub(now).Round(time.Second) / time.Second)
			return
		}
	}
}

// skew returns how far the server's clock is ahead of ours, according to its last answer.
func (c *Client) skew() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.state.Skew) * time.Second
}

// accountName returns the account's name for the engines; see [engine.Start]. A service without
// account names gives each account its own endpoint.
func (c *Client) accountName() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch t := c.state.Token; {
	case t == nil:
		return ""
	case t.HashedUID != "":
		return t.HashedUID
	default:
		return t.Endpoint
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wait parses seconds, with or without a fraction, or an HTTP date.
func wait(value string, now time.Time) (time.Duration, bool) {
	if value == "" {
		return 0, false
	}
	var d time.Duration
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 {
		d = maxWait
		if seconds < maxWait.Seconds() {
			d = time.Duration(seconds * float64(time.Second))
		}
	} else if at, err := http.ParseTime(value); err == nil {
		d = min(at.Sub(now), maxWait)
	}
	return d, d > 0
}

// lastModified returns the answer's X-Last-Modified, which is required to know up to what time
// records were read.
func lastModified(doing string, resp *http.Response) (bso.Timestamp, error) {
	if isPage(resp) {
		return 0, &ServerError{Code: resp.StatusCode, Doing: doing, Page: true}
	}
	t, err := bso.ParseTimestamp(resp.Header.Get("X-Last-Modified"))
	if err != nil {
		return 0, protocolError(doing, "it does not say when the data was last modified (X-Last-Modified)")
	}
	return t, nil
}

// small reads the whole body of a small answer and closes it.
func small(doing string, resp *http.Response, limit int64) ([]byte, error) {
	defer drain(resp)
	if isPage(resp) {
		return nil, &ServerError{Code: resp.StatusCode, Doing: doing, Page: true}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, brokeOff(doing, err)
	}
	if int64(len(body)) > limit {
		return nil, protocolError(doing, fmt.Sprintf("it is larger than %d bytes, where far less was due", limit))
	}
	return body, nil
}

// drain lets the connection be used again if little is left to read.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 4096)
	_ = resp.Body.Close()
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		// The longest legitimate headers are those of a proxy, some kilobytes.
		MaxResponseHeaderBytes: 128 << 10,
	}
}

// errStalled is the cause of a request that was given up.
var errStalled = errors.New("the server stopped sending")

// stallReader gives a request up when its body returns no data for a while. A deadline for the
// whole request would cut off a slow but steady download. The time between two reads does not
// count: there the consumer is slow (a disk, a person), not the server.
type stallReader struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func newStallReader(body io.ReadCloser, cancel context.CancelCauseFunc) *stallReader {
	timer := time.AfterFunc(stalled, func() { cancel(errStalled) })
	timer.Stop()
	return &stallReader{body, cancel, timer}
}

func (r *stallReader) Read(p []byte) (int, error) {
	r.timer.Reset(stalled)
	defer r.timer.Stop()
	return r.ReadCloser.Read(p)
}

func (r *stallReader) Close() error {
	r.timer.Stop()
	err := r.ReadCloser.Close()
	r.cancel(nil)
	return err
}
