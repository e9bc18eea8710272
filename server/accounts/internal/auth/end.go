package auth

import "github.com/syncmanager/syncmanager/server/accounts/internal/store"

// EndTogether ends a session of an account, or a refresh token, and all that was given with the
// same code: a phone gets both, and each can get the other again. The other one is nil. The
// error is fault.ErrToken if there is none.
func EndTogether(tx store.Tx, uid string, session, refresh []byte) error {
	var grant []byte
	if refresh != nil {
		t, err := tx.RefreshToken(refresh)
		if ok, err := store.Found(err); !ok || t.UID != uid {
			return OrToken(err)
		}
		grant, session = t.Grant, t.Session // it would get another one
		if err := tx.RemoveRefreshToken(uid, refresh); err != nil {
			return err
		}
	} else {
		t, err := tx.Token(session)
		if ok, err := store.Found(err); !ok || t.UID != uid || t.Kind != store.Session {
			return OrToken(err)
		}
		grant = t.Grant
	}
	if session != nil {
		if _, err := tx.RemoveToken(uid, session); err != nil {
			return err
		}
	}
	if grant == nil {
		return nil
	}
	return tx.RemoveGrant(uid, grant)
}

// EndRefresh ends a refresh token that its client gives back. A client that has another
// one for the same code stays signed in; one that has not signs out, and what else it was
// given ends too.
func EndRefresh(tx store.Tx, token []byte) error {
	t, err := tx.RefreshToken(token)
	if ok, err := store.Found(err); !ok {
		return err
	}
	if err := tx.RemoveRefreshToken(t.UID, token); err != nil || t.Grant == nil {
		return err
	}
	goesOn, err := tx.GrantHasRefreshToken(t.UID, t.Grant)
	if err != nil || goesOn {
		return err
	}
	return tx.RemoveGrant(t.UID, t.Grant)
}
