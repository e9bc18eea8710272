package storetest

import (
	"errors"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

func secondStep(e *env) {
	e.account("a")
	_, err := e.read().TOTP("a")
	e.missing("an app", err)
	e.change(func(tx store.Tx) error {
		return errors.Join(tx.SetTOTPSecret("a", []byte{1}), tx.SetTOTPSecret("a", []byte{2}))
	})
	e.equal("the app", must(e.read().TOTP("a")), store.TOTP{Secret: []byte{2}})
	e.change(func(tx store.Tx) error {
		return errors.Join(tx.UseTOTP("a", 7), tx.ReplaceBackupCodes("a", [][]byte{{1}, {2}}), tx.ReplaceBackupCodes("a", [][]byte{{2}, {3}}))
	})
	e.equal("the app, used", must(e.read().TOTP("a")), store.TOTP{Secret: []byte{2}, Enabled: true, UsedStep: 7})
	e.change(func(tx store.Tx) error {
		e.equal("an old code", must(tx.UseBackupCode("a", []byte{1})), false)
		e.equal("another's code", must(tx.UseBackupCode("b", []byte{2})), false)
		e.equal("a code", must(tx.UseBackupCode("a", []byte{2})), true)
		e.equal("a code again", must(tx.UseBackupCode("a", []byte{2})), false)
		return nil
	})
	e.equal("codes", must(e.read().CountBackupCodes("a")), 1)
	e.change(func(tx store.Tx) error { return tx.RemoveSecondStep("a") })
	_, err = e.read().TOTP("a")
	e.missing("an app", err)
	e.equal("codes", must(e.read().CountBackupCodes("a")), 0)
}

func recovery(e *env) {
	a := e.account("a")
	_, err := e.read().RecoveryKey(a.Key)
	e.missing("a key", err)
	e.change(func(tx store.Tx) error {
		e.equal("setting it", must(tx.SetRecoveryKey("a", store.RecoveryKey{Hash: []byte{1}, Data: "x"}, false)), true)
		e.equal("setting another", must(tx.SetRecoveryKey("a", store.RecoveryKey{Hash: []byte{2}, Data: "y"}, false)), false)
		return nil
	})
	e.equal("the key", must(e.read().RecoveryKey(a.Key)), store.RecoveryKey{Hash: []byte{1}, Data: "x", UID: "a", Email: a.Email})
	e.equal("there is one", must(e.read().HasRecoveryKey("a")), true)
	e.change(func(tx store.Tx) error {
		e.equal("replacing it", must(tx.SetRecoveryKey("a", store.RecoveryKey{Hash: []byte{2}, Data: "y"}, true)), true)
		return nil
	})
	e.equal("the key", must(e.read().RecoveryKey(a.Key)).Data, "y")
	e.change(func(tx store.Tx) error {
		e.equal("removing it", must(tx.RemoveRecoveryKey("a")), true)
		e.equal("removing it again", must(tx.RemoveRecoveryKey("a")), false)
		return nil
	})
	e.equal("there is one", must(e.read().HasRecoveryKey("a")), false)
}

func notices(e *env) {
	e.account("a")
	e.account("b")
	e.change(func(tx store.Tx) error {
		return errors.Join(tx.SetNotice("a", store.Notice{Kind: "x", At: 5}), tx.SetNotice("a", store.Notice{Kind: "y", At: 6}),
			tx.SetNotice("a", store.Notice{Kind: "x", At: 7}), tx.SetNotice("b", store.Notice{Kind: "x", At: 1}))
	})
	e.equal("notices", must(e.read().Notices("a")), []store.Notice{{Kind: "x", At: 7}, {Kind: "y", At: 6}})
	e.change(func(tx store.Tx) error {
		return errors.Join(tx.RemoveNotice("a", store.Notice{Kind: "x", At: 5}), tx.RemoveNotice("a", store.Notice{Kind: "y", At: 6}))
	})
	e.equal("a notice that came later", must(e.read().Notices("a")), []store.Notice{{Kind: "x", At: 7}})
	e.equal("another's", must(e.read().Notices("b")), []store.Notice{{Kind: "x", At: 1}})
}

func tries(e *env) {
	what := []byte("what")
	count := func(network string) []int64 {
		n, ends, err := e.read().Tries(what, network, 50)
		if err != nil {
			e.Error(err)
		}
		return []int64{int64(n), ends}
	}
	e.equal("before", count("net"), []int64{0, 0})
	e.change(func(tx store.Tx) error {
		for i := range 2 {
			n, ends, err := tx.CountTry(what, "net", 90+9*int64(i), 40)
			if err != nil {
				return err
			}
			e.equal("counted", []int64{int64(n), ends}, []int64{int64(i) + 1, 90})
		}
		return errors.Join(countTry(tx, what, "", 90, 40), countTry(tx, what, "old", 50, 40))
	})
	e.equal("two", count("net"), []int64{2, 90})
	e.equal("in a window that ended", count("old"), []int64{0, 0})
	e.change(func(tx store.Tx) error {
		return errors.Join(tx.ReturnTry(what, "net"), countTry(tx, what, "old", 120, 60), tx.ForgetEndedTries(60))
	})
	e.equal("one taken back", count("net"), []int64{1, 90})
	e.equal("of all", count(""), []int64{0, 90})
	e.equal("in a new window", count("old"), []int64{1, 120})
	e.change(func(tx store.Tx) error { return tx.ForgetEndedTries(90) })
	e.equal("a window that ended is forgotten", count("net"), []int64{0, 0})
	e.change(func(tx store.Tx) error { return tx.ForgetTries(what) })
	e.equal("forgotten", count("old"), []int64{0, 0})
}

// countTry counts a try whose count does not matter.
func countTry(tx store.Tx, what []byte, network string, endsAt, now int64) error {
	_, _, err := tx.CountTry(what, network, endsAt, now)
	return err
}

func networks(e *env) {
	a := e.account("a")
	for i, network := range []string{"1", "2", "3", "2"} {
		e.change(func(tx store.Tx) error { return tx.KnowNetwork("a", network, int64(i), 2) })
	}
	for network, known := range map[string]bool{"1": false, "2": true, "3": true, "": false} {
		e.equal("by uid, "+network, must(e.read().KnowsNetwork("a", network)), known)
		e.equal("by key, "+network, must(e.read().KnowsNetwork(a.Key, network)), known)
		e.equal("another, "+network, must(e.read().KnowsNetwork("b", network)), false)
	}
}

func keys(e *env) {
	_, err := e.read().Secret("x")
	e.missing("a secret", err)
	e.change(func(tx store.Tx) error { return tx.AddSecret("x", []byte{1}) })
	e.change(func(tx store.Tx) error { return tx.AddSecret("x", []byte{2}) })
	e.equal("the secret", must(e.read().Secret("x")), []byte{1})
	_, err = e.read().CurrentSigningKey()
	e.missing("a key that signs", err)
	_, err = e.read().SigningKey("1")
	e.missing("a key", err)
	first, second := store.SigningKey{KID: "1", Private: []byte{1}, CreatedAt: 1}, store.SigningKey{KID: "2", Private: []byte{2}, CreatedAt: 2}
	add := func(k store.SigningKey, before string) (added bool) {
		e.change(func(tx store.Tx) (err error) {
			added, err = tx.AddSigningKey(k, before)
			return err
		})
		return added
	}
	e.equal("added after none", []bool{add(second, "1"), add(first, ""), add(second, "")}, []bool{false, true, false})
	e.equal("added after the first", []bool{add(second, "1"), add(store.SigningKey{KID: "3", Private: []byte{3}}, "1")}, []bool{true, false})
	e.equal("the key that signs", must(e.read().CurrentSigningKey()), second)
	e.equal("the one before", must(e.read().SigningKey("1")), first)
	e.equal("all", must(e.read().SigningKeys()), []string{"2", "1"})
}
