package oauth

import (
	"crypto/rand"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store/sqlstore"
)

// Servers on one database sign with the same key, also when one of them made a new one, and when
// the one before is gone.
func TestKeysOfTwoServers(t *testing.T) {
	t.Parallel()
	db, err := sqlstore.OpenFile(t.Context(), filepath.Join(t.TempDir(), "accounts.sqlite"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	now := time.Unix(1_700_000_000, 0)
	a, b := NewKeyring(db, func() time.Time { return now }, rand.Reader), NewKeyring(db, func() time.Time { return now }, rand.Reader)
	sign := func(k *Keyring) (kid string) {
		t.Helper()
		text, err := k.Sign(t.Context(), TypeAccess, jwt.Claims{Expiry: jwt.NewNumericDate(now)})
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []*Keyring{a, b} {
			if _, err := other.Open(t.Context(), text); err != nil {
				t.Errorf("the other server: %v", err)
			}
		}
		kid, _, err = k.current(t.Context())
		if err != nil {
			t.Error(err)
		}
		return kid
	}
	// Both make their first key at once.
	var first sync.WaitGroup
	for _, k := range []*Keyring{a, b} {
		first.Go(func() { sign(k) })
	}
	first.Wait()
	old := sign(a)
	if kid := sign(b); kid != old {
		t.Errorf("the servers sign with %s and %s", old, kid)
	}
	now = now.Add(keyLife)
	for _, k := range []*Keyring{a, b} {
		if err := k.Rotate(t.Context()); err != nil {
			t.Error(err)
		}
	}
	fresh := sign(a)
	if kid := sign(b); kid != fresh || fresh == old {
		t.Errorf("the servers sign with %s and %s, before with %s", fresh, kid, old)
	}
	if set, err := a.Public(t.Context()); err != nil || len(set.Keys) != 2 {
		t.Errorf("%d keys, %v", len(set.Keys), err)
	}
	now = now.Add(time.Hour)
	if err := db.Purge(t.Context(), store.Expiry{Keys: now.UnixMilli()}); err != nil {
		t.Error(err)
	}
	for _, k := range []*Keyring{a, b} {
		if err := k.Rotate(t.Context()); err != nil {
			t.Error(err)
		}
		if kid := sign(k); kid != fresh {
			t.Errorf("it signs with %s", kid)
		}
	}
}
