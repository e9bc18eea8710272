package passwords_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

func TestVulnerable(t *testing.T) {
	t.Parallel()
	e, clock := open(t)
	ctx := t.Context()
	breached := add(t, e, passwords.Login{Hostname: "https://breached.example", Username: "ann", Password: "shared"})
	reused := add(t, e, passwords.Login{Hostname: "https://reused.example", Username: "ann", Password: "shared"})
	other := add(t, e, passwords.Login{Hostname: "https://other.example", Username: "ann", Password: "other"})
	want := func(when string, want ...string) {
		t.Helper()
		got := names(t, e.Vulnerable(ctx))
		if !slices.Equal(got, want) {
			t.Errorf("%s, vulnerable are %q; want %q", when, got, want)
		}
		for _, l := range []passwords.Login{breached, reused, other} {
			is, err := e.IsVulnerable(ctx, l.ID)
			if err != nil || is != slices.Contains(got, l.Hostname+" ann") {
				t.Errorf("%s, %s is vulnerable: %v, %v", when, l.Hostname, is, err)
			}
		}
	}
	want("at first")
	check(e.RecordBreach(ctx, breached.ID, clock.Now().Add(-time.Hour)))
	want("with a breach before the password was changed")
	check(e.RecordBreach(ctx, breached.ID, clock.Now().Add(time.Hour)))
	want("with a breach", "https://reused.example ann")
	// The password stays known when the breached site has another.
	clock.Pass(2 * time.Hour)
	now, err := e.Get(ctx, breached.ID)
	check(err)
	now.Password = "new"
	_, err = e.Update(ctx, now)
	check(err)
	want("with a new password there", "https://reused.example ann")
	check(e.RecordBreachedPasswords(ctx, []string{"other", "nobody's", "other"}))
	want("with the other password", "https://other.example ann", "https://reused.example ann")
	check(e.Rekey(ctx, [32]byte{9}))
	want("with another key", "https://other.example ann", "https://reused.example ann")
	now, err = e.Get(ctx, reused.ID)
	check(err)
	now.Password = "safe"
	_, err = e.Update(ctx, now)
	check(err)
	want("with a safe password", "https://other.example ann")
	if n, err := e.ForgetBreaches(ctx); err != nil || n != 1 {
		t.Errorf("%d logins were changed, %v; want the breached one", n, err)
	}
	want("forgotten")
	if now, err := e.Get(ctx, breached.ID); err != nil || !now.TimeOfLastBreach.IsZero() {
		t.Errorf("forgotten, it is %+v, %v", now, err)
	}
	if n, err := e.ForgetBreaches(ctx); err != nil || n != 0 {
		t.Errorf("again, %d logins were changed, %v", n, err)
	}
	if _, err := e.IsVulnerable(ctx, "{nobody}"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("of no login: %v", err)
	}
}

// The time of a breach comes from another device, and its password is known by the login.
func TestVulnerableByABreachFromAnotherDevice(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	add(t, e, passwords.Login{Hostname: "https://reused.example", Username: "ann", Password: "p"})
	sync(t, e, engine.Start{}, 9, incoming(8, `{"id":"{a}","hostname":"https://breached.example","formSubmitURL":"","httpRealm":null,"username":"ann",`+
		`"password":"p","usernameField":"","passwordField":"","timeCreated":1,"timePasswordChanged":1,"timeOfLastBreach":500}`))
	if got := names(t, e.Vulnerable(t.Context())); !slices.Equal(got, []string{"https://reused.example ann"}) {
		t.Errorf("vulnerable are %q", got)
	}
}

func TestBreachedPasswordsAreBounded(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	ctx := t.Context()
	first := add(t, e, passwords.Login{Hostname: "https://first.example", Username: "ann", Password: "first"})
	last := add(t, e, passwords.Login{Hostname: "https://last.example", Username: "ann", Password: "last"})
	many := make([]string, passwords.MaxBreachedPasswords-1)
	for i := range many {
		many[i] = fmt.Sprint("password ", i)
	}
	check(e.RecordBreachedPasswords(ctx, []string{"first"}))
	check(e.RecordBreachedPasswords(ctx, many))
	check(e.RecordBreachedPasswords(ctx, []string{"last"}))
	for id, want := range map[engine.ID]bool{first.ID: false, last.ID: true} {
		if is, err := e.IsVulnerable(ctx, id); err != nil || is != want {
			t.Errorf("vulnerable: %v, %v; want %v", is, err, want)
		}
	}
	for _, bad := range [][]string{{"first", ""}, slices.Concat(many, []string{"first", "one more"})} {
		if err := e.RecordBreachedPasswords(ctx, bad); !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("%d passwords: %v; want ErrInvalid", len(bad), err)
		}
	}
	if is, err := e.IsVulnerable(ctx, first.ID); err != nil || is {
		t.Errorf("what was refused was recorded: %v", err)
	}
}
