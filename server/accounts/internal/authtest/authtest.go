// Package authtest provides an account and its owner's requests, for tests of the accounts
// server.
package authtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store/sqlstore"
	"github.com/syncmanager/syncmanager/server/accounts/internal/tries"
	"github.com/syncmanager/syncmanager/server/publicname"
)

// What the account is.
const (
	UID   = "0123456789abcdef0123456789abcdef"
	Email = "Ann@example.org"
	Key   = "ann@example.org"
)

// PerAccount is how many tries the account allows.
const PerAccount = 3

// Env is a database with one confirmed account that has a session.
type Env struct {
	DB    store.Store
	Auth  *auth.Authenticator
	Tries *tries.Counter
	URLs  publicname.Names
	// Session is the hash of the account's session.
	Session []byte

	t       testing.TB
	now     func() time.Time
	session string
}

// New returns an Env that lives until the test ends.
func New(t testing.TB, now func() time.Time) *Env {
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
	e := &Env{
		t: t, now: now, DB: db,
		URLs: publicname.Names{&url.URL{Scheme: "https", Host: "sync.example.org"}},
		Tries: &tries.Counter{
			DB: db, Limits: tries.Limits{Window: time.Hour, PerAccount: PerAccount, PerAddress: 1000}, Now: now, Log: slog.New(slog.DiscardHandler),
		},
	}
	e.Auth = &auth.Authenticator{
		DB: db, Keys: oauth.NewKeyring(db, now, rand.Reader), Tries: e.Tries, URLs: e.URLs, Now: now, Rand: rand.Reader, Window: time.Hour,
		Signatures: &hawk.Window{},
	}
	e.Update(func(tx store.Tx) error {
		_, err := tx.AddAccount(&store.Account{
			UID: UID, Email: Email, Key: Key, Confirmed: true, Generation: 1, Salt: []byte{1}, KA: []byte{1},
			V1: store.Password{Hash: []byte{1}, WrapWrapKB: []byte{1}},
		})
		return err
	})
	e.Update(func(tx store.Tx) (err error) {
		e.session, e.Session, err = e.Auth.Issue(tx, auth.NewToken{Kind: store.Session, UID: UID})
		return err
	})
	return e
}

// Update changes the database.
func (e *Env) Update(f func(store.Tx) error) {
	e.t.Helper()
	if err := e.DB.Update(context.WithoutCancel(e.t.Context()), UID, f); err != nil {
		e.t.Fatal(err)
	}
}

// Account reads the account.
func (e *Env) Account() *store.Account {
	e.t.Helper()
	a, err := e.DB.Read(e.t.Context()).Account(UID)
	if err != nil {
		e.t.Fatal(err)
	}
	return a
}

// NewPassword makes the account one with another password, and leaves its tokens where they are.
func (e *Env) NewPassword() {
	e.t.Helper()
	a := e.Account()
	a.Generation++
	e.Update(func(tx store.Tx) error { return tx.SetPassword(a) })
}

// ShowPassword notes that the session showed the password just now.
func (e *Env) ShowPassword() {
	e.t.Helper()
	e.Update(func(tx store.Tx) error { return tx.SetPasswordShown(UID, e.Session, e.now().UnixMilli()) })
}

// Request returns a request without authorization, with a JSON body.
func (e *Env) Request(body string) *api.Request {
	r := httptest.NewRequestWithContext(e.t.Context(), "POST", "/", strings.NewReader(body))
	return &api.Request{Request: r, Body: []byte(body)}
}

// BySession returns a request of the account's session.
func (e *Env) BySession(body string) *api.Request {
	e.t.Helper()
	return e.By(e.session, body)
}

// By returns a request of a session that [auth.Authenticator.Issue] gave.
func (e *Env) By(session, body string) *api.Request {
	e.t.Helper()
	raw, err := hex.DecodeString(session)
	if err != nil {
		e.t.Fatal(err)
	}
	r := e.Request(body)
	r.Header.Set("Authorization", "Bearer fxs_"+onepw.SessionToken(raw).ID)
	return r
}

// ByAccess returns a request with an access token of the account.
func (e *Env) ByAccess(scope, body string) *api.Request {
	e.t.Helper()
	text, err := e.Auth.Keys.Sign(e.t.Context(), oauth.TypeAccess, oauth.AccessClaims{
		Claims: jwt.Claims{
			Issuer: e.URLs.Canonical().String(), Subject: UID, ID: "id",
			IssuedAt: jwt.NewNumericDate(e.now()), Expiry: jwt.NewNumericDate(e.now().Add(time.Hour)),
		},
		Scope: scope, Generation: 1,
	})
	if err != nil {
		e.t.Fatal(err)
	}
	r := e.Request(body)
	r.Header.Set("Authorization", "Bearer "+text)
	return r
}

// Refused returns the parameter that an error names, or its message if it names none; "" if
// there is no error.
func Refused(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatal(err)
	}
	if v := f.Body().Validation; v != nil {
		return v.Keys[0]
	}
	if f.Body().Param != "" {
		return f.Body().Param
	}
	return f.Message
}
