package accounts

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/token"
)

const (
	// maxAccessTTL is what an access token lives if nothing ends it before: it is
	// bound to the session or refresh token that it came from.
	maxAccessTTL = 6 * time.Hour
	// unboundTTL is what one lives that comes from neither.
	unboundTTL = 5 * time.Minute
	// keyLife is how long a signing key signs. It verifies until the last of its
	// tokens has expired.
	keyLife = 90 * 24 * time.Hour
	// issueSkew is how far in the future a token may be issued; more means that
	// the server's clock was set back.
	issueSkew = time.Minute
	keyBits   = 2048
)

// claims are what an access token says.
type claims struct {
	jwt.Claims
	ClientID       string `json:"client_id"`
	Scope          string `json:"scope"`
	Generation     int64  `json:"fxa-generation"`
	ProfileChanged int64  `json:"fxa-profileChangedAt"`
	// Bound is what it ends with, as of binding; "": nothing.
	Bound string `json:"bound,omitempty"`
}

var _ token.Verifier = (*Service)(nil)

// accessToken issues a token for the account.
func (s *Service) accessToken(ctx context.Context, a *store.Account, clientID string, scope scopes, ttl time.Duration, bound string) (string, error) {
	jti, err := s.randomHex(16)
	if err != nil {
		return "", err
	}
	c := claims{
		Claims:   s.registered(a.UID, clientID, ttl),
		ClientID: clientID, Scope: scope.String(), Generation: a.Generation, ProfileChanged: a.ProfileAt, Bound: bound,
	}
	c.ID = jti
	return s.sign(ctx, typeAccess, c)
}

// registered are the claims that all tokens for a client have.
func (s *Service) registered(uid, clientID string, ttl time.Duration) jwt.Claims {
	now := s.cfg.Now()
	return jwt.Claims{
		Issuer: s.issuer(), Subject: uid, Audience: jwt.Audience{clientID},
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(ttl)),
	}
}

// sign makes a token of a type.
func (s *Service) sign(ctx context.Context, typ jose.ContentType, claims any) (string, error) {
	kid, key, err := s.signingKey(ctx)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, (&jose.SignerOptions{}).WithType(typ))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// issuer is the canonical name: an access token is good by whichever name it was got.
func (s *Service) issuer() string { return s.cfg.PublicURLs.Canonical().String() }

// root is the server's root by the name that a request came by.
func (s *Service) root(ctx context.Context) string { return s.cfg.PublicURLs.Of(ctx).String() }

