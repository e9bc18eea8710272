// Package external accepts the accounts of another accounts server, such as Mozilla's: users
// sign in there, and this server stores only their records.
//
// Access tokens are JSON Web Tokens. Their signature is checked with the keys that the
// accounts server publishes, without a request for each token. Opaque tokens, which older
// servers issue, are sent to the accounts server to be verified.
//
// Sources: RFC 9068 (JWT access tokens), RFC 7517 (key sets), RFC 7662
// (introspection), and what Mozilla's accounts server publishes.
package external

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/internal/lazyre"
	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/token"
)

// Config says which accounts server is used, and which of its users may sync. All fields
// without a default must be set.
type Config struct {
	// Server is the accounts server's root, like https://accounts.firefox.com. Its
	// tokens must name it as their issuer.
	Server *url.URL
	// Allow lists the uids of the accounts that may sync. AllowAll allows all accounts of
	// that server.
	Allow    []string
	AllowAll bool
	// Clients, if not empty, lists the OAuth client IDs whose tokens are accepted.
	Clients   []string
	Transport http.RoundTripper
	Now       func() time.Time
	Log       *slog.Logger
}

const (
	// skew is how far the two servers' clocks may differ.
	skew = time.Minute
	// maxToken bounds an access token, in bytes. Real tokens have about 900.
	maxToken = 8 << 10
)

// Verifier is a [token.Verifier] for the accounts of another server. It contacts that server
// only when it verifies the first token. It is safe for concurrent use.
type Verifier struct {
	cfg    Config
	issuer string
	remote *remote

	mu        sync.Mutex
	endpoints *endpoints
	keys      map[string]any // *rsa.PublicKey by kid
	fetched   time.Time      // when keys were last received
	tried     time.Time      // when they were last requested
}

var _ token.Verifier = (*Verifier)(nil)

// New returns a Verifier. It fails if the configuration is invalid.
func New(cfg Config) (*Verifier, error) {
	u := *cfg.Server
	u.Path = strings.TrimRight(u.Path, "/")
	if u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("the accounts server %q must be like https://accounts.firefox.com", cfg.Server)
	}
	for _, uid := range cfg.Allow {
		if !isUID.MatchString(uid) {
			return nil, fmt.Errorf("%q is not an account's uid: give 32 hexadecimal digits in lower case", uid)
		}
	}
	return &Verifier{cfg: cfg, issuer: u.String(), remote: newRemote(cfg.Transport)}, nil
}

var (
	isUID = lazyre.New(`^[0-9a-f]{32}$`)
	// isOpaque matches tokens that are not JWTs.
	isOpaque = lazyre.New(`^[0-9a-f]{64}$`)
)

// claims are the claims of a token.
type claims struct {
	jwt.Claims
	ClientID   string `json:"client_id"`
	Scope      string `json:"scope"`
	Generation int64  `json:"fxa-generation"`
}

// Verify implements [token.Verifier].
func (v *Verifier) Verify(ctx context.Context, text string) (token.Identity, error) {
	c, err := v.read(ctx, text)
	if err != nil {
		return token.Identity{}, err
	}
	switch {
	case !isUID.MatchString(c.Subject):
		return token.Identity{}, bad("its subject is not an account")
	case !slices.Contains(strings.Fields(c.Scope), onepw.OldSync):
		return token.Identity{}, bad("it does not have the sync scope")
	case len(v.cfg.Clients) > 0 && !slices.Contains(v.cfg.Clients, c.ClientID):
		return token.Identity{}, bad("it was issued to another client")
	case !v.cfg.AllowAll && !slices.Contains(v.cfg.Allow, c.Subject):
		// The log line tells the operator which uid to allow.
		v.cfg.Log.WarnContext(ctx, "an account that is not allowed tried to sync", "uid", c.Subject)
		return token.Identity{}, bad("its account is not allowed")
	}
	return token.Identity{Account: c.Subject, Generation: c.Generation}, nil
}

func bad(why string) error { return fmt.Errorf("%w: %s", token.ErrBadAccess, why) }

// read returns the claims of a valid token.
func (v *Verifier) read(ctx context.Context, text string) (*claims, error) {
	switch {
	case len(text) > maxToken:
		return nil, bad("it is too long")
	case isOpaque.MatchString(text):
		return v.ask(ctx, text)
	}
	// Accept one algorithm only; the token must not choose it.
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(parsed.Headers) != 1 {
		return nil, bad("it is not a signed token")
	}
	h := parsed.Headers[0]
	// Other kinds of tokens, such as ID tokens, are signed with the same keys.
	if typ, _ := h.ExtraHeaders[jose.HeaderType].(string); strings.TrimPrefix(strings.ToLower(typ), "application/") != "at+jwt" {
		return nil, bad("it is not an access token")
	}
	key, err := v.key(ctx, h.KeyID)
	if errors.Is(err, errUnreachable) {
		return v.ask(ctx, text)
	}
	if err != nil {
		return nil, err
	}
	var c claims
	if err := parsed.Claims(key, &c); err != nil {
		return nil, bad("its signature is wrong")
	}
	return &c, v.check(&c)
}

// check validates the issuer, the audience and the times of a signed token.
func (v *Verifier) check(c *claims) error {
	now := v.cfg.Now()
	switch {
	case strings.TrimRight(c.Issuer, "/") != v.issuer:
		return bad("it has another issuer")
	case c.ClientID == "" || !c.Audience.Contains(c.ClientID):
		return bad("it is for another audience")
	case c.Expiry == nil || c.IssuedAt == nil || !now.Before(c.Expiry.Time()):
		return bad("it has expired")
	case c.IssuedAt.Time().After(now.Add(skew)), c.NotBefore != nil && c.NotBefore.Time().After(now.Add(skew)):
		return token.ErrNotYet
	}
	return nil
}
