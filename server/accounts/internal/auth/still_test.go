package auth

import (
	"crypto/rand"
	"errors"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store/sqlstore"
	"github.com/syncmanager/syncmanager/server/publicname"
)

// env is an Authenticator on a store with one account, "alice", which has a session, and a
// refresh token that came from it.
type env struct {
	*Authenticator
	t                *testing.T
	session, refresh []byte // hashes
	refreshText      string
}

func newEnv(t *testing.T) *env {
	t.Helper()
	db, err := sqlstore.OpenFile(t.Context(), filepath.Join(t.TempDir(), "accounts.sqlite"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.Unix(1_795_372_558, 0)
	e := &env{t: t, Authenticator: &Authenticator{
		DB: db, URLs: publicname.Names{&url.URL{Scheme: "https", Host: "sync.example.org"}},
		Now: func() time.Time { return now }, Rand: rand.Reader, Window: time.Hour,
	}}
	e.change(func(tx store.Tx) error {
		_, err := tx.AddAccount(&store.Account{UID: "alice", Email: "a@example.org", Key: "a@example.org", Confirmed: true, Generation: 1,
			Salt: []byte{1}, KA: []byte{1}, V1: store.Password{Hash: []byte{1}, WrapWrapKB: []byte{1}}})
		return err
	})
	e.change(func(tx store.Tx) (err error) {
		if _, e.session, err = e.Issue(tx, NewToken{Kind: store.Session, UID: "alice"}); err != nil {
			return err
		}
		t := &store.RefreshToken{UID: "alice", ClientID: "client", Scope: "profile"}
		e.refreshText, err = e.IssueRefresh(tx, t)
		e.refresh = t.Hash
		return err
	})
	return e
}

func (e *env) change(f func(store.Tx) error) {
	e.t.Helper()
	if err := e.DB.Update(e.t.Context(), "", f); err != nil {
		e.t.Fatal(err)
	}
}

// account reads alice.
func (e *env) account() *store.Account {
	e.t.Helper()
	a, err := e.DB.Read(e.t.Context()).Account("alice")
	if err != nil {
		e.t.Fatal(err)
	}
	return a
}

// holders has all that can authorize a request of alice's, by name.
func (e *env) holders() map[string]Holder {
	e.t.Helper()
	token, err := e.DB.Read(e.t.Context()).Token(e.session)
	if err != nil {
		e.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(e.t.Context(), "GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+e.refreshText)
	caller, err := e.Caller(&api.Request{Request: r})
	if err != nil {
		e.t.Fatal(err)
	}
	return map[string]Holder{
		"a session":                         &Credential{token},
		"a client with a refresh token":     caller,
		"an access token of a session":      Owner{e.account(), BoundToSession(e.session)},
		"an access token of a client":       Owner{e.account(), BoundToRefresh(e.refresh)},
		"an access token bound to no other": Owner{e.account(), ""},
	}
}

// A holder that ended after it was read is refused in the transaction that acts on the request.
func TestStill(t *testing.T) {
	t.Parallel()
	everything := []string{"a session", "a client with a refresh token", "an access token of a session", "an access token of a client",
		"an access token bound to no other"}
	for name, c := range map[string]struct {
		change func(*env, store.Tx) error
		ended  []string
	}{
		"nothing": {func(*env, store.Tx) error { return nil }, nil},
		"a new password": {func(e *env, tx store.Tx) error {
			a, err := tx.Account("alice")
			if err != nil {
				return err
			}
			a.Generation++
			return tx.SetPassword(a)
		}, everything},
		"the end of the account": {func(_ *env, tx store.Tx) error { return tx.RemoveAccount("alice") }, everything},
		"the end of the session": {func(e *env, tx store.Tx) error {
			_, err := tx.RemoveToken("alice", e.session)
			return err
		}, []string{"a session", "an access token of a session"}},
		"the end of the refresh token": {func(e *env, tx store.Tx) error {
			return tx.RemoveRefreshToken("alice", e.refresh)
		}, []string{"a client with a refresh token", "an access token of a client"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			holders := e.holders()
			e.change(func(tx store.Tx) error { return c.change(e, tx) })
			ended := map[string]bool{}
			for _, who := range c.ended {
				ended[who] = true
			}
			for who, holder := range holders {
				acted := false
				err := e.UpdateBy(t.Context(), holder, func(store.Tx) error {
					acted = true
					return nil
				})
				if acted == ended[who] || ended[who] && !errors.Is(err, fault.ErrToken) || !ended[who] && err != nil {
					t.Errorf("%s: acted: %v, %v", who, acted, err)
				}
			}
		})
	}
}
