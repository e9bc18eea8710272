package accounts

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/tries"
	"github.com/syncmanager/syncmanager/server/accounts/internal/typed"
	"github.com/syncmanager/syncmanager/server/security"
)

// SignUp says who may create an account.
type SignUp string

// These are the policies. With each of them, the operator can add accounts.
const (
	SignUpOpen   SignUp = "open"   // anyone who can reach the server; the default
	SignUpEmail  SignUp = "email"  // anyone who can read the mail of the address
	SignUpInvite SignUp = "invite" // anyone with an invitation
	SignUpClosed SignUp = "closed" // nobody
)

// ParseSignUp reads a policy by its name; "" is SignUpOpen.
func ParseSignUp(name string) (SignUp, error) {
	switch p := SignUp(name); p {
	case "":
		return SignUpOpen, nil
	case SignUpOpen, SignUpEmail, SignUpInvite, SignUpClosed:
		return p, nil
	}
	return "", fmt.Errorf("unknown sign-up policy %q: it must be open, email, invite or closed", name)
}

// Anyone reports whether strangers may sign up without the operator's consent.
func (p SignUp) Anyone() bool { return p == SignUpOpen || p == SignUpEmail }

// maxInviteNote is in bytes.
const maxInviteNote = 256

// inviteSize is the random part of an invitation, in bytes. It is written in
// groups of four characters, and read in any case.
const inviteSize = 10

// Invite makes an invitation for one account, good for life. The note says who it is
// for. The code is not stored, so this is the only time to see it.
func (s *Service) Invite(ctx context.Context, note string, life time.Duration) (code string, expires time.Time, err error) {
	if len(note) > maxInviteNote {
		return "", time.Time{}, fmt.Errorf("the note of an invitation is longer than %d bytes: shorten it", maxInviteNote)
	}
	raw, err := random.Bytes(s.cfg.Rand, inviteSize)
	if err != nil {
		return "", time.Time{}, err
	}
	text := typed.Write(raw)
	for ; len(text) > 4; text = text[4:] {
		code += text[:4] + "-"
	}
	code += text
	now := s.cfg.Now()
	expires = now.Add(life)
	err = s.operate(ctx, "", func(tx store.Tx) error {
		return tx.AddInvitation(store.Invitation{
			Hash: inviteHash(code), Note: note, CreatedAt: now.UnixMilli(), ExpiresAt: expires.UnixMilli(),
		})
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("make an invitation: %w", err)
	}
	s.cfg.Security.Note(ctx, security.ByOperator, security.InvitationMade, "", "")
	return code, expires, nil
}

// inviteHash returns the hash that finds an invitation. It accepts each way to type the code.
func inviteHash(code string) []byte {
	return store.Hash("invitation " + typed.Read(code))
}

// maySignUp refuses a stranger before any work is done for them.
func (s *Service) maySignUp(invitation string) error {
	switch {
	case s.cfg.SignUp == SignUpClosed:
		return fault.ErrSignUpClosed
	case s.cfg.SignUp == SignUpInvite && invitation == "":
		return fault.ErrInvitation.With(fault.Details{Param: "invitation"})
	}
	return nil
}

// checkInvitation refuses an invitation that is not good, before anything tells who
// has an account, and counts what is tried with one.
func (s *Service) checkInvitation(r *api.Request, code string) error {
	if s.cfg.SignUp != SignUpInvite {
		return nil
	}
	h := inviteHash(code)
	if _, err := s.tries.Admit(r, tries.Invitation, hex.EncodeToString(h)); err != nil {
		return err
	}
	good, err := s.db.Read(r.Context()).InvitationOpen(h, s.cfg.Now().UnixMilli())
	if err == nil && !good {
		err = fault.ErrInvitation.With(fault.Details{Param: "invitation"})
	}
	return err
}

// useInvitation notes who used an invitation, in the transaction that creates their account, so
// that of two concurrent sign-ups only one uses it.
func (s *Service) useInvitation(tx store.Tx, code, uid string) error {
	if s.cfg.SignUp != SignUpInvite {
		return nil
	}
	used, err := tx.UseInvitation(inviteHash(code), uid, s.cfg.Now().UnixMilli())
	if err == nil && !used {
		err = fault.ErrInvitation.With(fault.Details{Param: "invitation"})
	}
	return err
}
