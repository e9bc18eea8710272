package accounts

import (
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/secondfactor"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// ended is what the owner of an account is told about: what ended with the old password, and
// what is new.
type ended struct {
	RecoveryKey bool     `json:"recoveryKeyEnded,omitempty"`
	TwoStep     bool     `json:"twoStepEnded,omitempty"`
	BackupCodes []string `json:"recoveryCodes,omitempty"`
}

// endAll ends all that an account's old password opened: sessions, tokens, devices, the
// recovery key, a second step that was not shown to set the new password, and the backup codes.
// It returns what its owner must be told about.
func (s *Service) endAll(tx store.Tx, c *auth.Credential) (told ended, err error) {
	if err := tx.RemoveTokens(c.UID); err != nil {
		return told, err
	}
	if err := tx.RemoveOperatorSessions(c.UID); err != nil {
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
		if err := tx.SetProfileChanged(c.UID, s.cfg.Now().UnixMilli()); err != nil {
			return told, err
		}
	}
	return told, tx.RemoveSecondStep(c.UID)
}
