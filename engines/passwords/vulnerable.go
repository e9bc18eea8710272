package passwords

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// MaxBreachedPasswords bounds how many passwords [Engine.RecordBreachedPasswords] keeps.
const MaxBreachedPasswords = 10_000

// RecordBreachedPasswords remembers passwords that are known from breaches of any sites, so
// that [Engine.Vulnerable] finds the logins that have one. [Engine.RecordBreach] does that with
// the password of its login. They stay on this device, until [Engine.ForgetBreaches] or
// [Engine.Wipe]; the file holds a keyed hash of each, and not the password. Of more than
// [MaxBreachedPasswords], the first are forgotten. The error is an [engine.InvalidError] if a
// password is empty or they are more than that at once; then none is recorded.
func (e *Engine) RecordBreachedPasswords(ctx context.Context, passwords []string) error {
	switch {
	case slices.Contains(passwords, ""):
		return &engine.InvalidError{Reason: errors.New("a password that is recorded as breached is empty")}
	case len(passwords) > MaxBreachedPasswords:
		return &engine.InvalidError{Reason: fmt.Errorf("%d passwords are too many: at most %d can be recorded as breached",
			len(passwords), MaxBreachedPasswords)}
	}
	return e.store.Edit(ctx, func(tx *mirror.Tx[Login]) error { return tx.Note(passwords, MaxBreachedPasswords) })
}

// Vulnerable yields the logins whose password is known from the breach of another site,
// sorted by origin and username: it was recorded as breached, or is that of a login that is
// [Login.Breached]. Logins that are Breached themselves are left to [Engine.Breaches]. It
// decrypts all logins. Those that it yields are held in memory, and nothing is locked: the
// loop may edit.
func (e *Engine) Vulnerable(ctx context.Context) iter.Seq2[Login, error] {
	return func(yield func(Login, error) bool) {
		known, err := e.knownPasswords(ctx)
		if err != nil {
			yield(Login{}, err)
			return
		}
		yieldSorted(e.store.List(ctx), known, yield)
	}
}

// IsVulnerable reports whether [Engine.Vulnerable] yields the login. The error is, among
// others, [engine.ErrNotFound].
func (e *Engine) IsVulnerable(ctx context.Context, id engine.ID) (bool, error) {
	l, err := e.Get(ctx, id)
	if err != nil {
		return false, err
	}
	known, err := e.knownPasswords(ctx)
	return err == nil && known(&l), err
}

// knownPasswords returns a function that reports whether a login's password is known from the
// breach of another site.
func (e *Engine) knownPasswords(ctx context.Context) (func(*Login) bool, error) {
	recorded, err := e.store.Noted(ctx)
	if err != nil {
		return nil, err
	}
	breached := make(map[string]bool)
	for l, err := range e.store.Lookup(ctx, byBreach) {
		if err != nil {
			return nil, err
		}
		if l.Password != "" {
			breached[string(e.mac.MAC([]byte(l.Password)))] = true
		}
	}
	return func(l *Login) bool {
		return !l.Breached() && (recorded(l.Password) || breached[string(e.mac.MAC([]byte(l.Password)))])
	}, nil
}

// ForgetBreaches forgets all breaches that this device knows, and returns how many logins it
// changed: the passwords of [Engine.RecordBreachedPasswords], and of each login the time of
// the breach and of its dismissal. Devices that know the time of a breach keep it, and bring
// it back when they change the login. With an error, the logins that it counts are changed.
func (e *Engine) ForgetBreaches(ctx context.Context) (changed int, err error) {
	if err := e.store.Edit(ctx, func(tx *mirror.Tx[Login]) error { return tx.ForgetNoted() }); err != nil {
		return 0, err
	}
	var ids []engine.ID
	for l, err := range e.store.List(ctx) {
		if err != nil {
			return 0, err
		}
		if l.hasBreach() {
			ids = append(ids, l.ID)
		}
	}
	for page := range slices.Chunk(ids, bulkPage) {
		n := 0
		err := e.store.Edit(ctx, func(tx *mirror.Tx[Login]) (err error) {
			n, err = forgetBreaches(tx, page)
			return err
		})
		if err != nil {
			return changed, err
		}
		changed += n
	}
	return changed, nil
}

// hasBreach reports whether the login notes a breach, or that one was dismissed.
func (l *Login) hasBreach() bool {
	return !l.TimeOfLastBreach.IsZero() || !l.TimeLastBreachAlertDismissed.IsZero()
}

// forgetBreaches takes the breaches out of those of the logins that are still here.
func forgetBreaches(tx *mirror.Tx[Login], ids []engine.ID) (changed int, err error) {
	for _, id := range ids {
		l, err := tx.Get(id)
		if errors.Is(err, engine.ErrNotFound) || err == nil && !l.hasBreach() {
			continue
		}
		if err != nil {
			return 0, err
		}
		l.TimeOfLastBreach, l.TimeLastBreachAlertDismissed = time.Time{}, time.Time{}
		if err := tx.Update(&l); err != nil {
			return 0, err
		}
		changed++
	}
	return changed, nil
}
