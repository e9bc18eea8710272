package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store/sqlstore"
	"github.com/syncmanager/syncmanager/server/telemetry"
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

// endedFor is how long it is kept that something of an account ended: longer than any token for a storage node is valid.
const endedFor = 2 * token.NodeTokenLife

// Ended lists the accounts of which a session or a refresh token ended in the time in which storage tokens for nodes are
// valid, by when that was listed first.
func (s *Service) Ended(ctx context.Context) (map[string]time.Time, error) {
	now := s.cfg.Now()
	all, err := s.db.Ended(ctx, now.UnixMilli(), now.Add(-endedFor).UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("list what ended: %w", err)
	}
	out := make(map[string]time.Time, len(all))
	for _, e := range all {
		out[e.UID] = time.UnixMilli(e.At)
	}
	return out, nil
}

// AllLive lists all that [Service.Live] reports as valid of an account.
func (s *Service) AllLive(ctx context.Context, uid string) ([]string, error) {
	all, err := s.auth.AllLive(ctx, uid)
	if err != nil {
		return nil, fmt.Errorf("list what tokens are bound to: %w", err)
	}
	return all, nil
}

// Live reports whether the session or refresh token that an access token is bound to is still
// valid. A token that is not bound ends with its account.
func (s *Service) Live(ctx context.Context, uid, bound string) (bool, error) {
	return s.auth.Live(ctx, uid, bound)
}

// LiveCheck is [Service.Live] as a statement, which another part of the program may send along with its own. It fails
// with ended.
func LiveCheck(uid, bound string, ended error) token.Check {
	if bound == "" {
		return sqlstore.LiveAccount(uid, ended)
	}
	session, hash, ok := auth.ParseBound(bound)
	switch {
	case !ok:
		return sqlstore.LiveSession(uid, nil, ended) // there is none
	case session:
		return sqlstore.LiveSession(uid, hash, ended)
	}
	return sqlstore.LiveRefresh(uid, hash, ended)
}

// LiveStatements names the statements of [LiveCheck].
func LiveStatements() []telemetry.Named { return sqlstore.Checks() }
