package token_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/token"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// Two servers that share a database agree on whose storage is which.
func TestTwoServersOnPostgreSQL(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	shared := func(c *token.Config) { c.Database, c.Dir = database, "" }
	a, b := newEnv(t, shared), newEnv(t, shared)
	first := a.ask("ann", 200, 100, "key-1")
	if second := b.ask("ann", 200, 100, "key-1"); first.UID == 0 || second.UID != first.UID {
		t.Fatalf("one server says %d, the other %d", first.UID, second.UID)
	}

	// A new key starts with an empty storage, on both.
	second := b.ask("ann", 300, 250, "key-2")
	if again := a.ask("ann", 300, 250, "key-2"); second.UID == first.UID || again.UID != second.UID {
		t.Errorf("with a new key: %d and %d, before %d", second.UID, again.UID, first.UID)
	}
	if old := a.ask("ann", 200, 100, "key-1"); old.code != 401 {
		t.Errorf("with the old key: %d", old.code)
	}
	if _, err := a.Admit(t.Context(), token.Grant{UID: first.UID, Account: "ann"}); !errors.Is(err, token.ErrToken) {
		t.Errorf("a token for the replaced storage: %v", err)
	}
	if _, err := a.Admit(t.Context(), token.Grant{UID: second.UID, Account: "ann"}); err != nil {
		t.Errorf("a token for the current storage: %v", err)
	}
	a.Pass(24 * time.Hour)
	if uids, err := a.Replaced(t.Context()); err != nil || len(uids) != 1 || uids[0].UID != first.UID {
		t.Errorf("replaced: %v, %v", uids, err)
	}
	if err := a.Emptied(t.Context(), first.UID); err != nil {
		t.Error(err)
	}

	// What an operator decides on one holds on the other.
	quota := sql.Null[int64]{V: 5000, Valid: true}
	err := a.SetAccountStatus(t.Context(), "ann", func(s *token.AccountStatus) { s.Disabled, s.Quota = true, quota })
	if err != nil {
		t.Fatal(err)
	}
	if s, err := b.AccountStatusOf(t.Context(), second.UID); err != nil || !s.Disabled || s.Quota != quota {
		t.Errorf("the status: %+v, %v", s, err)
	}
	if _, err := b.Admit(t.Context(), token.Grant{UID: second.UID, Account: "ann"}); !errors.Is(err, token.ErrToken) {
		t.Errorf("a token of a disabled account: %v", err)
	}
	if err := errors.Join(a.SetDefaultQuota(t.Context(), quota), a.SetDefaultQuota(t.Context(), quota)); err != nil {
		t.Error(err)
	}
	if q, err := b.DefaultQuota(t.Context()); err != nil || q != quota {
		t.Errorf("the default quota: %+v, %v", q, err)
	}
	if users, err := b.Users(t.Context()); err != nil || len(users) != 1 || users[0].UID != second.UID || !users[0].Disabled {
		t.Errorf("users: %+v, %v", users, err)
	}
	if n, err := b.Count(t.Context()); err != nil || n != 1 {
		t.Errorf("count: %d, %v", n, err)
	}
	account, fresh, err := a.Reassign(t.Context(), second.UID)
	if err != nil || account != "ann" || fresh == second.UID {
		t.Errorf("reassigned: %q, %d, %v", account, fresh, err)
	}
	if err := a.Retire(t.Context(), "ann"); err != nil {
		t.Error(err)
	}
	if uids, err := b.Storages(t.Context(), "ann"); err != nil || len(uids) != 2 {
		t.Errorf("storages: %v, %v", uids, err)
	}
	if err := errors.Join(a.Ping(t.Context()), b.Ping(context.WithoutCancel(t.Context()))); err != nil {
		t.Error(err)
	}
}

// Of many first requests at two servers, and of many with the next key, all get the same storage;
// an account that is retired meanwhile has none.
func TestRacesOfTwoServers(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	shared := func(c *token.Config) { c.Database, c.Dir = database, "" }
	both := [2]*env{newEnv(t, shared), newEnv(t, shared)}
	race := func(ask func(w *env, i int) answer) (uids []int64) {
		got := make([]int64, 8)
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() { got[i] = ask(both[i%2], i).UID })
		}
		all.Wait()
		slices.Sort(got)
		return slices.Compact(got)
	}
	first := race(func(w *env, _ int) answer { return w.ask("ann", 200, 100, "key-1") })
	if len(first) != 1 || first[0] == 0 {
		t.Errorf("first requests: storages %v", first)
	}
	second := race(func(w *env, _ int) answer { return w.ask("ann", 300, 250, "key-2") })
	if len(second) != 1 || second[0] == first[0] || second[0] == 0 {
		t.Errorf("with the next key: storages %v", second)
	}
	for round := range int64(10) {
		// The highest generation that was seen stays.
		least := 400 + 10*round
		race(func(w *env, i int) answer { return w.ask("ann", least+int64(i), 250, "key-2") })
		both[0].mustRefuse(both[0].ask("ann", least+6, 250, "key-2"), 401, "invalid-generation")

		bob := fmt.Sprint("bob", round)
		race(func(w *env, i int) answer {
			if i == 3 {
				if err := w.Retire(t.Context(), bob); err != nil {
					t.Error(err)
				}
			}
			return w.ask(bob, 200, 100, "key-1")
		})
	}
	users, err := both[0].Users(t.Context())
	if err != nil || len(users) != 1 || users[0].Account != "ann" {
		t.Errorf("users: %+v, %v", users, err)
	}
}
