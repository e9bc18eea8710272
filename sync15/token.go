package sync15

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxToken bounds the token server's answer, and maxTokenID each part of the token
	// in it, in bytes: the ID goes with every request.
	maxToken   = 64 << 10
	maxTokenID = 8 << 10
)

// token returns the token that all requests use, and fetches one when there is
// none or it is near its end.
func (c *Client) token(ctx context.Context) (*token, error) {
	if err := c.fetching.take(ctx); err != nil {
		return nil, err
	}
	defer c.fetching.give()
	tok := c.currentToken()
	if tok != nil && c.cfg.Now().Before(tok.Renew) {
		return tok, nil
	}
	return c.fetchToken(ctx, tok)
}

// renewToken replaces a token that the storage service refused while doing something. A caller
// whose token was already replaced gets the new one.
func (c *Client) renewToken(ctx context.Context, refused *token, doing string) (*token, error) {
	if err := c.fetching.take(ctx); err != nil {
		return nil, err
	}
	defer c.fetching.give()
	if tok := c.currentToken(); tok != nil && tok != refused {
		return tok, nil
	}
	c.mu.Lock()
	again := c.renewed
	c.renewed = true
	c.mu.Unlock()
	if again {
		return nil, &ServerError{Code: http.StatusUnauthorized, Doing: doing}
	}
	return c.fetchToken(ctx, refused)
}

func (c *Client) currentToken() *token {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Token
}

// fetchToken stores and returns a new token. If it names another storage node than old did, the
// state of the old node is dropped and the error is [ErrReassigned]. The caller holds the turn.
func (c *Client) fetchToken(ctx context.Context, old *token) (*token, error) {
	if err := c.mayAsk(); err != nil {
		return nil, err
	}
	kid, _, err := c.cfg.Account.SyncKey(ctx)
	if err != nil {
		return nil, accountError(err)
	}
	tok, err := c.askForToken(ctx, kid)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Token = tok
	if old != nil && old.HashedUID != "" && tok.HashedUID != "" && old.HashedUID != tok.HashedUID {
		// It is another user's account.
		c.state.forgetAccount()
		c.state.Token = tok
		return nil, ErrReassigned
	}
	if old != nil && (old.Endpoint != tok.Endpoint || old.UID != tok.UID) {
		c.state.forgetNode()
		return nil, ErrReassigned
	}
	return tok, nil
}

// askForToken asks at most three times: with the cached access token; with a fresh one if that
// is refused; and once more after the clock was corrected.
func (c *Client) askForToken(ctx context.Context, kid string) (*token, error) {
	const doing = askingForToken
	u, err := url.Parse(strings.TrimRight(c.cfg.Account.TokenServer(), "/") + "/1.0/sync/1.5")
	if err != nil || u.Host == "" {
		return nil, protocolError(doing, "the account names no token server")
	}
	fresh, skewed := false, false
	for {
		access, err := c.cfg.Account.AccessToken(ctx, fresh)
		if err != nil {
			return nil, accountError(err)
		}
		resp, body, err := c.requestToken(ctx, u, access, kid)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusOK {
			return c.readToken(doing, u, body, kid)
		}
		status := tokenStatus(body)
		switch {
		case resp.StatusCode == http.StatusUnauthorized && status == "invalid-timestamp" && !skewed:
			// noteBackoff has just corrected the clock.
			skewed = true
		case resp.StatusCode == http.StatusUnauthorized && !fresh:
			fresh = true
		case refusesAccount(resp, status):
			return nil, &AuthError{Status: status}
		case resp.StatusCode == http.StatusServiceUnavailable, resp.StatusCode == http.StatusTooManyRequests:
			if err := c.mayAsk(); err != nil {
				return nil, err
			}
			fallthrough
		default:
			return nil, &ServerError{Code: resp.StatusCode, Doing: doing, Page: isPage(resp), Status: status}
		}
	}
}

// askingForToken names the requests to the token server in errors.
const askingForToken = "ask for a sync token"

// refusesAccount reports whether an answer of the token server is a refusal of the account. Other
// refusals are about the request, such as its time, or about the server itself.
func refusesAccount(resp *http.Response, status string) bool {
	return resp.StatusCode == http.StatusUnauthorized && strings.HasPrefix(status, "invalid-") && status != "invalid-timestamp"
}

// requestToken makes one request to the token server, and returns its answer and the
// body, which is read.
func (c *Client) requestToken(ctx context.Context, u *url.URL, access, kid string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req := (&http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	req.Header.Set("Authorization", "Bearer "+access)
	req.Header.Set("X-KeyID", kid)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	c.tokenRequests.Add(1)
	resp, err := c.roundTrip(req, askingForToken)
	if err != nil {
		cancel(nil)
		return nil, nil, err
	}
	resp.Body = newStallReader(resp.Body, cancel)
	c.noteBackoff(resp.Header)
	body, err := small(askingForToken, resp, maxToken)
	return resp, body, err
}

// tokenStatus returns the token server's status, which says what is wrong.
func tokenStatus(body []byte) string {
	var r struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(body, &r) != nil || len(r.Status) > 40 || strings.ContainsFunc(r.Status, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return ""
	}
	return r.Status
}

func (c *Client) readToken(doing string, asked *url.URL, body []byte, kid string) (*token, error) {
	var r struct {
		ID       string  `json:"id"`
		Key      string  `json:"key"`
		UID      int64   `json:"uid"`
		Endpoint string  `json:"api_endpoint"`
		Duration float64 `json:"duration"`
		Hashed   string  `json:"hashed_fxa_uid"`
	}
	if err := json.Unmarshal(body, &r); err != nil || r.ID == "" || r.Key == "" || r.Endpoint == "" {
		return nil, protocolError(doing, "there is no token in it")
	}
	if len(r.ID) > maxTokenID || len(r.Key) > maxTokenID || len(r.Endpoint) > maxTokenID || len(r.Hashed) > maxTokenID {
		return nil, protocolError(doing, fmt.Sprintf("a part of the token in it has more than %d bytes", maxTokenID))
	}
	u, err := url.Parse(r.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, protocolError(doing, "the storage address in it is not a web address")
	}
	if asked.Scheme == "https" && u.Scheme != "https" {
		return nil, protocolError(doing, "it leads from an encrypted connection to an open one")
	}
	life := time.Duration(min(max(r.Duration, 0), 7*24*3600) * float64(time.Second))
	return &token{
		ID: r.ID, Key: r.Key, UID: r.UID, HashedUID: r.Hashed, KeyID: kid,
		Endpoint: strings.TrimRight(r.Endpoint, "/"),
		// Renew a little early, so that a request that is in flight when the token ends is not
		// refused.
		Renew: c.cfg.Now().Add(life - min(life/10, 5*time.Minute)),
	}, nil
}

// accountError describes an error of the account. It distinguishes errors that need a new
// sign-in from temporary ones.
func accountError(err error) error {
	var again interface{ SignInAgain() bool }
	if errors.As(err, &again) && again.SignInAgain() {
		return &AuthError{Err: err}
	}
	return err
}
