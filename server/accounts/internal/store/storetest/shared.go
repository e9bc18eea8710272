package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// RunShared tests a database that two servers have open at once: what writers at both do at the
// same time has one of the results that it would have one after the other.
func RunShared(t *testing.T, open func(*testing.T) [2]store.Store) {
	for name, test := range map[string]func(*shared){
		"counts":          sharedCounts,
		"addresses":       sharedAddresses,
		"codes":           sharedCodes,
		"invitations":     sharedInvitations,
		"commands":        sharedCommands,
		"tries":           sharedTries,
		"keys":            sharedKeys,
		"removal":         sharedRemoval,
		"another account": anotherAccount,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both := open(t)
			test(&shared{env{t, both[0]}, both})
		})
	}
}

// shared is an empty database, open at two servers.
type shared struct {
	env
	both [2]store.Store
}

// writers is how many write at once, half of them at each server.
const writers = 8

// race runs f for each writer, all at once.
func (s *shared) race(f func(i int, db store.Store)) {
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() { f(i, s.both[i%2]) })
	}
	all.Wait()
}

// update runs f in a transaction about an account, which must succeed.
func (s *shared) update(db store.Store, account string, f func(store.Tx) error) {
	s.Helper()
	if err := db.Update(s.Context(), account, f); err != nil {
		s.Error(err)
	}
}

// won counts the writers for which the last run of f reports true.
func (s *shared) won(f func(i int, tx store.Tx) (bool, error)) (n int) {
	s.Helper()
	got := make([]bool, writers)
	s.race(func(i int, db store.Store) {
		s.update(db, "", func(tx store.Tx) (err error) {
			got[i], err = f(i, tx)
			return err
		})
	})
	for _, won := range got {
		if won {
			n++
		}
	}
	return n
}

// What an Update reads of its account does not change before its commit, whether the account is
// named by its uid or its key.
func sharedCounts(s *shared) {
	a := s.account("a")
	const each = 5
	s.race(func(i int, db store.Store) {
		for range each {
			s.update(db, []string{a.UID, a.Key}[i/2%2], func(tx store.Tx) error {
				now, err := tx.Account("a")
				if err != nil {
					return err
				}
				n, _ := strconv.Atoi(now.DisplayName)
				return tx.SetDisplayName("a", strconv.Itoa(n+1))
			})
		}
	})
	s.equal("the count", must(s.read().Account("a")).DisplayName, fmt.Sprint(writers*each))
}

// One of those who sign up with an address at once gets it.
func sharedAddresses(s *shared) {
	a := *s.account("a")
	s.equal("accounts with one address", s.won(func(i int, tx store.Tx) (bool, error) {
		other := a
		other.UID, other.Key = fmt.Sprint("new", i), "new"
		return tx.AddAccount(&other)
	}), 1)
	s.equal("accounts", len(must(s.read().Users())), 2)
}

// One of those who show a code at once gets what it is for.
func sharedCodes(s *shared) {
	s.account("a")
	s.session("a", "s", 1)
	s.change(func(tx store.Tx) error {
		return errors.Join(tx.AddCode(&store.Code{Hash: []byte("c"), UID: "a", Session: []byte("s"), ExpiresAt: 99}, 9), tx.ReplaceBackupCodes("a", [][]byte{{1}}))
	})
	s.equal("codes taken", s.won(func(_ int, tx store.Tx) (bool, error) { return store.Found(failure(tx.TakeCode([]byte("c")))) }), 1)
	s.equal("backup codes used", s.won(func(_ int, tx store.Tx) (bool, error) { return tx.UseBackupCode("a", []byte{1}) }), 1)
	s.equal("signatures used", s.won(func(_ int, tx store.Tx) (bool, error) { return tx.UseSignature("a", []byte{1}, 99, 1) }), 1)
	s.equal("tokens removed", s.won(func(_ int, tx store.Tx) (bool, error) { return tx.RemoveToken("a", []byte("s")) }), 1)
}

