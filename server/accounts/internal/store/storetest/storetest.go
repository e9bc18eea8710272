// Package storetest tests a [store.Store] against the promises of that interface.
package storetest

import (
	"context"
	"errors"
	"reflect"
	"runtime/debug"
	"testing"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// Run tests the stores that open makes, each of them empty.
func Run(t *testing.T, open func(*testing.T) store.Store) {
	for name, test := range map[string]func(*env){
		"transactions":   transactions,
		"accounts":       accounts,
		"confirmations":  confirmations,
		"invitations":    invitations,
		"avatars":        avatars,
		"tokens":         tokens,
		"ended":          ended,
		"refresh tokens": refreshTokens,
		"grants":         grants,
		"codes":          codes,
		"signatures":     signatures,
		"devices":        devices,
		"commands":       commands,
		"clients":        clients,
		"second step":    secondStep,
		"recovery":       recovery,
		"notices":        notices,
		"tries":          tries,
		"networks":       networks,
		"keys":           keys,
		"isolation":      isolation,
		"removal":        removal,
		"purge":          purge,
		"operators":      operators,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if p := recover(); p != nil { // of must
					t.Fatalf("%v\n%s", p, debug.Stack())
				}
			}()
			test(&env{t, open(t)})
		})
	}
}

// env is an empty store.
type env struct {
	*testing.T
	store.Store
}

// change runs f in a transaction, which must succeed.
func (e *env) change(f func(store.Tx) error) {
	e.Helper()
	if err := e.Update(e.Context(), "", f); err != nil {
		e.Fatal(err)
	}
}

// must panics with an error, which fails the test; see Run.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// failure is the error of a call whose result does not matter.
func failure[T any](_ T, err error) error { return err }

func (e *env) read() store.Reader { return e.Read(e.Context()) }

// missing checks that something is not there.
func (e *env) missing(what string, err error) {
	e.Helper()
	if !errors.Is(err, store.ErrNotFound) {
		e.Errorf("%s: %v, want ErrNotFound", what, err)
	}
}

func (e *env) equal(what string, got, want any) {
	e.Helper()
	if !reflect.DeepEqual(got, want) {
		e.Errorf("%s: %+v, want %+v", what, got, want)
	}
}

// account adds a confirmed account, made at 100.
func (e *env) account(uid string) *store.Account {
	e.Helper()
	a := &store.Account{
		UID: uid, Email: uid + "@Example.org", Key: uid + "@example.org", Generation: 100, KeysChangedAt: 100,
		Salt: []byte{1}, Cost: 4, V1: store.Password{Hash: []byte{2}, WrapWrapKB: []byte{3}}, KA: []byte{4},
		ProfileAt: 100, CreatedAt: 100, Confirmed: true,
	}
	e.change(func(tx store.Tx) error {
		added, err := tx.AddAccount(a)
		if err == nil && !added {
			err = errors.New("it is there already")
		}
		return err
	})
	return a
}

// session adds a verified session.
func (e *env) session(uid, hash string, at int64) {
	e.Helper()
	e.change(func(tx store.Tx) error {
		return tx.AddToken(&store.Token{Hash: []byte(hash), Kind: store.Session, UID: uid, SealedKey: []byte{1}, Verified: true, CreatedAt: at})
	})
}

func (e *env) refresh(uid, hash string, at int64, session, grant []byte) {
	e.Helper()
	e.change(func(tx store.Tx) error {
		return tx.AddRefreshToken(&store.RefreshToken{
			Hash: []byte(hash), UID: uid, ClientID: "client", Scope: "scope", Session: session, Grant: grant, CreatedAt: at,
		})
	})
}

func (e *env) device(uid, id string, session, refresh []byte) {
	e.Helper()
	e.change(func(tx store.Tx) error {
		return tx.AddDevice(&store.Device{ID: id, UID: uid, Session: session, Refresh: refresh, Name: id, Type: "desktop", Commands: "{}", CreatedAt: 100})
	})
}

// An error rolls back, and a change is read by the transaction that makes it.
func transactions(e *env) {
	e.account("a")
	failed := errors.New("no")
	err := e.Update(e.Context(), "", func(tx store.Tx) error {
		if err := tx.SetDisplayName("a", "x"); err != nil {
			return err
		}
		e.equal("the name within", must(tx.Account("a")).DisplayName, "x")
		return failed
	})
	if !errors.Is(err, failed) {
		e.Errorf("Update: %v, want the function's error", err)
	}
	e.equal("the name after a failure", must(e.read().Account("a")).DisplayName, "")
	if err := e.UpdateSoon(e.Context(), func(tx store.Tx) error { return tx.SetDisplayName("a", "y") }); err != nil {
		e.Fatal(err)
	}
	err = e.View(e.Context(), func(r store.Reader) error {
		e.equal("the name", must(r.Account("a")).DisplayName, "y")
		e.change(func(tx store.Tx) error { return tx.SetDisplayName("a", "z") })
		e.equal("the name in a view that began before", must(r.Account("a")).DisplayName, "y")
		return nil
	})
	if err != nil {
		e.Error(err)
	}
	ended, cancel := context.WithCancel(e.Context())
	cancel()
	if err := e.Update(ended, "", func(store.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		e.Errorf("with a context that ended: %v", err)
	}
	if err := e.Ping(e.Context()); err != nil {
		e.Error(err)
	}
}
