package account

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// Scopes that every accounts server knows, for [Account.ScopedToken].
const (
	// ScopeSync is the scope of what is synced. The account's key belongs to it alone; see
	// [Account.SyncKey].
	ScopeSync = onepw.OldSync
	// ScopeProfile reads the user's profile.
	ScopeProfile = "profile"
)

const (
	accessTTL = 6 * time.Hour
	// accessMargin is how long before its end a token counts as expired: it must
	// last for the request that it is meant for.
	accessMargin = time.Minute
	// maxToken bounds a token, in bytes. Real ones have less than a kilobyte.
	maxToken = 8 << 10
	// maxTokens is how many tokens are kept, and maxScopes how many bytes the scopes of one may
	// have.
	maxTokens = 16
	maxScopes = 2 << 10
)

// ErrScope means that the server does not grant a scope: it does not know it, or not to this
// client.
var ErrScope = errors.New("the server does not grant this scope")

// Token is an OAuth access token. Value is secret; a Token that is printed does not show it.
type Token struct {
	// Value authorizes requests: "Authorization: Bearer VALUE".
	Value string
	// Scopes are what it allows, sorted.
	Scopes []string
	// ExpiresAt is when it ends by this computer's clock, at most six hours after it was
	// requested, to the second.
	ExpiresAt time.Time
}

// String returns what the token is for, without its value.
func (t Token) String() string { return "token for " + strings.Join(t.Scopes, " ") }

// GoString returns the same as String.
func (t Token) GoString() string { return t.String() }

// keptToken is a token as the session has it.
type keptToken struct {
	Value string    `json:"value"`
	Until time.Time `json:"until"`
}

func (t keptToken) goodAt(now time.Time) bool {
	return t.Value != "" && now.Add(accessMargin).Before(t.Until)
}

// AccessToken returns an OAuth token with the sync scope. It returns the previous token while
// that is valid; fresh says that it was refused.
func (a *Account) AccessToken(ctx context.Context, fresh bool) (string, error) {
	t, err := a.token(ctx, fresh, ScopeSync)
	return t.Value, err
}

// ScopedToken returns an OAuth token that allows all the scopes, and nothing else: for a service
// other than sync. It requests one if there is none for these scopes that lasts another minute;
// the session keeps up to sixteen. The error wraps [ErrScope] if the server does not grant one of
// the scopes. A token comes without keys: only [ScopeSync] has one, see [Account.SyncKey].
func (a *Account) ScopedToken(ctx context.Context, scopes ...string) (Token, error) {
	key, err := scopeKey(scopes)
	if err != nil {
		return Token{}, fmt.Errorf("cannot get an access token: %w", err)
	}
	t, err := a.token(ctx, false, key)
	if err != nil {
		return Token{}, err
	}
	return Token{Value: t.Value, Scopes: strings.Fields(key), ExpiresAt: t.Until.UTC().Truncate(time.Second)}, nil
}

// ForgetTokens forgets all access tokens on this device, for example because a service refused
// one. The next call requests another. The server is not told; [Account.SignOut] revokes them.
func (a *Account) ForgetTokens(ctx context.Context) error {
	if err := a.take(ctx); err != nil {
		return err
	}
	defer a.giveBack()
	return a.change(func(s *Session) { s.kept.Tokens = nil })
}

// scopeKey names a set of scopes: sorted, each once, with spaces between.
func scopeKey(scopes []string) (string, error) {
	sorted := slices.Compact(slices.Sorted(slices.Values(scopes)))
	for _, scope := range sorted {
		outside := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
		if scope == "" || strings.ContainsFunc(scope, outside) {
			return "", fmt.Errorf("%w: %.100q cannot be a scope", ErrScope, scope)
		}
	}
	key := strings.Join(sorted, " ")
	if key == "" || len(key) > maxScopes {
		return "", fmt.Errorf("%w: the scopes must have 1 to %d bytes together", ErrScope, maxScopes)
	}
	return key, nil
}

// token returns a token for the scopes that key names: the kept one, unless fresh says that it
// was refused.
func (a *Account) token(ctx context.Context, fresh bool, key string) (keptToken, error) {
	if err := a.take(ctx); err != nil {
		return keptToken{}, err
	}
	defer a.giveBack()
	now := a.c.cfg.Now()
	if t := a.Session().kept.Tokens[key]; !fresh && t.goodAt(now) {
		return t, nil
	}
	const doing = "get an access token"
	var got struct {
		Access    string  `json:"access_token"`
		Scope     *string `json:"scope"`
		ExpiresIn int64   `json:"expires_in"` // seconds
	}
	err := a.do(ctx, doing, http.MethodPost, "/oauth/token", map[string]any{
		"grant_type": "fxa-credentials", "client_id": a.c.cfg.ClientID, "scope": key, "ttl": int64(accessTTL / time.Second),
	}, &got)
	if err != nil {
		return keptToken{}, err
	}
	switch {
	case got.Access == "":
		return keptToken{}, fmt.Errorf("cannot %s: %w: it is empty", doing, ErrBadAnswer)
	case len(got.Access) > maxToken || strings.ContainsFunc(got.Access, func(r rune) bool { return r <= ' ' || r > '~' }):
		return keptToken{}, fmt.Errorf("cannot %s: %w: it is malformed", doing, ErrBadAnswer)
	case got.Scope != nil && !grants(*got.Scope, key):
		return keptToken{}, fmt.Errorf("cannot %s: %w: it granted less than %q", doing, ErrScope, key)
	}
	life := time.Duration(min(max(got.ExpiresIn, 0), int64(accessTTL/time.Second))) * time.Second
	t := keptToken{got.Access, now.Add(life)}
	return t, a.change(func(s *Session) { s.kept.Tokens = withToken(s.kept.Tokens, key, t, now) })
}

// grants reports whether scopes, with spaces between, has all of key. A server that says nothing
// grants what was asked for, as OAuth has it.
func grants(scopes, key string) bool {
	have := strings.Fields(scopes)
	return !slices.ContainsFunc(strings.Fields(key), func(want string) bool { return !slices.Contains(have, want) })
}

// withToken returns tokens with one more, without those that have expired, and without the first
// to expire where there are too many. The token for sync stays.
func withToken(tokens map[string]keptToken, key string, t keptToken, now time.Time) map[string]keptToken {
	tokens = maps.Clone(tokens)
	if tokens == nil {
		tokens = map[string]keptToken{}
	}
	delete(tokens, key)
	maps.DeleteFunc(tokens, func(_ string, old keptToken) bool { return !old.goodAt(now) })
	for len(tokens) >= maxTokens {
		first := ""
		for k, old := range tokens {
			if k != ScopeSync && (first == "" || old.Until.Before(tokens[first].Until)) {
				first = k
			}
		}
		delete(tokens, first)
	}
	tokens[key] = t
	return tokens
}

// revokeTokens tells the server that the tokens are not used any more.
func (a *Account) revokeTokens(ctx context.Context) {
	s := a.Session()
	for _, t := range s.kept.Tokens {
		if !a.c.cfg.Now().Before(t.Until) {
			continue
		}
		err := a.c.do(ctx, call{
			doing: "revoke the access token", method: http.MethodPost, url: s.kept.Endpoints.Auth + "/oauth/destroy",
			in: map[string]string{"client_id": a.c.cfg.ClientID, "token": t.Value},
		})
		if err != nil {
			// It is valid for some hours at most, and no longer stored anywhere.
			a.c.cfg.Log.WarnContext(ctx, "an access token was not revoked", "err", err)
		}
	}
}
