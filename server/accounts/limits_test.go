package accounts_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts"
)

// from makes requests come from an address.
func (w *env) wrongFrom(address string, n int) answer {
	w.t.Helper()
	w.from = address
	var last answer
	for range n {
		last = w.signIn(email, "wrong")
	}
	return last
}

// Ten wrong passwords from one address do not lock out other addresses, and very many from
// everywhere do not lock the owner out of a network that they used before.
func TestOwnerIsNotLockedOut(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	const home, other = "192.0.2.1:1", "192.0.2.2:1"
	w.from = home
	w.signUp(email)
	w.signIn(email, password).ok() // and the home network is known
	w.wrongFrom("198.51.100.1:1", 11).refused(429, 114)
	w.from = other
	w.signIn(email, password).ok() // and this too
	for i := range 9 {
		w.wrongFrom(fmt.Sprintf("203.0.113.%d:1", i), 10).refused(400, 103)
	}
	w.wrongFrom("203.0.113.77:1", 1).refused(429, 114) // that makes a hundred
	for _, known := range []string{home, other} {
		w.from = known
		w.signIn(email, password).ok()
	}
	w.wrongFrom(home, 10).refused(400, 103)
	w.signIn(email, password).refused(429, 114) // but tries are limited there as well
	w.clock.Pass(15 * time.Minute)
	w.signIn(email, password).ok()
}

// The counters of an account are in the database: neither a restart nor a flood of other
// addresses resets them.
func TestCountersCannotBeFlushed(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *accounts.Config) { c.Limits.PerAccount = 3 })
	w.signUp(email)
	w.wrongFrom("192.0.2.9:1", 4).refused(429, 114)
	w.open(func(c *accounts.Config) { c.Limits.PerAccount = 3 })
	w.signIn(email, password).refused(429, 114)

	// Nor do they reveal an address without an account.
	for range 3 {
		w.signIn("nobody@example.org", "wrong").refused(400, 103)
	}
	w.signIn("nobody@example.org", "wrong").refused(429, 114)
}

// An IPv6 site does not get one try for each of its networks.
func TestLimitsBySite(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *accounts.Config) { c.Limits.PerAddress = 1 })
	for i := range 10 {
		w.from = fmt.Sprintf("[2001:db8:1:%x::1]:1", i)
		w.signIn(email, "x").refused(400, 103)
	}
	w.from = "[2001:db8:1:ff::1]:1"
	w.signIn(email, "x").refused(429, 114)
	w.from = "[2001:db8:2:ff::1]:1"
	w.signIn(email, "x").refused(400, 103)
}

// An operator lifts a lock-out.
func TestUnlock(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	uid := w.get("/auth/v1/session/status", w.session(w.signUp(email))).text("uid")
	w.wrongFrom("192.0.2.1:1", 11).refused(429, 114)
	if err := w.Unlock(t.Context(), uid); err != nil {
		t.Fatal(err)
	}
	w.signIn(email, password).ok()
	if err := w.Unlock(t.Context(), "00"); !errors.Is(err, accounts.ErrNoUser) {
		t.Errorf("of nobody: %v", err)
	}
}
