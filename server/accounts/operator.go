package accounts

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/tries"
	"github.com/syncmanager/syncmanager/server/mail"
	"github.com/syncmanager/syncmanager/server/security"
)

// What an operator does for users who cannot get in.

var (
	// ErrNoSecondStep means that an account has no second step to take away.
	ErrNoSecondStep = errors.New("two-step sign-in is not turned on")
	// ErrNoInvitation means that no invitation that was not used yet has that ID.
	ErrNoInvitation = errors.New("no unused invitation has that ID or code")
)

// Unlock forgets the wrong passwords and codes that an account was given, so that its
// owner need not wait.
func (s *Service) Unlock(ctx context.Context, uid string) error {
	u, err := s.User(ctx, uid)
	if err != nil {
		return err
	}
	if err := s.operate(ctx, u.UID, func(store.Tx) error { return nil }); err != nil {
		return err
	}
	if err := s.tries.Forget(ctx, u.UID, mailaddr.Key(u.Email), tries.OfAccount...); err != nil {
		return err
	}
	s.cfg.Security.Note(ctx, security.ByOperator, security.LockLifted, "", u.UID)
	return nil
}

// RemoveSecondStep takes away an account's second step with its backup codes, for an
// owner who lost them, and tells the owner by e-mail; told is false where no e-mail can
// be sent. The password is asked for as before. The error is ErrNoSecondStep, among
// others.
func (s *Service) RemoveSecondStep(ctx context.Context, uid string) (told bool, err error) {
	u, err := s.User(ctx, uid)
	if err != nil {
		return false, err
	}
	err = s.operate(ctx, u.UID, func(tx store.Tx) error {
		enabled, err := auth.SecondStepRequired(tx, u.UID)
		if err == nil && !enabled {
			err = ErrNoSecondStep
		}
		if err != nil {
			return err
		}
		if err := tx.RemoveSecondStep(u.UID); err != nil {
			return err
		}
		if err := tx.RemoveOperatorSessions(u.UID); err != nil {
			return err
		}
		if err := tx.SetNotice(u.UID, store.Notice{Kind: noticeStepRemoved, At: s.cfg.Now().UnixMilli()}); err != nil {
			return err
		}
		return tx.SetProfileChanged(u.UID, s.cfg.Now().UnixMilli())
	})
	if errors.Is(err, ErrNoSecondStep) {
		return false, fmt.Errorf("%s: %w", u.Email, ErrNoSecondStep)
	}
	if err != nil {
		return false, fmt.Errorf("take a second step away: %w", err)
	}
	if err := s.tries.Forget(ctx, u.UID, mailaddr.Key(u.Email), tries.SecondStep); err != nil {
		return false, err
	}
	s.cfg.Security.Note(ctx, security.ByOperator, security.StepRemoved, "", u.UID)
	if s.cfg.Mail == nil {
		return false, nil
	}
	err = s.cfg.Mail.Send(ctx, mail.Message{
		To: u.Email, Subject: "Two-step authentication is off at " + s.cfg.PublicURLs.Canonical().Host,
		Text: "The operator of " + s.cfg.PublicURLs.Canonical().String() + " turned two-step authentication off for your account:\n" +
			"its password is enough to sign in now.\n\n" +
			"If you asked for that, turn it on again in the settings when you have signed in. If you\n" +
			"did not, change your password and ask the operator why.\n",
	})
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "a user was not told that the second step was taken away", "uid", u.UID, "err", err)
	}
	return err == nil, nil
}

// Invitation is an invitation for one account, without its code, which is not stored.
type Invitation struct {
	// ID identifies it, and does not reveal the code.
	ID      string    `json:"id"`
	Note    string    `json:"note"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	// Email is the address of the account that was made with it; "": it was not used.
	Email string `json:"email,omitempty"`
}

// invitationID is how much of its hash names an invitation, in bytes.
const invitationID = 6

// Invitations lists the invitations that were used and those that still can be, the oldest
// first. One that was used is removed with its account.
func (s *Service) Invitations(ctx context.Context) ([]Invitation, error) {
	kept, err := s.db.Read(ctx).Invitations(s.cfg.Now().UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("list the invitations: %w", err)
	}
	all := []Invitation{}
	for _, i := range kept {
		all = append(all, Invitation{
			ID: hex.EncodeToString(i.Hash[:invitationID]), Note: i.Note, Email: i.Email,
			Created: time.UnixMilli(i.CreatedAt), Expires: time.UnixMilli(i.ExpiresAt),
		})
	}
	return all, nil
}

// RevokeInvitation ends an invitation that was not used, by its ID or its code. The
// error is ErrNoInvitation if there is none.
func (s *Service) RevokeInvitation(ctx context.Context, which string) error {
	err := s.operate(ctx, "", func(tx store.Tx) error {
		n, err := tx.RemoveInvitations(inviteHash(which))
		if id, ok := api.Unhex(which, invitationID); ok && err == nil && n == 0 {
			n, err = tx.RemoveInvitations(id)
		}
		if err == nil && n == 0 {
			err = ErrNoInvitation
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke an invitation: %w", err)
	}
	s.cfg.Security.Note(ctx, security.ByOperator, security.InvitationRevoked, "", "")
	return nil
}
