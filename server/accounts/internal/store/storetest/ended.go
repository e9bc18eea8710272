package storetest

import (
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// ended tests that each way in which a session or a refresh token ends is listed, by the time at which it was listed first.
func ended(e *env) {
	list := func(now, since int64) string {
		e.Helper()
		return fmt.Sprint(must(e.Ended(e.Context(), now, since)))
	}
	e.equal("before anything", list(1, 0), "[]")
	now := int64(10)
	for _, way := range []struct {
		name string
		end  func(tx store.Tx) error
	}{
		{"a session", func(tx store.Tx) error { return failure(tx.RemoveToken("a", []byte("s1"))) }},
		{"an idle session", func(tx store.Tx) error { return failure(tx.RemoveIdleTokens("a", store.Session, nil, 900, 1)) }},
		{"a refresh token", func(tx store.Tx) error { return tx.RemoveRefreshToken("a", []byte("f1")) }},
		{"an idle refresh token", func(tx store.Tx) error { return failure(tx.RemoveIdleRefreshTokens("a", nil, 900, 1)) }},
		{"a grant", func(tx store.Tx) error { return tx.RemoveGrant("a", []byte("g")) }},
		{"all tokens", func(tx store.Tx) error { return tx.RemoveTokens("a") }},
		{"the account", func(tx store.Tx) error { return tx.RemoveAccount("a") }},
	} {
		if now == 10 {
			e.account("a")
		}
		if way.name != "the account" {
			e.session("a", "s1", 1)
			e.refresh("a", "f1", 1, nil, []byte("g"))
		}
		e.change(way.end)
		e.equal(way.name, list(now, 0), fmt.Sprintf("[{a %d}]", now))
		e.equal(way.name+", listed again", list(now+1, now-1), fmt.Sprintf("[{a %d}]", now))
		e.equal(way.name+", seen before", list(now+2, now), "[]")
		if way.name != "the account" {
			e.change(func(tx store.Tx) error { return tx.RemoveTokens("a") })
		}
		now += 10
	}
	// What was not there, and tokens for one purpose, end nothing.
	e.account("b")
	e.session("b", "k1", 1)
	e.change(func(tx store.Tx) error {
		return errors.Join(failure(tx.RemoveToken("b", []byte("x"))), tx.RemoveRefreshToken("b", []byte("x")),
			failure(tx.RemoveIdleTokens("b", store.KeyFetch, nil, 900, 9)))
	})
	e.equal("after nothing ended", list(now, now-1), "[]")

	// A purge forgets what was listed, and the next one what no one asked for.
	e.change(func(tx store.Tx) error { return failure(tx.RemoveToken("b", []byte("k1"))) })
	purge := func(now, before int64) {
		e.Helper()
		if err := e.Purge(e.Context(), store.Expiry{Now: now, Ended: before, Tries: 100}); err != nil {
			e.Fatal(err)
		}
	}
	purge(100, 90)
	e.equal("after a purge", list(200, 0), "[{b 100}]")
	purge(300, 200)
	e.equal("after the next one", list(300, 0), "[]")
}
