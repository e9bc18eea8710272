package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/typed"
	"github.com/syncmanager/syncmanager/server/security"
)

// The sessions of the operator's pages. They are apart from the sessions of accounts: none of them opens what the
// other does. A session is opened by a code, which is good once: one from the command line, or one that an account
// gets that is an operator's, after it showed its password and its second step.

const (
	// OperatorLinkLife is how long a code from the command line can open a session.
	OperatorLinkLife = 10 * time.Minute
	// OperatorLife is how long a session lasts, OperatorIdle how long it does without being used.
	OperatorLife, OperatorIdle = 8 * time.Hour, 30 * time.Minute
	// OperatorFresh is how long after its begin a session may do what cannot be undone.
	OperatorFresh = 10 * time.Minute

	// operatorCodeLife is that of a code that an account got: the page uses it at once.
	operatorCodeLife = time.Minute
	// operatorCodeSize is the size of codes, and of the tokens of sessions, in bytes.
	operatorCodeSize = 20
	// maxOperatorCode bounds the text of a code, in bytes.
	maxOperatorCode = 100
	// operatorTouch is the accuracy of a session's last use.
	operatorTouch = time.Minute
)

var (
	// ErrOperatorSession means that the session of the operator's pages ended, or never was.
	ErrOperatorSession = errors.New("you are signed out of the operator's pages: sign in again")
	// ErrOperatorCode means that a code does not open the operator's pages.
	ErrOperatorCode = errors.New("this code was used already, or it is too old: make another one")
	// ErrOperatorProof means that a session is too old for what was asked.
	ErrOperatorProof = errors.New("this needs a sign-in of the last ten minutes: sign in again, and repeat it")
	// ErrNoOperator means that an account is not an operator's.
	ErrNoOperator = errors.New("the account is not an operator's")
	// ErrTooManyTries means that too much was tried from an address.
	ErrTooManyTries = errors.New("too many tries: wait a few minutes, and try again")
)

// OperatorSession is an open session of the operator's pages.
type OperatorSession struct {
	hash []byte
	// UID and Email are those of the operator's account; "": the session was opened by a link from the command line.
	UID, Email string
	Created    time.Time
	used       time.Time
}

// Name is who acts in a session, for the security log: the account's uid, or "link".
func (o *OperatorSession) Name() string {
	if o.UID == "" {
		return "link"
	}
	return o.UID
}

type actingKey struct{}

// Acting returns a context in which the methods for operators act for a session: each checks in its transaction that
// the session is still valid, and fails with [ErrOperatorSession] if it is not.
func (o *OperatorSession) Acting(ctx context.Context) context.Context {
	return context.WithValue(ctx, actingKey{}, o)
}

// operatorHash is how codes and tokens are stored.
func operatorHash(kind, text string) []byte {
	return store.Hash("operator " + kind + " " + typed.Read(text))
}

// operatorSecret makes a code or a token.
func (s *Service) operatorSecret() (string, error) {
	raw, err := random.Bytes(s.cfg.Rand, operatorCodeSize)
	return typed.Write(raw), err
}

// addOperatorCode makes a code in a transaction.
func (s *Service) addOperatorCode(tx store.Tx, uid string, life time.Duration) (string, error) {
	code, err := s.operatorSecret()
	if err != nil {
		return "", err
	}
	return code, tx.AddOperatorCode(operatorHash("code", code), uid, s.cfg.Now().Add(life).UnixMilli())
}

