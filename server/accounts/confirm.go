package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/tries"
	"github.com/syncmanager/syncmanager/server/mail"
)

// Mailer sends e-mail, as a mail.Sender does.
type Mailer interface {
	// Send takes a message. It waits no longer than a moment for what becomes of it.
	Send(context.Context, mail.Message) error
}

const (
	// confirmLife is how long a code by e-mail is good, which some hosts hold back
	// for a while, and confirmTries how often it may be mistyped.
	confirmLife  = time.Hour
	confirmTries = 5
	// unconfirmedLife is how long an account waits for its code: its address may be
	// that of somebody else.
	unconfirmedLife = 3 * 24 * time.Hour
)

// confirmMAC is what is stored of a code. Its million values are soon tried, so
// the key is one that a stolen database does not have.
func (s *Service) confirmMAC(uid, code string) []byte {
	m := hmac.New(sha256.New, s.cfg.CodeKey)
	io.WriteString(m, uid+" "+code)
	return m.Sum(nil)
}

// sendCode makes a new code for an account, in the place of the one before, and
// sends it. The message was admitted.
func (s *Service) sendCode(ctx context.Context, a *store.Account) error {
	if s.cfg.Mail == nil {
		return fault.ErrMail // the server asked for confirmations once, and does no more
	}
	raw, err := random.Bytes(s.cfg.Rand, 8)
	if err != nil {
		return err
	}
	code := fmt.Sprintf("%06d", binary.BigEndian.Uint64(raw)%1_000_000)
	host := s.cfg.PublicURLs.Canonical().Host
	message := mail.Message{
		To: a.Email, Subject: "Your code for " + host,
		Text: "Somebody made an account for this address at " + s.cfg.PublicURLs.Canonical().String() + ".\n\n" +
			"If it was you, enter this code there:\n\n" + code + "\n\n" +
			"It is good for an hour. If it was not you, do nothing: without the code the account is\n" +
			"removed in three days. Nobody needs to be told the code, whoever asks for it.\n",
	}
	stored := s.confirmMAC(a.UID, code)
	if mailaddr.IsDecoy(a) {
		if stored, err = random.Bytes(s.cfg.Rand, len(stored)); err != nil {
			return err
		}
		message.Subject = "Your account at " + host
		message.Text = "Somebody tried to make an account for this address at " + s.cfg.PublicURLs.Canonical().String() + ".\n\n" +
			"If it was you: you have one already, so sign in there. If you forgot its password, open\n\n" +
			s.cfg.PublicURLs.Canonical().String() + "/reset_password\n\n" +
			"If it was not you, do nothing: your account is as it was.\n"
	}
	err = s.cfg.Mail.Send(ctx, message)
	switch {
	case errors.Is(err, mail.ErrAddress):
		return fault.Invalid("email")
	case err != nil:
		s.cfg.Log.WarnContext(ctx, "no code was sent", "uid", a.UID, "err", err)
		return fault.ErrMail
	}
	// Only now, so that one that came before stays good if this one does not come;
	// and also for one who did not wait for the answer.
	ctx = context.WithoutCancel(ctx)
	return s.db.Update(ctx, func(tx store.Tx) error {
		return tx.SetConfirmation(a.UID, stored, s.cfg.Now().Add(confirmLife).UnixMilli())
	})
}

// confirmation reads the code that an account waits for; ok is false if there is
// none that is still good.
func (s *Service) confirmation(tx store.Reader, uid string) (c store.Confirmation, ok bool, err error) {
	c, err = tx.Confirmation(uid)
	if ok, err := store.Found(err); !ok {
		return c, false, err
	}
	return c, c.Tries < confirmTries && c.ExpiresAt > s.cfg.Now().UnixMilli(), nil
}

// remind sends a code to an account that waits for one, unless the last one is
// still good: whoever comes with that must not find it replaced.
func (s *Service) remind(r *api.Request, a *store.Account) error {
	ctx := r.Context()
	_, good, err := s.confirmation(s.db.Read(ctx), a.UID)
	if err != nil || good {
		return err
	}
	if err := s.tries.AdmitMail(r, a.Email); err != nil {
		return err
	}
	return s.sendCode(ctx, a)
}

// resendCode sends a new code to a session that waits for one.
func (s *Service) resendCode(r *api.Request) (any, error) {
	c, err := s.auth.AnySession(r)
	if err != nil || c.Confirmed {
		return api.Nothing, err
	}
	a, err := s.auth.Account(r.Context(), c.UID)
	if err != nil {
		return nil, err
	}
	if err := s.tries.AdmitMail(r, a.Email); err != nil {
		return nil, err
	}
	return api.Nothing, s.sendCode(r.Context(), a)
}

// verifyCode takes the code that was sent by e-mail. It confirms the account, and
// completes each sign-in that waits for that: all showed the password.
func (s *Service) verifyCode(r *api.Request) (any, error) {
	c, err := s.auth.AnySession(r)
	if err != nil {
		return nil, err
	}
	a, err := s.auth.Account(r.Context(), c.UID)
	if err != nil {
		return nil, err
	}
	// By the address: signing up again does not give more tries.
	code, done, err := s.tries.AdmitCode(r, tries.Confirmation, mailaddr.Key(a.Email))
	if err != nil {
		return nil, err
	}
	if c.Confirmed {
		if !c.Verified {
			return nil, fault.ErrCode // it waits for another kind of code
		}
		done()
		return api.Nothing, nil
	}
	ctx := r.Context()
	code = strings.Join(strings.Fields(code), "")
	var right bool
	err = s.db.Update(ctx, func(tx store.Tx) (err error) {
		right, err = s.confirm(tx, c.UID, code)
		return err
	})
	if err == nil && !right {
		err = fault.ErrCode
	}
	if err == nil {
		done()
	}
	return api.Nothing, err
}

// confirm confirms an account by a code, if it is right.
func (s *Service) confirm(tx store.Tx, uid, code string) (bool, error) {
	c, ok, err := s.confirmation(tx, uid)
	if err != nil || !ok {
		return false, err
	}
	if subtle.ConstantTimeCompare(c.MAC, s.confirmMAC(uid, code)) != 1 {
		return false, tx.CountConfirmationTry(uid)
	}
	return true, tx.Confirm(uid)
}
