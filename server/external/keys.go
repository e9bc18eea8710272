package external

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// keysLife is how long keys are used before they are asked for again.
	keysLife = time.Hour
	// keysMax is how long they are used when the accounts server does not answer.
	keysMax = 24 * time.Hour
	// askAgain is how soon a key that is not known makes them be asked for: what
	// strangers send must not become requests to the accounts server.
	askAgain = time.Minute
	// minBits is the least size of a key.
	minBits = 2048
)

// errUnreachable means that there are no keys, and none could be had.
var errUnreachable = errors.New("the accounts server's keys cannot be had")

// key is the public key of a kid. The error is token.ErrBadAccess if there is
// none, and errUnreachable if that cannot be known.
func (v *Verifier) key(ctx context.Context, kid string) (any, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.cfg.Now()
	_, known := v.keys[kid]
	old := now.Sub(v.fetched) >= keysLife
	if (old || !known) && now.Sub(v.tried) >= askAgain {
		v.tried = now
		// Others wait for the answer too, so it is not for one to give up on.
		if err := v.refresh(context.WithoutCancel(ctx)); err != nil {
			v.cfg.Log.WarnContext(ctx, "cannot get the accounts server's keys", "err", err)
		}
	}
	if v.keys == nil || now.Sub(v.fetched) >= keysMax {
		return nil, errUnreachable
	}
	key, known := v.keys[kid]
	if !known {
		return nil, bad("its key is not known")
	}
	return key, nil
}

// refresh gets the keys. v.mu is held.
func (v *Verifier) refresh(ctx context.Context) error {
	at, err := v.discover(ctx)
	if err != nil {
		return err
	}
	var set jose.JSONWebKeySet
	if err := v.remote.do(ctx, http.MethodGet, at.JWKS, nil, &set); err != nil {
		return err
	}
	keys := make(map[string]any)
	for _, k := range set.Keys {
		public, isRSA := k.Key.(*rsa.PublicKey)
		if isRSA && public.N.BitLen() >= minBits && k.KeyID != "" && (k.Use == "" || k.Use == "sig") &&
			(k.Algorithm == "" || k.Algorithm == string(jose.RS256)) {
			keys[k.KeyID] = public
		}
	}
	if len(keys) == 0 {
		return errors.New("it publishes no key to check its tokens by")
	}
	v.keys, v.fetched = keys, v.cfg.Now()
	return nil
}

// endpoints are what is used of OpenID Connect's discovery document.
type endpoints struct {
	Issuer     string `json:"issuer"`
	JWKS       string `json:"jwks_uri"`
	Verify     string `json:"verify_endpoint"`
	Introspect string `json:"introspection_endpoint"`
}

// discover learns where the accounts server's services are. v.mu is held.
func (v *Verifier) discover(ctx context.Context) (*endpoints, error) {
	if v.endpoints != nil {
		return v.endpoints, nil
	}
	var at endpoints
	if err := v.remote.do(ctx, http.MethodGet, v.issuer+"/.well-known/openid-configuration", nil, &at); err != nil {
		return nil, err
	}
	if at.Issuer != v.issuer {
		return nil, fmt.Errorf("%s says that it is %q", v.issuer, at.Issuer)
	}
	if at.JWKS == "" {
		return nil, fmt.Errorf("%s publishes no keys", v.issuer)
	}
	for _, endpoint := range []string{at.JWKS, at.Verify, at.Introspect} {
		if endpoint != "" && strings.HasPrefix(v.issuer, "https:") && !strings.HasPrefix(endpoint, "https://") {
			return nil, fmt.Errorf("%s leads to %q, without https", v.issuer, endpoint)
		}
	}
	v.endpoints = &at
	return v.endpoints, nil
}

// ask shows a token to the accounts server.
func (v *Verifier) ask(ctx context.Context, text string) (*claims, error) {
	v.mu.Lock()
	at, err := v.discover(context.WithoutCancel(ctx))
	v.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreachable, err)
	}
	if at.Verify != "" {
		return v.askVerify(ctx, at.Verify, text)
	}
	if at.Introspect != "" {
		return v.askIntrospect(ctx, at.Introspect, text)
	}
	return nil, bad("it is no signed token")
}

// askVerify uses the endpoint that Mozilla's server had before RFC 7662. It
// refuses what is not good for any reason with a status of 4xx.
func (v *Verifier) askVerify(ctx context.Context, url, text string) (*claims, error) {
	var out struct {
		User       string   `json:"user"`
		ClientID   string   `json:"client_id"`
		Scope      []string `json:"scope"`
		Generation int64    `json:"generation"`
	}
	err := v.remote.do(ctx, http.MethodPost, url, map[string]string{"token": text}, &out)
	if refused, ok := errors.AsType[*statusError](err); ok && refused.code >= 400 && refused.code < 500 && refused.code != http.StatusTooManyRequests {
		return nil, bad("the accounts server refuses it")
	}
	if err != nil {
		return nil, err
	}
	c := &claims{ClientID: out.ClientID, Scope: strings.Join(out.Scope, " "), Generation: out.Generation}
	c.Subject = out.User
	return c, nil
}

func (v *Verifier) askIntrospect(ctx context.Context, url, text string) (*claims, error) {
	var out struct {
		Active   bool   `json:"active"`
		Type     string `json:"token_type"`
		Scope    string `json:"scope"`
		ClientID string `json:"client_id"`
		Subject  string `json:"sub"`
	}
	if err := v.remote.do(ctx, http.MethodPost, url, map[string]string{"token": text}, &out); err != nil {
		return nil, err
	}
	// A refresh token opens nothing by itself.
	if !out.Active || out.Type != "" && out.Type != "access_token" {
		return nil, bad("the accounts server refuses it")
	}
	c := &claims{ClientID: out.ClientID, Scope: out.Scope}
	c.Subject = out.Subject
	return c, nil
}
