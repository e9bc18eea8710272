// Package oauth has the parts of OAuth 2.0 and OpenID Connect that need no account: scopes,
// clients and their redirect URIs, and the tokens that this server signs. It does not decide
// what is granted; the accounts server does.
package oauth

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

const (
	// keyLife is how long a signing key signs. It verifies until the last of its
	// tokens has expired.
	keyLife = 90 * 24 * time.Hour
	keyBits = 2048
)

// ErrNotSigned means that a token is not one that a key of the [Keyring] signed as an
// access token.
var ErrNotSigned = errors.New("not an access token of this server")

// Keyring signs tokens, and verifies them, with keys from the store. Its methods may
// be called concurrently.
type Keyring struct {
	db   store.Store
	now  func() time.Time
	rand io.Reader

	mu     sync.Mutex
	keys   map[string]*rsa.PrivateKey // by kid
	newest string                     // the kid that signs, or "" before it is known
}

// NewKeyring returns the keys of a store. The first is made when it is needed.
func NewKeyring(db store.Store, now func() time.Time, rand io.Reader) *Keyring {
	return &Keyring{db: db, now: now, rand: rand, keys: make(map[string]*rsa.PrivateKey)}
}

// Sign makes a token of a type.
func (k *Keyring) Sign(ctx context.Context, typ jose.ContentType, claims any) (string, error) {
	kid, key, err := k.current(ctx)
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

// Open returns the claims of an access token that this server signed. The token may have
// expired or ended since. The error is [ErrNotSigned] for anything else.
func (k *Keyring) Open(ctx context.Context, text string) (*AccessClaims, error) {
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(parsed.Headers) != 1 {
		return nil, ErrNotSigned
	}
	// An ID token is signed with the same keys.
	if parsed.Headers[0].ExtraHeaders[jose.HeaderType] != string(TypeAccess) {
		return nil, ErrNotSigned
	}
	key, err := k.key(ctx, parsed.Headers[0].KeyID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNotSigned
	}
	if err != nil {
		return nil, err
	}
	var c AccessClaims
	if err := parsed.Claims(&key.PublicKey, &c); err != nil || c.Expiry == nil {
		return nil, ErrNotSigned
	}
	return &c, nil
}

// current returns the key that signs. The key is made at its first use.
func (k *Keyring) current(ctx context.Context) (string, *rsa.PrivateKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.newest == "" {
		current, err := k.db.Read(ctx).CurrentSigningKey()
		k.newest = current.KID
		if errors.Is(err, store.ErrNotFound) {
			err = k.add(ctx, "")
		}
		if err != nil {
			return "", nil, fmt.Errorf("get the signing key: %w", err)
		}
	}
	key, err := k.load(ctx, k.newest)
	return k.newest, key, err
}

// key returns the key with an ID. The error is [store.ErrNotFound] if there is none.
func (k *Keyring) key(ctx context.Context, kid string) (*rsa.PrivateKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.load(ctx, kid)
}

// load reads a key. mu is held.
func (k *Keyring) load(ctx context.Context, kid string) (*rsa.PrivateKey, error) {
	if key, ok := k.keys[kid]; ok {
		return key, nil
	}
	kept, err := k.db.Read(ctx).SigningKey(kid)
	if err != nil {
		return nil, fmt.Errorf("read a signing key: %w", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(kept.Private)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("signing key %s is damaged", kid)
	}
	k.keys[kid] = key
	return key, nil
}

// add makes a key and retires the one before, whose ID is before; "": there is none. If another
// server on the same database was faster, its key is the one that signs. mu is held.
func (k *Keyring) add(ctx context.Context, before string) error {
	key, err := rsa.GenerateKey(k.rand, keyBits)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	tail := make([]byte, 4)
	if _, err := io.ReadFull(k.rand, tail); err != nil {
		return fmt.Errorf("no randomness: %w", err)
	}
	now := k.now()
	kid := now.UTC().Format("20060102") + "-" + hex.EncodeToString(tail)
	var current store.SigningKey
	err = k.db.Update(ctx, "", func(tx store.Tx) error {
		if _, err := tx.AddSigningKey(store.SigningKey{KID: kid, Private: der, CreatedAt: now.UnixMilli()}, before); err != nil {
			return err
		}
		current, err = tx.CurrentSigningKey()
		return err
	})
	if err == nil {
		k.newest = current.KID
	}
	return err
}

// Rotate makes a new signing key when the current one is old, or takes up the one that another
// server on the same database made.
func (k *Keyring) Rotate(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.keys) // deleted keys must no longer verify
	current, err := k.db.Read(ctx).CurrentSigningKey()
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	k.newest = current.KID
	if k.now().UnixMilli()-current.CreatedAt < keyLife.Milliseconds() {
		return nil
	}
	return k.add(ctx, current.KID)
}

// Public returns the keys that verify, newest first.
func (k *Keyring) Public(ctx context.Context) (jose.JSONWebKeySet, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	kids, err := k.db.Read(ctx).SigningKeys()
	if err != nil {
		return set, err
	}
	for _, kid := range kids {
		key, err := k.key(ctx, kid)
		if err != nil {
			return set, err
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &key.PublicKey, KeyID: kid, Algorithm: string(jose.RS256), Use: "sig"})
	}
	return set, nil
}
