package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/security"
)

// What is tried of an account is counted in the database, which nothing but time
// makes forget, also for an address without an account.

const (
	// codesFactor and passwordsFactor are how many times Limits.PerAccount all
	// networks together may try. A code is short, a password is not.
	codesFactor     = 2
	passwordsFactor = 10
	// maxNetworks is how many networks of an account are known, and knownLife how
	// long one is without a sign of its owner.
	maxNetworks = 20
	knownLife   = 90 * 24 * time.Hour
	// maxTries bounds the table: what a network tries goes first, oldest first.
	maxTries = 200_000
)

// The kinds of tries at an account. The first is at one that is named by its
// address, with or without an account.
const (
	tryPassword     = "password"
	tryRecovery     = "recovery"
	tryConfirmation = "confirmation"
	trySecondStep   = "second step"
	tryInvitation   = "invitation"
	tryMail         = "mail"
)

// accountTries are the kinds that keep an account's owner out.
var accountTries = []string{tryPassword, tryRecovery, tryConfirmation, trySecondStep, tryMail}

func triesHash(kind, whose string) []byte { return hash("tries " + kind + " " + whose) }

// attempt is one try, at what belongs to somebody.
type attempt struct {
	kind string
	// whose is the account's email key or uid, or what else is tried.
	whose   string
	network string // "": all together
	max     int
	window  time.Duration
	exempt  bool // not counted for a network that is known
}

// admit counts a try of a kind at what belongs to somebody, or refuses it. done
// takes the try back, for one that was right; it must not be called within a
// transaction.
func (s *Service) admit(r *request, kind, whose string) (done func(), err error) {
	if err := s.admitAddress(r); err != nil {
		return nil, err
	}
	l := s.cfg.Limits
	factor := codesFactor
	if kind == tryPassword {
		factor = passwordsFactor
	}
	list := []attempt{
		{kind: kind, whose: whose, network: r.address(), max: l.PerAccount, window: l.Window},
		{kind: kind, whose: whose, max: factor * l.PerAccount, window: l.Window, exempt: true},
	}
	ctx := r.Context()
	wait, err := s.try(ctx, r.address(), list)
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		s.note(r, security.Locked, security.TooMany, "")
		return nil, throttled(wait)
	}
	return func() {
		s.giveBackAddress(r)
		err := s.db.UpdateSoon(context.WithoutCancel(ctx), func(tx *sqlite.Tx) error {
			_, err := tx.Exec(`UPDATE tries SET n = max(0, n - 1) WHERE what = ? AND network IN (?, '')`, triesHash(kind, whose), r.address())
			return err
		})
		if err != nil {
			s.cfg.Log.ErrorContext(ctx, "cannot take a try back", "err", err)
		}
	}, nil
}

// try counts attempts, all or none, and returns 0 or how long to wait.
func (s *Service) try(ctx context.Context, from string, list []attempt) (wait time.Duration, err error) {
	now := s.cfg.Now().UnixMilli()
	err = s.db.UpdateSoon(ctx, func(tx *sqlite.Tx) error {
		// What ended goes a little at a time.
		if _, err := tx.Exec(`DELETE FROM tries WHERE (what, network) IN (SELECT what, network FROM tries WHERE ends_at <= ? LIMIT 8)`, now); err != nil {
			return err
		}
		for _, a := range list {
			var n int
			var ends int64
			err := tx.QueryRow(`SELECT n, ends_at FROM tries WHERE what = ? AND network = ? AND ends_at > ?`,
				triesHash(a.kind, a.whose), a.network, now).Scan(&n, &ends)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if n < a.max {
				continue
			}
			if a.exempt {
				var known bool
				if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM known_networks JOIN accounts USING (uid) WHERE (uid = ?1 OR email_key = ?1) AND network = ?2)`,
					a.whose, from).Scan(&known); err != nil {
					return err
				}
				if known {
					continue
				}
			}
			wait = max(wait, time.Duration(ends-now)*time.Millisecond)
		}
		if wait > 0 {
			return nil
		}
		for _, a := range list {
			if _, err := tx.Exec(`INSERT INTO tries (what, network, n, ends_at) VALUES (?1, ?2, 1, ?3)
				ON CONFLICT DO UPDATE SET n = iif(ends_at <= ?4, 1, n + 1), ends_at = iif(ends_at <= ?4, ?3, ends_at)`,
				triesHash(a.kind, a.whose), a.network, now+a.window.Milliseconds(), now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("count a try: %w", err)
	}
	return wait, nil
}

// know remembers that an account was signed in from the sender's network.
func (s *Service) know(ctx context.Context, tx *sql.Tx, r *request, uid string) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO known_networks (uid, network, seen_at) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at`, uid, r.address(), s.cfg.Now().UnixMilli()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM known_networks WHERE uid = ?1 AND network IN (
		SELECT network FROM known_networks WHERE uid = ?1 ORDER BY seen_at DESC, network LIMIT -1 OFFSET ?2)`, uid, maxNetworks)
	return err
}

// purgeTries removes what ended, and what is too much.
func (s *Service) purgeTries(ctx context.Context, tx *sql.Tx) error {
	now := s.cfg.Now()
	if _, err := tx.ExecContext(ctx, `DELETE FROM tries WHERE ends_at <= ?`, now.UnixMilli()); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM tries WHERE (what, network) IN (
		SELECT what, network FROM tries ORDER BY network = '' DESC, ends_at DESC LIMIT -1 OFFSET ?)`, maxTries); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM known_networks WHERE seen_at <= ?`, now.Add(-knownLife).UnixMilli())
	return err
}

// forgetTries forgets what was tried of kinds at an account.
func (s *Service) forgetTries(ctx context.Context, u User, kinds ...string) error {
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, kind := range kinds {
			for _, whose := range []string{emailKey(u.Email), u.UID} {
				if _, err := tx.ExecContext(ctx, `DELETE FROM tries WHERE what = ?`, triesHash(kind, whose)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget what was tried: %w", err)
	}
	return nil
}
