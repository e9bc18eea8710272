package storetest

import (
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

func tokens(e *env) {
	e.account("a")
	e.account("b")
	_, err := e.read().Token([]byte("s1"))
	e.missing("a token", err)
	e.change(func(tx store.Tx) error {
		return errors.Join(
			tx.AddToken(&store.Token{Hash: []byte("s1"), Kind: store.Session, UID: "a", SealedKey: []byte{1}, CreatedAt: 1, UserAgent: "x", Grant: []byte("g"), SecondAt: 5}),
			tx.AddToken(&store.Token{Hash: []byte("k"), Kind: store.KeyFetch, UID: "a", SealedKey: []byte{1}, Bundle: []byte{2}, Session: []byte("s1"), Verified: true, CreatedAt: 1}),
		)
	})
	want := store.Token{
		Hash: []byte("s1"), Kind: store.Session, UID: "a", SealedKey: []byte{1}, CreatedAt: 1, UsedAt: 1, UserAgent: "x", Grant: []byte("g"),
		SecondAt: 5, Generation: 100, Confirmed: true,
	}
	e.equal("a session", *must(e.read().Token([]byte("s1"))), want)
	e.equal("a key fetch token of a session that waits", must(e.read().Token([]byte("k"))).Verified, false)
	e.change(func(tx store.Tx) error {
		return errors.Join(tx.TouchToken("a", want.Hash, 9, "y"), tx.TouchToken("b", want.Hash, 10, "z"),
			tx.SetPasswordShown("a", want.Hash, 7), tx.SetPasswordShown("b", want.Hash, 17), tx.SetSecondStepShown("a", want.Hash, 8))
	})
	want.UsedAt, want.UserAgent, want.PasswordAt, want.SecondAt, want.Verified, want.SecondStep = 9, "y", 7, 8, true, true
	e.equal("the session, used and shown", *must(e.read().Token([]byte("s1"))), want)
	e.equal("its key fetch token", must(e.read().Token([]byte("k"))).Verified, true)

	for i := range 4 {
		e.session("a", fmt.Sprint("i", i), int64(20-i))
	}
	e.equal("the number of sessions", must(e.read().CountTokens("a", store.Session)), 5)
	e.change(func(tx store.Tx) error {
		e.equal("removing idle ones", must(tx.RemoveIdleTokens("a", store.Session, []byte("i3"), 19, 2)), 2) // s1 and i2
		e.equal("removing more", must(tx.RemoveIdleTokens("a", store.Session, []byte("i3"), 18, 9)), 0)
		e.equal("removing a token of another", must(tx.RemoveToken("b", []byte("i0"))), false)
		e.equal("removing a token", must(tx.RemoveToken("a", []byte("i0"))), true)
		return nil
	})
	for hash, there := range map[string]bool{"s1": false, "k": false, "i0": false, "i1": true, "i2": false, "i3": true} {
		if _, err := e.read().Token([]byte(hash)); there != (err == nil) {
			e.Errorf("%s is there: %v", hash, err)
		}
	}
	e.change(func(tx store.Tx) error { return tx.RemoveTokens("a") })
	e.equal("the number of sessions", must(e.read().CountTokens("a", store.Session)), 0)
}

func refreshTokens(e *env) {
	e.account("a")
	e.session("a", "s", 1)
	_, err := e.read().RefreshToken([]byte("f"))
	e.missing("a refresh token", err)
	e.refresh("a", "f", 3, []byte("s"), []byte("g"))
	want := store.RefreshToken{
		Hash: []byte("f"), UID: "a", ClientID: "client", Scope: "scope", Session: []byte("s"), Grant: []byte("g"), CreatedAt: 3, UsedAt: 3, Generation: 100,
	}
	e.equal("the token", *must(e.read().RefreshToken([]byte("f"))), want)
	e.change(func(tx store.Tx) error { return tx.TouchRefreshToken("a", []byte("f"), 5) })
	e.equal("its use", must(e.read().RefreshToken([]byte("f"))).UsedAt, int64(5))
	e.refresh("a", "f1", 1, nil, nil)
	e.refresh("a", "f2", 2, nil, nil)
	e.equal("the number of them", must(e.read().CountRefreshTokens("a")), 3)
	e.change(func(tx store.Tx) error {
		e.equal("removing idle ones", must(tx.RemoveIdleRefreshTokens("a", []byte("f1"), 4, 9)), 1)
		return nil
	})
	e.change(func(tx store.Tx) error {
		return errors.Join(tx.RemoveRefreshToken("b", []byte("f1")), failure(tx.RemoveToken("a", []byte("s"))))
	})
	_, err = e.read().RefreshToken([]byte("f"))
	e.missing("the token of a session that ended", err)
	e.equal("the number of them", must(e.read().CountRefreshTokens("a")), 1)
	e.change(func(tx store.Tx) error { return tx.RemoveRefreshToken("a", []byte("f1")) })
	e.equal("the number of them", must(e.read().CountRefreshTokens("a")), 0)

	e.change(func(tx store.Tx) error { return errors.Join(tx.Revoke("a", "jti", 9), tx.Revoke("a", "jti", 9)) })
	e.equal("revoked", must(e.read().Revoked("a", "jti")), true)
	e.equal("revoked, another", must(e.read().Revoked("a", "other")), false)
}

func grants(e *env) {
	e.account("a")
	e.session("a", "other", 1)
	e.change(func(tx store.Tx) error {
		return tx.AddToken(&store.Token{Hash: []byte("s"), Kind: store.Session, UID: "a", SealedKey: []byte{1}, CreatedAt: 1, Grant: []byte("g")})
	})
	e.refresh("a", "f", 1, nil, []byte("g"))
	e.refresh("a", "other", 1, nil, nil)
	e.equal("it has a refresh token", must(e.read().GrantHasRefreshToken("a", []byte("g"))), true)
	e.equal("another has none", must(e.read().GrantHasRefreshToken("a", []byte("h"))), false)
	e.change(func(tx store.Tx) error {
		return errors.Join(tx.RemoveGrant("b", []byte("g")), tx.RemoveGrant("a", []byte("h")))
	})
	e.equal("it has a refresh token", must(e.read().GrantHasRefreshToken("a", []byte("g"))), true)
	e.change(func(tx store.Tx) error { return tx.RemoveGrant("a", []byte("g")) })
	e.equal("what is left", []int{must(e.read().CountTokens("a", store.Session)), must(e.read().CountRefreshTokens("a"))}, []int{1, 1})
}

// A signature is used once while it is noted, by each account.
func signatures(e *env) {
	use := func(uid, hash string, endsAt, now int64) (fresh bool) {
		e.change(func(tx store.Tx) (err error) {
			fresh, err = tx.UseSignature(uid, []byte(hash), endsAt, now)
			return err
		})
		return fresh
	}
	e.equal("used", []bool{
		use("a", "1", 90, 50), use("a", "1", 95, 51), use("b", "1", 90, 50), use("a", "2", 80, 50),
		use("a", "1", 200, 90), use("a", "1", 200, 91), use("b", "1", 200, 89),
	}, []bool{true, false, true, true, true, false, false})
	if err := e.Purge(e.Context(), store.Expiry{Now: 90}); err != nil {
		e.Error(err)
	}
	e.equal("used after a purge", []bool{use("b", "1", 200, 0), use("a", "1", 200, 0)}, []bool{true, false})
}

func codes(e *env) {
	e.account("a")
	e.session("a", "s", 1)
	take := func(hash string) (c *store.Code, err error) {
		err = e.Update(e.Context(), "", func(tx store.Tx) error { c, err = tx.TakeCode([]byte(hash)); return err })
		return c, err
	}
	want := store.Code{
		UID: "a", ClientID: "c", Scope: "x", Challenge: "y", Offline: true, KeysJWE: "j", Nonce: "n", AuthAt: 1, Session: []byte("s"), ExpiresAt: 9,
	}
	for i := range 4 {
		c := want
		c.Hash = fmt.Append(nil, i)
		e.change(func(tx store.Tx) error { return tx.AddCode(&c, 3) })
	}
	_, err := take("0")
	e.missing("a code too many", err)
	want.Hash, want.Generation = []byte("3"), 100
	e.equal("the last one", *must(take("3")), want)
	_, err = take("3")
	e.missing("a code that was taken", err)
	e.change(func(tx store.Tx) error { return failure(tx.RemoveToken("a", []byte("s"))) })
	_, err = take("2")
	e.missing("a code of a session that ended", err)
}