// OperatorCode makes a code that opens the operator's pages once, within [OperatorLinkLife]. It is not stored.
func (s *Service) OperatorCode(ctx context.Context) (code string, expires time.Time, err error) {
	expires = s.cfg.Now().Add(OperatorLinkLife)
	err = s.db.Update(ctx, "", func(tx store.Tx) (err error) {
		code, err = s.addOperatorCode(tx, "", OperatorLinkLife)
		return err
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("make a code for the operator's pages: %w", err)
	}
	s.cfg.Security.Note(ctx, security.ByOperator, security.LinkMade, "", "")
	return code, expires, nil
}

// operatorAnswer has the code that opens the operator's pages.
type operatorAnswer struct {
	Code string `json:"code"`
}

// operatorCode gives a session of an operator's account a code for the operator's pages, if it has just shown the
// password and the second step. Other accounts servers do not have this endpoint.
func (s *Service) operatorCode(r *api.Request) (any, error) {
	c, err := s.auth.Session(r)
	if err != nil {
		return nil, err
	}
	var out operatorAnswer
	err = s.auth.UpdateProven(r.Context(), c, func(tx store.Tx) error {
		o, err := tx.Operator(c.UID)
		if found, err := store.Found(err); err != nil {
			return err
		} else if !found {
			return fault.ErrNotOperator
		}
		if !o.SecondStep {
			return fault.ErrOperatorStep
		}
		out.Code, err = s.addOperatorCode(tx, c.UID, operatorCodeLife)
		return err
	})
	if errors.Is(err, fault.ErrNotOperator) || errors.Is(err, fault.ErrOperatorStep) {
		s.cfg.Security.Note(r.Context(), security.SignInFailed, security.NotOperator, r.RemoteAddr, c.UID)
	}
	return out, err
}

// OpenOperatorSession opens a session by a code, and returns its token, which only the browser keeps. The error is
// [ErrOperatorCode] or [ErrTooManyTries], among others.
func (s *Service) OpenOperatorSession(r *http.Request, code string) (token string, err error) {
	ctx := r.Context()
	if err := s.tries.AdmitAddress(&api.Request{Request: r}); errors.Is(err, fault.ErrThrottled) {
		s.cfg.Security.Note(ctx, security.Throttled, security.TooMany, r.RemoteAddr, "")
		return "", ErrTooManyTries
	} else if err != nil {
		return "", err
	}
	if len(code) > maxOperatorCode {
		code = ""
	}
	if token, err = s.operatorSecret(); err != nil {
		return "", err
	}
	now := s.cfg.Now()
	var uid string
	err = s.db.Update(ctx, "", func(tx store.Tx) error {
		if err := forgetOperatorSessions(tx, now); err != nil {
			return err
		}
		if uid, err = tx.TakeOperatorCode(operatorHash("code", code), now.UnixMilli()); err != nil {
			return err
		}
		return tx.AddOperatorSession(&store.OperatorSession{Hash: operatorHash("session", token), UID: uid, CreatedAt: now.UnixMilli()})
	})
	if errors.Is(err, store.ErrNotFound) {
		s.cfg.Security.Note(ctx, security.SignInFailed, security.WrongOperatorCode, r.RemoteAddr, "")
		return "", ErrOperatorCode
	}
	if err != nil {
		return "", fmt.Errorf("open a session of an operator: %w", err)
	}
	o := &OperatorSession{UID: uid}
	s.cfg.Security.Note(security.By(ctx, o.Name(), r.RemoteAddr), security.ByOperator, security.OperatorSignedIn, "", uid)
	return token, nil
}

// forgetOperatorSessions removes what ended.
func forgetOperatorSessions(tx store.Tx, now time.Time) error {
	return tx.ForgetOperatorSessions(now.UnixMilli(), now.Add(-OperatorIdle).UnixMilli(), now.Add(-OperatorLife).UnixMilli())
}

// OperatorSession finds an open session by its token. The error is [ErrOperatorSession], among others.
func (s *Service) OperatorSession(ctx context.Context, token string) (*OperatorSession, error) {
	if len(token) > maxOperatorCode {
		return nil, ErrOperatorSession
	}
	hash := operatorHash("session", token)
	found, err := s.validOperator(s.db.Read(ctx), hash)
	if err != nil {
		return nil, err
	}
	if found.UID != "" && s.cfg.Disabled != nil {
		if disabled, err := s.cfg.Disabled(ctx, found.UID); err != nil {
			return nil, err
		} else if disabled {
			return nil, ErrOperatorSession
		}
	}
	return &OperatorSession{
		hash: hash, UID: found.UID, Email: found.Email, Created: time.UnixMilli(found.CreatedAt), used: time.UnixMilli(found.UsedAt),
	}, nil
}

// UseOperatorSession notes that a session is used, so that it does not end for being idle.
func (s *Service) UseOperatorSession(ctx context.Context, o *OperatorSession) error {
	now := s.cfg.Now()
	if now.Sub(o.used) < operatorTouch {
		return nil
	}
	err := s.db.UpdateSoon(ctx, func(tx store.Tx) error { return tx.TouchOperatorSession(o.hash, now.UnixMilli()) })
	if err != nil {
		return fmt.Errorf("note the use of an operator's session: %w", err)
	}
	return nil
}

// validOperator reads a session, and refuses one that ended.
func (s *Service) validOperator(db store.OperatorReader, hash []byte) (*store.OperatorSession, error) {
	found, err := db.OperatorSession(hash)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrOperatorSession
	}
	if err != nil {
		return nil, fmt.Errorf("find an operator's session: %w", err)
	}
	now := s.cfg.Now().UnixMilli()
	if !found.Sound || now-found.CreatedAt >= OperatorLife.Milliseconds() || now-found.UsedAt >= OperatorIdle.Milliseconds() {
		return nil, ErrOperatorSession
	}
	return found, nil
}

// EndOperatorSession signs out of the operator's pages.
func (s *Service) EndOperatorSession(ctx context.Context, o *OperatorSession) error {
	err := s.db.Update(ctx, "", func(tx store.Tx) error { return tx.RemoveOperatorSession(o.hash) })
	if err != nil {
		return fmt.Errorf("end an operator's session: %w", err)
	}
	return nil
}

// Fresh refuses what cannot be undone with [ErrOperatorProof], unless the session is new.
func (s *Service) Fresh(o *OperatorSession) error {
	if s.cfg.Now().Sub(o.Created) >= OperatorFresh {
		return ErrOperatorProof
	}
	return nil
}

// operate is an Update about an account for an operator. If a session acts, it is still valid in the transaction; see
// [OperatorSession.Acting].
func (s *Service) operate(ctx context.Context, account string, f func(store.Tx) error) error {
	return s.db.Update(ctx, account, func(tx store.Tx) error {
		if o, ok := ctx.Value(actingKey{}).(*OperatorSession); ok {
			if err := tx.HoldOperatorSession(o.hash); err != nil {
				return err
			}
			if _, err := s.validOperator(tx, o.hash); err != nil {
				return err
			}
		}
		return f(tx)
	})
}

// Guarded runs f, which changes something that is not in the accounts' database, while the session that acts is
// valid: whoever ends it waits for f. f may be run again, and must not use the Service.
func (s *Service) Guarded(ctx context.Context, f func() error) error {
	if _, ok := ctx.Value(actingKey{}).(*OperatorSession); !ok {
		return f()
	}
	return s.operate(ctx, "", func(store.Tx) error { return f() })
}
