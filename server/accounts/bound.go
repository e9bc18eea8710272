package accounts

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
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
	live, err = isLive(s.db.Read(ctx), uid, bound)
	if err != nil {
		return false, fmt.Errorf("look for what a token is bound to: %w", err)
	}
	return live, nil
}

func isLive(tx store.Reader, uid, bound string) (live bool, err error) {
	if bound == "" {
		_, err := tx.Account(uid)
		return store.Found(err)
	}
	h, err := hex.DecodeString(bound[1:])
	if err != nil {
		return false, nil
	}
	switch {
	case strings.HasPrefix(bound, boundToSession):
		t, err := tx.Token(h)
		if ok, err := store.Found(err); !ok {
			return false, err
		}
		return t.UID == uid && t.Kind == store.Session && t.Verified, nil
	case strings.HasPrefix(bound, boundToRefresh):
		t, err := tx.RefreshToken(h)
		if ok, err := store.Found(err); !ok {
			return false, err
		}
		return t.UID == uid, nil
	}
	return false, nil
}

// orToken is the error of a read that found nothing good: its own, or fault.ErrToken.
func orToken(err error) error {
	if err == nil {
		err = fault.ErrToken
	}
	return err
}
