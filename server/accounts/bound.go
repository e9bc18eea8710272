package accounts

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// What an access token is bound to, before the hash of it.
const (
	boundToSession = "s"
	boundToRefresh = "r"
)

// binding names the session or refresh token with which what is granted ends.
func binding(g grant) string {
	switch {
	case g.refresh != nil:
		return boundToRefresh + hex.EncodeToString(g.refresh)
	case g.session != nil:
		return boundToSession + hex.EncodeToString(g.session)
	case g.signedIn != nil:
		return boundToSession + hex.EncodeToString(g.signedIn)
	}
	return ""
}

// Live reports whether what an account's token is bound to is still good. A token
// that is bound to nothing ends with its account.
func (s *Service) Live(ctx context.Context, uid, bound string) (live bool, err error) {
	query, args, ok := liveQuery(uid, bound)
	if !ok {
		return false, nil
	}
	if err := s.db.QueryRow(ctx, query, args...).Scan(&live); err != nil {
		return false, fmt.Errorf("look for what a token is bound to: %w", sqlite.Explain(err))
	}
	return live, nil
}

func isLive(ctx context.Context, tx *sql.Tx, uid, bound string) (live bool, err error) {
	query, args, ok := liveQuery(uid, bound)
	if !ok {
		return false, nil
	}
	err = tx.QueryRowContext(ctx, query, args...).Scan(&live)
	return live, err
}

// liveQuery returns the statement that tells whether what a token is bound to is
// still good; ok is false if it is bound to nothing that could be.
func liveQuery(uid, bound string) (query string, args []any, ok bool) {
	if bound == "" {
		return `SELECT EXISTS (SELECT 1 FROM accounts WHERE uid = ?)`, []any{uid}, true
	}
	hash, err := hex.DecodeString(bound[1:])
	if err != nil {
		return "", nil, false
	}
	switch {
	case strings.HasPrefix(bound, boundToSession):
		query = `SELECT EXISTS (SELECT 1 FROM tokens WHERE uid = ? AND hash = ? AND kind = 'session' AND verified)`
	case strings.HasPrefix(bound, boundToRefresh):
		query = `SELECT EXISTS (SELECT 1 FROM refresh_tokens WHERE uid = ? AND hash = ?)`
	}
	return query, []any{uid, hash}, query != ""
}
