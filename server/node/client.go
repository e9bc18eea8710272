package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/server/storage/transfer"
)

// Client sends requests to a node. It is a [transfer.Peer]. Its errors name the node; they wrap
// [ErrAway], [ErrSecret], or what the node's storage returned.
type Client struct {
	url       string
	by        hawk.Credentials
	transport http.RoundTripper
	now       func() time.Time
	rand      io.Reader
}

var _ transfer.Peer = (*Client)(nil)

// timeout bounds a request that is not a copy.
const timeout = 30 * time.Second

// maxAnswer bounds an answer that is not a copy, in bytes.
const maxAnswer = 64 << 10

// NewClient returns a client of the node with the root url. random must be safe for concurrent use.
func NewClient(url string, secret []byte, transport http.RoundTripper, now func() time.Time, random io.Reader) (*Client, error) {
	by, err := credentials(secret)
	return &Client{url: url, by: by, transport: transport, now: now, rand: random}, err
}

// do sends a request and returns the answer, which is a success. cancel must be called when it is read.
func (c *Client) do(ctx context.Context, method, what string, query url.Values, body []byte) (*http.Response, error) {
	u, err := url.Parse(c.url + Prefix + what)
	if err != nil {
		return nil, err
	}
	u.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", contentType)
	nonce, err := hawk.Nonce(c.rand)
	if err != nil {
		return nil, err
	}
	hawk.Sign(r, c.by, c.now().Unix(), nonce, hawk.PayloadHash(contentType, body))
	res, err := c.transport.RoundTrip(r)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w: %w", c.url, ErrAway, err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	var f failure
	_ = json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&f)
	switch {
	case res.StatusCode == http.StatusConflict && f.Error != "":
		return nil, fmt.Errorf("%s: %w", c.url, f.err())
	case res.StatusCode == http.StatusBadGateway, res.StatusCode == http.StatusServiceUnavailable, res.StatusCode == http.StatusGatewayTimeout:
		return nil, fmt.Errorf("%s: %w: it answers %s", c.url, ErrLater, res.Status)
	case res.StatusCode >= http.StatusInternalServerError:
		return nil, fmt.Errorf("%s: %w: it answers %s", c.url, ErrAway, res.Status)
	}
	return nil, fmt.Errorf("%s: %w (it answers %s)", c.url, ErrSecret, res.Status)
}

// call sends a request whose answer is short, and decodes it into out, unless that is nil.
func (c *Client) call(ctx context.Context, method, what string, query url.Values, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	res, err := c.do(ctx, method, what, query, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return c.decode(res, out)
}

// decode reads a short answer into out, unless that is nil.
func (c *Client) decode(res *http.Response, out any) error {
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: %w: %w", c.url, ErrAway, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s: %w: its answer is not valid", c.url, ErrAway)
	}
	return nil
}

func user(uid int64) url.Values { return url.Values{"uid": {strconv.FormatInt(uid, 10)}} }

// Ping tests whether the node answers and has the same secret.
func (c *Client) Ping(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "ping", nil, nil, nil)
}

// Moved tells the node that a user's storage is on another node, so that tokens for it are refused.
func (c *Client) Moved(ctx context.Context, uid int64) error {
	return c.call(ctx, http.MethodPost, "moved", user(uid), nil, nil)
}

// Fence implements [transfer.Peer].
func (c *Client) Fence(ctx context.Context, uid int64, on bool) error {
	q := user(uid)
	q.Set("on", strconv.FormatBool(on))
	return c.call(ctx, http.MethodPost, "fence", q, nil, nil)
}

// Import implements [transfer.Peer].
func (c *Client) Import(ctx context.Context, uid int64, chunk []byte) error {
	return c.call(ctx, http.MethodPost, "import", user(uid), chunk, nil)
}

// Delete implements [transfer.Peer].
func (c *Client) Delete(ctx context.Context, uid int64) error {
	return c.call(ctx, http.MethodPost, "delete", user(uid), nil, nil)
}

// Sum implements [transfer.Peer].
func (c *Client) Sum(ctx context.Context, uid int64, until bso.Timestamp) (s transfer.Sum, err error) {
	q := user(uid)
	q.Set("until", strconv.FormatInt(int64(until), 10))
	return s, c.call(ctx, http.MethodGet, "sum", q, nil, &s)
}

// Export implements [transfer.Peer].
func (c *Client) Export(ctx context.Context, uid int64, w io.Writer) error {
	res, err := c.do(ctx, http.MethodGet, "export", user(uid), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("%s: the copy was cut: %w", c.url, err)
	}
	return nil
}
