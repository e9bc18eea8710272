package accounts

import (
	"bytes"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/password"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

type upgradeAnswer struct {
	UID      string `json:"uid"`
	AuthAt   int64  `json:"authAt"` // seconds
	Verified bool   `json:"verified"`
	keyFetchTokens
}

// upgrade adds version 2 of the stretching to a password that stays as it is. No session ends,
// as nothing else changes. done is false if the credentials are others: then it is a new
// password.
func (s *Service) upgrade(r *api.Request, c *auth.Credential, in password.New) (answer any, done bool, err error) {
	ctx := r.Context()
	a, err := s.auth.Account(ctx, c.UID)
	if err != nil || a.ClientSalt != "" || in.V2.AuthPW == nil {
		return nil, false, err
	}
	v1, err := s.passwords.Verifier(ctx, a, in.V1.AuthPW)
	if err != nil || !v1.Matches(a.V1.Hash) || !bytes.Equal(v1.Wrap(a.V1.WrapWrapKB), in.V1.WrapKB) {
		return nil, false, err
	}
	v2, err := s.passwords.Verifier(ctx, a, in.V2.AuthPW)
	if err != nil {
		return nil, false, err
	}
	out := upgradeAnswer{UID: a.UID, AuthAt: s.cfg.Now().Unix(), Verified: true}
	err = s.auth.UpdateBy(ctx, c, func(tx store.Tx) error {
		if err := auth.Consume(tx, c); err != nil {
			return err
		}
		// Not if the password changed meanwhile.
		err := tx.UpgradePassword(a.UID, a.V1.Hash, in.ClientSalt, store.Password{Hash: v2.Hash, WrapWrapKB: v2.Wrap(in.V2.WrapKB)})
		if err != nil || !wantsKeys(r) {
			return err
		}
		keys, err := s.keyFetch(tx, a, password.Wrapped{V1: in.V1.WrapKB, V2: in.V2.WrapKB}, nil)
		out.keyFetchTokens = keys.forChange()
		return err
	})
	return out, true, err
}
