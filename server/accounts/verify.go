package accounts

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/token"
)

var _ token.Verifier = (*Service)(nil)

// Verify implements token.Verifier.
func (s *Service) Verify(ctx context.Context, text string) (token.Identity, error) {
	c, a, err := s.auth.Access(ctx, text)
	if err != nil {
		return token.Identity{}, err
	}
	if have, err := oauth.Parse(c.Scope); err != nil || !have.Allow(onepw.OldSync) {
		return token.Identity{}, fmt.Errorf("%w: it lacks the scope", token.ErrBadAccess)
	}
	return token.Identity{Account: a.UID, Generation: c.Generation, Bound: c.Bound}, nil
}

// Live reports whether the session or refresh token that an access token is bound to is still
// valid. A token that is not bound ends with its account.
func (s *Service) Live(ctx context.Context, uid, bound string) (bool, error) {
	return s.auth.Live(ctx, uid, bound)
}
