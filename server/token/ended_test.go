package token_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/token"
)

// What ends an account's tokens is listed, with the time at which it was listed first, until none can be valid.
func TestEnded(t *testing.T) {
	w := newEnv(t, nil)
	list := func(want string) {
		t.Helper()
		all, err := w.Ended(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ages := make(map[string]time.Duration)
		for account, at := range all {
			ages[account] = w.Now().Sub(at)
		}
		if got := fmt.Sprint(ages); got != want {
			t.Errorf("ended: %s, want %s", got, want)
		}
	}
	a := w.mustHave(w.ask("alice", 200, 100, "key-1"))
	b := w.mustHave(w.ask("bob", 200, 100, "key-1"))
	w.mustHave(w.ask("cyd", 200, 100, "key-1"))
	list("map[]")
	w.mustHave(w.ask("alice", 300, 300, "key-2")) // her storage is replaced
	list("map[alice:0s]")
	w.Pass(time.Minute)
	if _, _, err := w.Reassign(t.Context(), b.UID); err != nil {
		t.Fatal(err)
	}
	for _, disabled := range []bool{true, false} {
		if err := w.SetAccountStatus(t.Context(), "cyd", func(s *token.AccountStatus) { s.Disabled = disabled }); err != nil {
			t.Fatal(err)
		}
	}
	list("map[alice:1m0s bob:0s cyd:0s]")
	w.Pass(time.Minute)
	if err := w.Retire(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	list("map[alice:0s bob:1m0s cyd:1m0s]")
	if one, err := w.Current(t.Context(), "alice"); err != nil || one.UID != 0 {
		t.Errorf("the storage of an account that was removed: %+v, %v", one, err)
	}
	if one, err := w.Current(t.Context(), "cyd"); err != nil || one.UID <= a.UID {
		t.Errorf("the storage of an account: %+v, %v", one, err)
	}
	w.Pass(9*time.Minute + time.Second)
	list("map[alice:9m1s]")
	if err := w.ForgetEnded(t.Context()); err != nil {
		t.Fatal(err)
	}
	list("map[alice:9m1s]")
}
