// Package external lets in the accounts of another accounts server, Mozilla's
// for one: people go on to sign in there, and only their records are here.
//
// Access tokens are JSON Web Tokens whose signature is checked with the keys
// that the accounts server publishes, without a question to it. A token that is
// none of these, as older servers give, is shown to the accounts server.
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
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/token"
)

// Config says which accounts server it is, and who of its users may come. All
// fields without a default must be set.
type Config struct {
	// Server is the accounts server's root, like https://accounts.firefox.com. Its
	// tokens must name it as their issuer.
	Server *url.URL
	// Allow lists the uids of the accounts that may come. AllowAll lets come whoever
	// has an account there.
	Allow    []string
	AllowAll bool
	// Clients, if not empty, are the only client ids whose tokens count.
	Clients   []string
	Transport http.RoundTripper
	Now       func() time.Time
	Log       *slog.Logger
}

const (
	// skew is how far the two servers' clocks may be apart.
	skew = time.Minute
	// maxToken bounds an access token, in bytes. Real ones have some 900.
	maxToken = 8 << 10
)

// Verifier is a token.Verifier for the accounts of another server. It asks that
// server nothing before the first token comes.
type Verifier struct {
	cfg    Config
	issuer string
	remote *remote

	mu        sync.Mutex
	endpoints *endpoints
	keys      map[string]any // *rsa.PublicKey by kid
	fetched   time.Time      // when keys were had
	tried     time.Time      // when they were last asked for
}

var _ token.Verifier = (*Verifier)(nil)

// New makes a Verifier.
func New(cfg Config) (*Verifier, error) {
	u := *cfg.Server
	u.Path = strings.TrimRight(u.Path, "/")
	if u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("the accounts server %q must be like https://accounts.firefox.com", cfg.Server)
	}
	for _, uid := range cfg.Allow {
		if !isUID.MatchString(uid) {
			return nil, fmt.Errorf("%q is no account's uid, which is 32 hexadecimal digits", uid)
		}
	}
	return &Verifier{cfg: cfg, issuer: u.String(), remote: newRemote(cfg.Transport)}, nil
}

var (
	isUID = regexp.MustCompile(`^[0-9a-f]{32}$`)
	// isOpaque is the form of tokens that are not JWTs.
	isOpaque = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// claims are what a token says.
type claims struct {
	jwt.Claims
	ClientID   string `json:"client_id"`
	Scope      string `json:"scope"`
	Generation int64  `json:"fxa-generation"`
}

// Verify implements token.Verifier.
func (v *Verifier) Verify(ctx context.Context, text string) (token.Identity, error) {
	c, err := v.read(ctx, text)
	if err != nil {
		return token.Identity{}, err
	}
	switch {
	case !isUID.MatchString(c.Subject):
		return token.Identity{}, bad("its subject is no account")
	case !slices.Contains(strings.Fields(c.Scope), onepw.OldSync):
		return token.Identity{}, bad("it lacks the scope")
	case len(v.cfg.Clients) > 0 && !slices.Contains(v.cfg.Clients, c.ClientID):
		return token.Identity{}, bad("it is of another client")
	case !v.cfg.AllowAll && !slices.Contains(v.cfg.Allow, c.Subject):
		// The operator learns here whom to allow.
		v.cfg.Log.WarnContext(ctx, "an account that is not allowed wants to sync", "uid", c.Subject)
		return token.Identity{}, bad("its account is not allowed")
	}
	return token.Identity{Account: c.Subject, Generation: c.Generation}, nil
}

func bad(why string) error { return fmt.Errorf("%w: %s", token.ErrBadAccess, why) }

// read finds out what a token says, if it is good.
func (v *Verifier) read(ctx context.Context, text string) (*claims, error) {
	switch {
	case len(text) > maxToken:
		return nil, bad("it is too long")
	case isOpaque.MatchString(text):
		return v.ask(ctx, text)
	}
	// The algorithm is ours to choose, not the token's.
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(parsed.Headers) != 1 {
		return nil, bad("it is no signed token")
	}
	h := parsed.Headers[0]
	// Another kind of token, an ID token for one, is signed with the same keys.
	if typ, _ := h.ExtraHeaders[jose.HeaderType].(string); strings.TrimPrefix(strings.ToLower(typ), "application/") != "at+jwt" {
		return nil, bad("it is no access token")
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

// check looks at whom a signed token is from, for whom, and when.
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
