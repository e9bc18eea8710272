package storetest

import "github.com/syncmanager/syncmanager/server/accounts/internal/store"

func operators(e *env) {
	a := e.account("a")
	e.account("b")
	open := func(now, used int64) bool { return must(e.read().OperatorsOpen(now, used)) }
	e.equal("open without anyone", open(0, 0), false)
	e.change(func(tx store.Tx) error {
		e.equal("adding", must(tx.AddOperator("a", 5)), true)
		e.equal("adding again", must(tx.AddOperator("a", 6)), false)
		e.equal("adding nobody", must(tx.AddOperator("x", 6)), false)
		e.equal("removing another", must(tx.RemoveOperator("b")), false)
		return nil
	})
	e.equal("the list", must(e.read().Operators()), []store.Operator{{UID: "a", Email: a.Email, AddedAt: 5}})
	e.equal("open with an operator", open(0, 0), true)
	e.missing("another", failure(e.read().Operator("b")))

	// A code is good once, and until it ends.
	e.change(func(tx store.Tx) error {
		must(0, tx.AddOperatorCode([]byte("1"), "", 10))
		must(0, tx.AddOperatorCode([]byte("2"), "a", 10))
		e.missing("a code that ended", failure(tx.TakeOperatorCode([]byte("1"), 10)))
		e.equal("a code", must(tx.TakeOperatorCode([]byte("1"), 9)), "")
		e.missing("a code that was used", failure(tx.TakeOperatorCode([]byte("1"), 9)))
		e.equal("an operator's code", must(tx.TakeOperatorCode([]byte("2"), 9)), "a")
		return nil
	})

	// A session is sound while its account has a second step and the same password.
	e.change(func(tx store.Tx) error {
		must(0, tx.AddOperatorSession(&store.OperatorSession{Hash: []byte("s"), CreatedAt: 3}))
		return tx.AddOperatorSession(&store.OperatorSession{Hash: []byte("t"), UID: "a", CreatedAt: 3})
	})
	session := func(hash string) *store.OperatorSession { return must(e.read().OperatorSession([]byte(hash))) }
	e.equal("one of the command line", *session("s"), store.OperatorSession{Hash: []byte("s"), CreatedAt: 3, UsedAt: 3, Sound: true})
	e.equal("one without a second step", session("t").Sound, false)
	e.change(func(tx store.Tx) error {
		must(0, tx.SetTOTPSecret("a", []byte{1}))
		return tx.UseTOTP("a", 1)
	})
	e.equal("one of an operator", *session("t"), store.OperatorSession{Hash: []byte("t"), UID: "a", Email: a.Email, CreatedAt: 3, UsedAt: 3, Sound: true})
	e.equal("the operator's second step", must(e.read().Operator("a")).SecondStep, true)
	e.change(func(tx store.Tx) error {
		changed := *a
		changed.Generation++
		must(0, tx.HoldOperatorSession([]byte("t")))
		return tx.SetPassword(&changed)
	})
	e.equal("one with an old password", session("t").Sound, false)

	e.change(func(tx store.Tx) error {
		must(0, tx.TouchOperatorSession([]byte("s"), 20))
		return tx.ForgetOperatorSessions(0, 19, 2)
	})
	e.missing("one that was not used", failure(e.read().OperatorSession([]byte("t"))))
	e.equal("the time of its use", session("s").UsedAt, int64(20))
	e.change(func(tx store.Tx) error { return tx.ForgetOperatorSessions(0, 0, 3) })
	e.missing("one that is old", failure(e.read().OperatorSession([]byte("s"))))

	// What an operator has ends with it, and an operator with its account.
	e.change(func(tx store.Tx) error {
		for _, hash := range []string{"s", "t", "u"} {
			uid := map[string]string{"t": "a", "u": "a"}[hash]
			must(0, tx.AddOperatorSession(&store.OperatorSession{Hash: []byte(hash), UID: uid, CreatedAt: 3}))
		}
		must(0, tx.AddOperatorCode([]byte("3"), "a", 10))
		must(0, tx.RemoveOperatorSession([]byte("u")))
		e.equal("removing", must(tx.RemoveOperator("a")), true)
		e.missing("the code of one that was removed", failure(tx.TakeOperatorCode([]byte("3"), 1)))
		return nil
	})
	e.missing("the session of one that was removed", failure(e.read().OperatorSession([]byte("t"))))
	e.equal("open with a session", open(0, 2), true)
	e.equal("open with one that is too old", open(0, 3), false)
	e.change(func(tx store.Tx) error {
		must(tx.AddOperator("b", 1))
		must(0, tx.AddOperatorSession(&store.OperatorSession{Hash: []byte("v"), UID: "b", CreatedAt: 3}))
		must(0, tx.RemoveOperatorSessions("b"))
		e.missing("the session of one that was signed out", failure(tx.OperatorSession([]byte("v"))))
		e.equal("removing all", must(tx.RemoveAllOperatorSessions()), 1)
		return tx.RemoveAccount("b")
	})
	e.equal("operators without an account", len(must(e.read().Operators())), 0)
	e.equal("open at the end", open(0, 0), false)
}
