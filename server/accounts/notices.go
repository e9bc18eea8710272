package accounts

import (
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// These are the kinds of notices. The settings page has the texts.
const (
	// noticeStepRemoved: the operator took the second step away.
	noticeStepRemoved = "secondStepRemoved"
	// noticeRecoveryUsed: the recovery key set a new password.
	noticeRecoveryUsed = "recoveryKeyUsed"
)

type noticeAnswer struct {
	Kind string `json:"kind"`
	At   int64  `json:"at"` // milliseconds since 1970
}

// notices lists what was done to the account without its user and not yet dismissed. Other
// accounts servers do not have this endpoint.
func (s *Service) notices(r *api.Request) (any, error) {
	c, err := s.auth.Session(r)
	if err != nil {
		return nil, err
	}
	found, err := s.db.Read(r.Context()).Notices(c.UID)
	if err != nil {
		return nil, err
	}
	list := make([]noticeAnswer, 0, len(found))
	for _, n := range found {
		list = append(list, noticeAnswer(n))
	}
	return list, nil
}

// dismissNotice removes a notice from the settings page up to the one that the user has read:
// one of the same kind that came later stays.
func (s *Service) dismissNotice(r *api.Request) (any, error) {
	c, err := s.auth.Session(r)
	if err != nil {
		return nil, err
	}
	var in noticeAnswer
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if in.Kind == "" {
		return nil, fault.Missing("kind")
	}
	return api.Nothing, s.auth.UpdateBy(r.Context(), c, func(tx store.Tx) error { return tx.RemoveNotice(c.UID, store.Notice(in)) })
}
