package accounts

import (
	"encoding/hex"
	"errors"
	"strings"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/grants"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// These are the answers about keys and accounts.
type (
	keysAnswer struct {
		Bundle string `json:"bundle"` // hexadecimal
	}
	// scopedKey is what the key of a scope is derived from, beside kB.
	scopedKey struct {
		Identifier string `json:"identifier"`
		Secret     string `json:"keyRotationSecret"`    // hexadecimal
		Timestamp  int64  `json:"keyRotationTimestamp"` // milliseconds
	}
	existsAnswer struct {
		Exists bool `json:"exists"`
	}
	emailStatusAnswer struct {
		Exists    bool `json:"exists"`
		HasLinked bool `json:"hasLinkedAccount"`
		HasPW     bool `json:"hasPassword"`
	}
)

// accountKeys gives the wrapped keys, once for each key fetch token.
func (s *Service) accountKeys(r *api.Request) (any, error) {
	c, err := s.auth.Token(r, store.KeyFetch)
	if err != nil {
		return nil, err
	}
	if err := c.Complete(); err != nil {
		return nil, err
	}
	err = s.auth.UpdateBy(r.Context(), c, func(tx store.Tx) error { return auth.Consume(tx, c) })
	if err != nil {
		return nil, err
	}
	return keysAnswer{hex.EncodeToString(c.Bundle)}, nil
}

// scopedKeyData returns what a client needs to derive the keys of scopes from kB.
func (s *Service) scopedKeyData(r *api.Request) (any, error) {
	c, err := s.auth.Session(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		ClientID string `json:"client_id"`
		Scope    string `json:"scope"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if _, err := grants.Client(in.ClientID); err != nil {
		return nil, err
	}
	a, err := s.auth.Account(r.Context(), c.UID)
	if err != nil {
		return nil, err
	}
	out := map[string]scopedKey{}
	for scope := range strings.FieldsSeq(in.Scope) {
		if scope == onepw.OldSync {
			out[scope] = scopedKey{Identifier: scope, Secret: strings.Repeat("0", 64), Timestamp: a.KeysChangedAt}
		}
	}
	return out, nil
}

// statusByUID reports whether an account still exists, to clients that know its uid.
func (s *Service) statusByUID(r *api.Request) (any, error) {
	uid := r.URL.Query().Get("uid")
	if uid == "" {
		c, err := s.auth.AnySession(r)
		if err != nil {
			return nil, err
		}
		uid = c.UID
	}
	_, err := s.auth.Account(r.Context(), uid)
	if errors.Is(err, fault.ErrToken) {
		return existsAnswer{}, nil
	}
	return existsAnswer{true}, err
}

// statusByEmail says that every address has an account, so that the answer does not reveal who
// has one. Clients ask this to choose between sign-in and sign-up; a sign-in gets the same
// refusal with and without an account.
func (s *Service) statusByEmail(r *api.Request) (any, error) {
	var in struct {
		Email string `json:"email"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if err := mailaddr.Check(in.Email); err != nil {
		return nil, err
	}
	if err := s.tries.AdmitAddress(r); err != nil {
		return nil, err
	}
	return emailStatusAnswer{Exists: true, HasPW: true}, nil
}
