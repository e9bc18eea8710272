package token_test

import (
	"errors"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/token"
)

func adopted(current string, old ...string) token.Adoption {
	a := token.Adoption{Account: "ann", Current: token.Key{ClientState: []byte(current), Generation: 200, KeysChangedAt: 100, Created: 1}}
	for _, k := range old {
		a.Old = append(a.Old, token.Key{ClientState: []byte(k), Generation: 50, KeysChangedAt: 40, Created: 1})
	}
	return a
}

// An account of another token server gets its storage here when it is complete, and keeps the
// rules of its keys.
func TestAdopt(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"SQLite": func(testing.TB) string { return "" }, "PostgreSQL": pgtest.Database} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := database(t)
			w := newEnv(t, func(c *token.Config) {
				if in != "" {
					c.Database, c.Dir = in, ""
				}
			})
			a := adopted("key-2", "key-1")
			if is, err := w.Standing(t.Context(), a); err != nil || is != (token.Standing{}) {
				t.Fatalf("before: %+v, %v", is, err)
			}
			uid, err := w.Reserve(t.Context(), "ann", "")
			if err != nil {
				t.Fatal(err)
			}
			if users, err := w.Users(t.Context()); err != nil || len(users) != 0 {
				t.Errorf("a reservation is a user: %+v, %v", users, err)
			}
			if err := w.Adopt(t.Context(), a, 0, uid); err != nil {
				t.Fatal(err)
			}
			if err := w.Adopt(t.Context(), a, 0, uid); !errors.Is(err, token.ErrMoved) {
				t.Errorf("a second time: %v", err)
			}
			// The device goes on with the same key. The old one is refused, and so are older times.
			for _, c := range []struct {
				generation, changed int64
				key                 string
				code                int
			}{{200, 100, "key-2", 200}, {300, 40, "key-1", 401}, {199, 100, "key-2", 401}, {200, 100, "key-3", 401}} {
				if got := w.ask("ann", c.generation, c.changed, c.key); got.code != c.code || got.code == 200 && got.UID != uid {
					t.Errorf("%+v: %d, uid %d", c, got.code, got.UID)
				}
			}

			// Again: another copy replaces the first, whose tokens end.
			next, err := w.Reserve(t.Context(), "ann", "")
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Adopt(t.Context(), a, next, next); !errors.Is(err, token.ErrMoved) {
				t.Errorf("in place of another storage: %v", err)
			}
			if err := w.Adopt(t.Context(), a, uid, next); err != nil {
				t.Fatal(err)
			}
			if got := w.ask("ann", 200, 100, "key-2"); got.UID != next {
				t.Errorf("uid %d, want %d", got.UID, next)
			}
			if _, err := w.Admit(t.Context(), token.Grant{UID: uid, Account: "ann"}); !errors.Is(err, token.ErrToken) {
				t.Errorf("a token of the first copy: %v", err)
			}
			// A reservation that was not used is found after a day, a replaced storage after its last token.
			left, err := w.Reserve(t.Context(), "ann", "")
			if err != nil {
				t.Fatal(err)
			}
			w.Pass(2 * time.Hour)
			if uids, err := w.Replaced(t.Context()); err != nil || len(uids) != 1 || uids[0].UID != uid {
				t.Errorf("replaced: %v, %v, want %d", uids, err, uid)
			}
			w.Pass(24 * time.Hour)
			if uids, err := w.Replaced(t.Context()); err != nil || len(uids) != 2 {
				t.Errorf("replaced: %v, %v, want %d and %d", uids, err, uid, left)
			}
			if err := w.Emptied(t.Context(), left); err != nil {
				t.Fatal(err)
			}
			if err := w.Adopt(t.Context(), a, next, left); !errors.Is(err, token.ErrMoved) {
				t.Errorf("a storage that the purge deleted: %v", err)
			}

			// The other server went on to another key, and this one to a third.
			if is, err := w.Standing(t.Context(), adopted("key-3", "key-2", "key-1")); err != nil || is.Same || is.UID != next {
				t.Errorf("with a newer key there: %+v, %v", is, err)
			}
			third := w.ask("ann", 400, 400, "key-4")
			for current, old := range map[string][]string{"key-2": {"key-1"}, "key-3": {"key-2", "key-1"}} {
				if _, err := w.Standing(t.Context(), adopted(current, old...)); !errors.Is(err, token.ErrNewerKey) {
					t.Errorf("with a newer key here: %v", err)
				}
			}
			// The times of the account do not go back.
			same := adopted("key-4")
			if err := w.Adopt(t.Context(), same, third.UID, third.UID); err != nil {
				t.Fatal(err)
			}
			if got := w.ask("ann", 300, 400, "key-4"); got.code != 401 {
				t.Errorf("an older generation: %d", got.code)
			}
			if err := w.Retire(t.Context(), "ann"); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Standing(t.Context(), same); !errors.Is(err, token.ErrRetired) {
				t.Errorf("removed: %v", err)
			}
			if err := w.Adopt(t.Context(), same, 0, left); !errors.Is(err, token.ErrRetired) {
				t.Errorf("removed: %v", err)
			}
		})
	}
}
