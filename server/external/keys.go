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
	// keysLife is how long keys are used before they are requested again.
	keysLife = time.Hour
	// keysMax is how long they are used if the accounts server does not answer.
	keysMax = 24 * time.Hour
	// askAgain is the minimum time between two requests for the keys: clients that send
	// unknown keys must not cause a request each.
	askAgain = time.Minute
	// minBits is the minimum size of a key, in bits.
	minBits = 2048
)

// errUnreachable means that there are no usable keys, and the accounts server sent none.
var errUnreachable = errors.New("cannot get the accounts server's keys")

// key returns the public key with a key ID. The error is token.ErrBadAccess if there is none,
// and errUnreachable if the keys are unknown.
func (v *Verifier) key(ctx context.Context, kid string) (any, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.cfg.Now()
	_, known := v.keys[kid]
	old := now.Sub(v.fetched) >= keysLife
	if (old || !known) && now.Sub(v.tried) >= askAgain {
		v.tried = now
		// Other requests wait for the answer too, so this request's context must not cancel
		// it.
		if err := v.refresh(context.WithoutCancel(ctx)); err != nil {
			v.cfg.Log.WarnContext(ctx, "cannot get the accounts server's keys", "err", err)
		}
	}
	if v.keys == nil || now.Sub(v.fetched) >= keysMax {
		return nil, errUnreachable
	}
	key, known := v.keys[kid]
	if !known {
		return nil, bad("its key is unknown")
	}
	return key, nil
}

// refresh fetches the keys. The caller holds v.mu.
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
		return errors.New("the accounts server publishes no usable key")
	}
	v.keys, v.fetched = keys, v.cfg.Now()
	return nil
}

// endpoints are the fields used from the OpenID Connect discovery document.
type endpoints struct {
	Issuer     string `json:"issuer"`
	JWKS       string `json:"jwks_uri"`
	Verify     string `json:"verify_endpoint"`
	Introspect string `json:"introspection_endpoint"`
}

// discover returns the accounts server's endpoints. The caller holds v.mu.
func (v *Verifier) discover(ctx context.Context) (*endpoints, error) {
	if v.endpoints != nil {
		return v.endpoints, nil
	}
	var at endpoints
	if err := v.remote.do(ctx, http.MethodGet, v.issuer+"/.well-known/openid-configuration", nil, &at); err != nil {
		return nil, err
	}
	if at.Issuer != v.issuer {
		return nil, fmt.Errorf("the accounts server %s has another issuer, %q", v.issuer, at.Issuer)
	}
	if at.JWKS == "" {
		return nil, fmt.Errorf("the accounts server %s publishes no keys", v.issuer)
	}
	for _, endpoint := range []string{at.JWKS, at.Verify, at.Introspect} {
		if endpoint != "" && strings.HasPrefix(v.issuer, "https:") && !strings.HasPrefix(endpoint, "https://") {
			return nil, fmt.Errorf("the accounts server %s names the endpoint %q, which does not use HTTPS", v.issuer, endpoint)
		}
	}
	v.endpoints = &at
	return v.endpoints, nil
}

// ask lets the accounts server verify a token.
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
	return nil, bad("it is not a signed token")
}

// askVerify uses the endpoint of Mozilla's server that is older than RFC 7662. It answers a
// token that is not valid with a 4xx status.
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
	// A refresh token does not grant access by itself.
	if !out.Active || out.Type != "" && out.Type != "access_token" {
		return nil, bad("the accounts server refuses it")
	}
	c := &claims{ClientID: out.ClientID, Scope: out.Scope}
	c.Subject = out.Subject
	return c, nil
}