func sharedInvitations(s *shared) {
	s.account("a")
	s.change(func(tx store.Tx) error { return tx.AddInvitation(store.Invitation{Hash: []byte{1}, ExpiresAt: 99}) })
	s.equal("invitations used", s.won(func(_ int, tx store.Tx) (bool, error) { return tx.UseInvitation([]byte{1}, "a", 1) }), 1)
}

// No index of a command is given twice.
func sharedCommands(s *shared) {
	s.account("a")
	s.session("a", "s", 1)
	s.device("a", "d", []byte("s"), nil)
	index := make([]int64, writers)
	s.race(func(i int, db store.Store) {
		s.update(db, "a", func(tx store.Tx) (err error) {
			index[i], err = tx.AddCommand("a", "d", store.Command{Payload: "{}", ExpiresAt: 99}, 5, 9)
			return err
		})
	})
	slices.Sort(index)
	s.equal("indexes", len(slices.Compact(index)), writers)
	s.equal("the bound", len(must(s.read().Commands("a", "d", 0, 1, 99))), 5)
}

// Each try is counted, also if it is the first.
func sharedTries(s *shared) {
	s.race(func(_ int, db store.Store) {
		if err := db.UpdateSoon(s.Context(), func(tx store.Tx) error {
			return errors.Join(tx.ForgetEndedTries(1), countTry(tx, []byte("x"), "", 99, 1), countTry(tx, []byte("x"), "net", 99, 1))
		}); err != nil {
			s.Error(err)
		}
	})
	for _, network := range []string{"", "net"} {
		if n, _, err := s.read().Tries([]byte("x"), network, 1); err != nil || n != writers {
			s.Errorf("%d tries from %q are counted, %v", n, network, err)
		}
	}
}

// Servers that make a secret or a signing key at once agree on one.
func sharedKeys(s *shared) {
	s.race(func(i int, db store.Store) {
		s.update(db, "", func(tx store.Tx) error { return tx.AddSecret("x", []byte{byte(i)}) })
	})
	must(s.read().Secret("x"))
	add := func(before string) int {
		return s.won(func(i int, tx store.Tx) (bool, error) {
			return tx.AddSigningKey(store.SigningKey{KID: fmt.Sprint(before, "+", i), Private: []byte{1}}, before)
		})
	}
	s.equal("first keys", add(""), 1)
	s.equal("next keys", add(must(s.read().CurrentSigningKey()).KID), 1)
	s.equal("keys", len(must(s.read().SigningKeys())), 2)
}

// What is added to an account while it is removed is refused, or goes with it.
func sharedRemoval(s *shared) {
	s.populate("a")
	s.race(func(i int, db store.Store) {
		s.update(db, "a", func(tx store.Tx) error {
			if i == 3 {
				return tx.RemoveAccount("a")
			}
			if there, err := store.Found(failure(tx.Account("a"))); !there {
				return err
			}
			return tx.SetNotice("a", store.Notice{Kind: fmt.Sprint(i), At: 1})
		})
	})
	s.equal("notices of an account that is gone", len(must(s.read().Notices("a"))), 0)
}

// No account waits for another.
func anotherAccount(s *shared) {
	s.account("a")
	s.account("b")
	s.update(s.both[0], "a", func(tx store.Tx) error {
		s.update(s.both[1], "b", func(tx store.Tx) error { return tx.SetDisplayName("b", "x") })
		s.update(s.both[1], "", func(tx store.Tx) error { return tx.AddSecret("x", []byte{1}) })
		if err := s.both[1].Purge(s.Context(), store.Expiry{}); err != nil {
			s.Error(err)
		}
		return tx.SetDisplayName("a", "y")
	})
	s.equal("names", []string{must(s.read().Account("a")).DisplayName, must(s.read().Account("b")).DisplayName}, []string{"y", "x"})
}
