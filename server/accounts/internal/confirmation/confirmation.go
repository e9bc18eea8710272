// Package confirmation sends codes by e-mail, which show that an account's address is its
// user's.
package confirmation

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/tries"
	"github.com/syncmanager/syncmanager/server/internal/messages"
	"github.com/syncmanager/syncmanager/server/mail"
	"github.com/syncmanager/syncmanager/server/publicname"
)

// Mailer sends e-mail, as a mail.Sender does.
type Mailer interface {
	// Send takes a message. It waits only briefly for the result.
	Send(context.Context, mail.Message) error
}

const (
	// confirmLife is how long a code by e-mail is valid: some hosts deliver late. confirmTries
	// is how often it may be mistyped.
	confirmLife  = time.Hour
	confirmTries = 5
	// UnconfirmedLife is how long an account waits for its code: its address may be
	// that of somebody else.
	UnconfirmedLife = 3 * 24 * time.Hour
)

// Handlers sends codes, and answers the requests with them.
type Handlers struct {
	DB    store.Store
	Auth  *auth.Authenticator
	Tries *tries.Counter
	// Mail sends e-mail; nil: no code can be sent.
	Mail Mailer
	// CodeKey is the secret under which codes are stored.
	CodeKey []byte
	URLs    publicname.Names
	Now     func() time.Time
	Rand    io.Reader
	Log     *slog.Logger
}

// mac is what is stored of a code. All its million values can be tried quickly, so the key is
// not in the database.
func (h *Handlers) mac(uid, code string) []byte {
	m := hmac.New(sha256.New, h.CodeKey)
	io.WriteString(m, uid+" "+code)
	return m.Sum(nil)
}

// Send makes a new code for an account, in the place of the one before, and sends it, in the
// language of the context. The caller has admitted the message.
func (h *Handlers) Send(ctx context.Context, a *store.Account) error {
	if h.Mail == nil {
		return fault.ErrMail // the server asked for confirmations once, and does not any more
	}
	raw, err := random.Bytes(h.Rand, 8)
	if err != nil {
		return err
	}
	code := fmt.Sprintf("%06d", binary.BigEndian.Uint64(raw)%1_000_000)
	l, host, url := messages.Of(ctx), h.URLs.Canonical().Host, h.URLs.Canonical().String()
	message := mail.Message{
		To: a.Email, Subject: l.Text(messages.CodeSubject, "host", host),
		Text: l.Text(messages.CodeMail, "url", url, "code", code),
	}
	stored := h.mac(a.UID, code)
	if mailaddr.IsDecoy(a) {
		if stored, err = random.Bytes(h.Rand, len(stored)); err != nil {
			return err
		}
		message.Subject = l.Text(messages.ExistsSubject, "host", host)
		message.Text = l.Text(messages.ExistsMail, "url", url)
	}
	err = h.Mail.Send(ctx, message)
	switch {
	case errors.Is(err, mail.ErrAddress):
		return fault.Invalid("email")
	case err != nil:
		h.Log.WarnContext(ctx, "no code was sent", "uid", a.UID, "err", err)
		return fault.ErrMail
	}
	// Store it only now, so that the previous code stays valid if this one was not sent. Store
	// it even if the client did not wait for the answer.
	ctx = context.WithoutCancel(ctx)
	return h.DB.Update(ctx, a.UID, func(tx store.Tx) error {
		return tx.SetConfirmation(a.UID, stored, h.Now().Add(confirmLife).UnixMilli())
	})
}

// pending reads the code that an account waits for; ok is false if there is none that is still
// valid.
func (h *Handlers) pending(tx store.Reader, uid string) (c store.Confirmation, ok bool, err error) {
	c, err = tx.Confirmation(uid)
	if ok, err := store.Found(err); !ok {
		return c, false, err
	}
	return c, c.Tries < confirmTries && c.ExpiresAt > h.Now().UnixMilli(), nil
}

// Remind sends a code to an account that waits for one, unless the last one is still valid: a
// user who reads it must not find it replaced.
func (h *Handlers) Remind(r *api.Request, a *store.Account) error {
	ctx := r.Context()
	_, good, err := h.pending(h.DB.Read(ctx), a.UID)
	if err != nil || good {
		return err
	}
	if err := h.Tries.AdmitMail(r, a.Email); err != nil {
		return err
	}
	return h.Send(ctx, a)
}

// Resend sends a new code to a session that waits for one.
func (h *Handlers) Resend(r *api.Request) (any, error) {
	c, err := h.Auth.AnySession(r)
	if err != nil || c.Confirmed {
		return api.Nothing, err
	}
	a, err := h.Auth.Account(r.Context(), c.UID)
	if err != nil {
		return nil, err
	}
	if err := h.Tries.AdmitMail(r, a.Email); err != nil {
		return nil, err
	}
	return api.Nothing, h.Send(r.Context(), a)
}

// Verify takes the code that was sent by e-mail. It confirms the account, and
// completes each sign-in that waits for that: all showed the password.
func (h *Handlers) Verify(r *api.Request) (any, error) {
	c, err := h.Auth.AnySession(r)
	if err != nil {
		return nil, err
	}
	a, err := h.Auth.Account(r.Context(), c.UID)
	if err != nil {
		return nil, err
	}
	// The key is the address, so that signing up again does not give more tries.
	code, done, err := h.Tries.AdmitCode(r, tries.Confirmation, mailaddr.Key(a.Email))
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
	err = h.DB.Update(ctx, c.UID, func(tx store.Tx) (err error) {
		right, err = h.confirm(tx, c.UID, code)
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
func (h *Handlers) confirm(tx store.Tx, uid, code string) (bool, error) {
	c, ok, err := h.pending(tx, uid)
	if err != nil || !ok {
		return false, err
	}
	if subtle.ConstantTimeCompare(c.MAC, h.mac(uid, code)) != 1 {
		return false, tx.CountConfirmationTry(uid)
	}
	return true, tx.Confirm(uid)
}
