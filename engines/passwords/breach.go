package passwords

import (
	"context"
	"iter"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Breached reports whether the login's site was breached after its password was changed
// last, so that others may know the password.
func (l *Login) Breached() bool { return l.TimeOfLastBreach.After(l.TimePasswordChanged) }

// BreachDismissed reports whether the user dismissed the alert of the last breach.
func (l *Login) BreachDismissed() bool {
	return !l.TimeLastBreachAlertDismissed.IsZero() && !l.TimeLastBreachAlertDismissed.Before(l.TimeOfLastBreach)
}

// Breaches yields the logins that are [Login.Breached], sorted by origin and username, with
// those whose alert the user dismissed. The logins are held in memory, and nothing is
// locked: the loop may edit.
func (e *Engine) Breaches(ctx context.Context) iter.Seq2[Login, error] {
	return func(yield func(Login, error) bool) { e.yieldFound(ctx, byBreach, nil, yield) }
}

// RecordBreach notes that the login's site was breached, to the millisecond, for all
// devices. A later breach that is known already is kept. If the login is [Login.Breached]
// thereby, its password is remembered as [Engine.RecordBreachedPasswords] does, and stays
// known when the user changes it. The error is, among others, [engine.ErrNotFound].
func (e *Engine) RecordBreach(ctx context.Context, id engine.ID, at time.Time) error {
	return e.store.Edit(ctx, func(tx *mirror.Tx[Login]) error {
		l, err := tx.Get(id)
		if err != nil {
			return err
		}
		l.TimeOfLastBreach = later(l.TimeOfLastBreach, at)
		if err := tx.Update(&l); err != nil || !l.Breached() || l.Password == "" {
			return err
		}
		return tx.Note([]string{l.Password}, MaxBreachedPasswords)
	})
}

// DismissBreach notes, for all devices, that the user dismissed the alert of the login's
// breach now. The error is, among others, [engine.ErrNotFound].
func (e *Engine) DismissBreach(ctx context.Context, id engine.ID) error {
	return e.edit(ctx, id, func(l *Login) { l.TimeLastBreachAlertDismissed = e.now() })
}

// edit changes one login in a transaction.
func (e *Engine) edit(ctx context.Context, id engine.ID, change func(*Login)) error {
	return e.store.Edit(ctx, func(tx *mirror.Tx[Login]) error {
		l, err := tx.Get(id)
		if err != nil {
			return err
		}
		change(&l)
		return tx.Update(&l)
	})
}
