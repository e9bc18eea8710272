package accounts

import (
	"github.com/syncmanager/syncmanager/server/accounts/internal/secondfactor"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// endTogether ends a session of an account, or a refresh token, and whatever was
// given with the same code: a phone gets both, and either gets the other again.
// The other one is nil. The error is fault.ErrToken if there is none.
func endTogether(tx store.Tx, uid string, session, refresh []byte) error {
	var grant []byte
	if refresh != nil {
		t, err := tx.RefreshToken(refresh)
		if ok, err := store.Found(err); !ok || t.UID != uid {
			return orToken(err)
		}
		grant, session = t.Grant, t.Session // it would get another one
		if err := tx.RemoveRefreshToken(uid, refresh); err != nil {
			return err
		}
	} else {
		t, err := tx.Token(session)
		if ok, err := store.Found(err); !ok || t.UID != uid || t.Kind != store.Session {
			return orToken(err)
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

// endRefresh ends a refresh token that its client gives back. A client that has
// got another one for the same code goes on; one that has not signs out, and what
// else it was given ends too.
func endRefresh(tx store.Tx, token []byte) error {
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

// ended is what the owner of an account is told that ended with the old password, and
// what is new.
type ended struct {
	RecoveryKey bool     `json:"recoveryKeyEnded,omitempty"`
	TwoStep     bool     `json:"twoStepEnded,omitempty"`
	BackupCodes []string `json:"recoveryCodes,omitempty"`
}

// endAll ends all that an account's old password opened: sessions, tokens, devices,
// the recovery key, a second step that was not shown to set the new password, and
// the backup codes. It returns what its owner must be told of.
func (s *Service) endAll(tx store.Tx, c *credential) (told ended, err error) {
	if err := tx.RemoveTokens(c.UID); err != nil {
		return told, err
	}
	if told.RecoveryKey, err = tx.RemoveRecoveryKey(c.UID); err != nil {
		return told, err
	}
	state, err := secondfactor.Of(tx, c.UID)
	if err != nil || state == secondfactor.None {
		return told, err
	}
	if state == secondfactor.Enabled && c.SecondAt > 0 {
		told.BackupCodes, err = secondfactor.NewBackupCodes(tx, c.UID, s.cfg.Rand)
		return told, err
	}
	if state == secondfactor.Enabled {
		told.TwoStep = true
		if err := profileChanged(tx, c.UID, s.cfg.Now()); err != nil {
			return told, err
		}
	}
	return told, tx.RemoveSecondStep(c.UID)
}