// access verifies an access token and finds its account. The error wraps
// token.ErrBadAccess or token.ErrNotYet for one that is no good.
func (s *Service) access(ctx context.Context, text string) (*claims, *store.Account, error) {
	c, err := s.signed(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	now := s.cfg.Now()
	switch {
	case !s.cfg.PublicURLs.Has(c.Issuer), c.IssuedAt == nil, !now.Before(c.Expiry.Time()):
		return nil, nil, token.ErrBadAccess
	case c.IssuedAt.Time().After(now.Add(issueSkew)):
		return nil, nil, token.ErrNotYet
	}
	revoked, err := s.db.Read(ctx).Revoked(c.Subject, c.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("look for a revoked token: %w", err)
	}
	a, err := s.account(ctx, c.Subject)
	if errors.Is(err, errToken) || revoked {
		return nil, nil, token.ErrBadAccess
	}
	if err != nil {
		return nil, nil, err
	}
	// It was issued before the password changed.
	if c.Generation < a.Generation {
		return nil, nil, token.ErrBadAccess
	}
	if live, err := s.Live(ctx, a.UID, c.Bound); err != nil {
		return nil, nil, err
	} else if !live {
		return nil, nil, token.ErrBadAccess
	}
	return c, a, nil
}

// signed is what an access token says that this server signed, whatever became of
// it since. The error is token.ErrBadAccess for anything else.
func (s *Service) signed(ctx context.Context, text string) (*claims, error) {
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(parsed.Headers) != 1 {
		return nil, token.ErrBadAccess
	}
	// An ID token is signed with the same keys.
	if parsed.Headers[0].ExtraHeaders[jose.HeaderType] != string(typeAccess) {
		return nil, token.ErrBadAccess
	}
	key, err := s.verifyKey(ctx, parsed.Headers[0].KeyID)
	if err != nil {
		return nil, err
	}
	var c claims
	if err := parsed.Claims(&key.PublicKey, &c); err != nil || c.Expiry == nil {
		return nil, token.ErrBadAccess
	}
	return &c, nil
}

// Verify implements token.Verifier.
func (s *Service) Verify(ctx context.Context, text string) (token.Identity, error) {
	c, a, err := s.access(ctx, text)
	if err != nil {
		return token.Identity{}, err
	}
	if have, err := parseScopes(c.Scope); err != nil || !have.allow(onepw.OldSync) {
		return token.Identity{}, fmt.Errorf("%w: it lacks the scope", token.ErrBadAccess)
	}
	return token.Identity{Account: a.UID, Generation: c.Generation, Bound: c.Bound}, nil
}

// signingKey is the key that signs, made at its first use.
func (s *Service) signingKey(ctx context.Context) (string, *rsa.PrivateKey, error) {
	s.keysMu.Lock()
	defer s.keysMu.Unlock()
	if s.newest == "" {
		current, err := s.db.Read(ctx).CurrentSigningKey()
		s.newest = current.KID
		if errors.Is(err, store.ErrNotFound) {
			err = s.newSigningKey(ctx)
		}
		if err != nil {
			return "", nil, fmt.Errorf("get the signing key: %w", err)
		}
	}
	key, err := s.loadKey(ctx, s.newest)
	return s.newest, key, err
}

// verifyKey is the key of a kid; the error is token.ErrBadAccess if there is
// none.
func (s *Service) verifyKey(ctx context.Context, kid string) (*rsa.PrivateKey, error) {
	s.keysMu.Lock()
	defer s.keysMu.Unlock()
	return s.loadKey(ctx, kid)
}

// loadKey reads a key. keysMu is held.
func (s *Service) loadKey(ctx context.Context, kid string) (*rsa.PrivateKey, error) {
	if key, ok := s.keys[kid]; ok {
		return key, nil
	}
	kept, err := s.db.Read(ctx).SigningKey(kid)
	if errors.Is(err, store.ErrNotFound) {
		return nil, token.ErrBadAccess
	}
	if err != nil {
		return nil, fmt.Errorf("read a signing key: %w", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(kept.Private)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("signing key %s is damaged", kid)
	}
	s.keys[kid] = key
	return key, nil
}

// newSigningKey makes a key and retires the one before. keysMu is held.
func (s *Service) newSigningKey(ctx context.Context) error {
	key, err := rsa.GenerateKey(s.cfg.Rand, keyBits)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	tail, err := s.randomHex(4)
	if err != nil {
		return err
	}
	kid := now.UTC().Format("20060102") + "-" + tail
	err = s.db.Update(ctx, func(tx store.Tx) error {
		return tx.AddSigningKey(store.SigningKey{KID: kid, Private: der, CreatedAt: now.UnixMilli()})
	})
	if err == nil {
		s.newest, s.keys[kid] = kid, key
	}
	return err
}

// rotate makes a new signing key when the current one is old.
func (s *Service) rotate(ctx context.Context, now time.Time) error {
	s.keysMu.Lock()
	defer s.keysMu.Unlock()
	clear(s.keys) // what is deleted must not verify any more
	current, err := s.db.Read(ctx).CurrentSigningKey()
	if errors.Is(err, store.ErrNotFound) || err == nil && now.UnixMilli()-current.CreatedAt < keyLife.Milliseconds() {
		return nil
	}
	if err != nil {
		return err
	}
	return s.newSigningKey(ctx)
}

// jwks publishes the keys that verify.
func (s *Service) jwks(r *request) (any, error) {
	kids, err := s.db.Read(r.Context()).SigningKeys()
	if err != nil {
		return nil, err
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, kid := range kids {
		key, err := s.verifyKey(r.Context(), kid)
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &key.PublicKey, KeyID: kid, Algorithm: string(jose.RS256), Use: "sig"})
	}
	return set, nil
}
