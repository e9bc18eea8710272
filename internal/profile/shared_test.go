package profile_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// together runs each of the functions in goroutines of its own, several times, and reports their errors.
func together(t *testing.T, each ...func() error) {
	t.Helper()
	var all sync.WaitGroup
	for _, f := range each {
		for range 4 {
			all.Go(func() {
				if err := f(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
}

// TestSeveralGoroutinesShareAProfile: each store and the manager are opened once, whoever is first,
// and one local account is made.
func TestSeveralGoroutinesShareAProfile(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir())
	defer p.Close()
	var mu sync.Mutex
	managers, stores, made := map[*syncmanager.Manager]bool{}, map[any]bool{}, 0
	store := func(s any, err error) error {
		mu.Lock()
		defer mu.Unlock()
		stores[s] = true
		return err
	}
	together(t, func() error {
		m, err := p.EnsureAccount(t.Context())
		mu.Lock()
		defer mu.Unlock()
		if m {
			made++
		}
		return err
	})
	together(t,
		func() error { s, err := p.Bookmarks(t.Context()); return store(s, err) },
		func() error { s, err := p.History(t.Context()); return store(s, err) },
		func() error { s, err := p.Passwords(t.Context()); return store(s, err) },
		func() error {
			m, err := p.Manager(t.Context())
			mu.Lock()
			managers[m] = true
			mu.Unlock()
			return err
		},
		func() error { return p.RenameDevice(t.Context(), "Anvil") },
		func() error { _, err := p.Inbox(); return errors.Join(err, p.ClearInbox()) },
	)
	together(t, func() error {
		m, err := p.Manager(t.Context())
		if err == nil {
			_, err = m.Sync(t.Context(), syncmanager.Options{}) // one after the other, none refused
		}
		return err
	})
	if len(managers) != 1 || len(stores) != 3 || made != 1 {
		t.Errorf("%d managers, %d stores, %d accounts made", len(managers), len(stores), made)
	}
}

// TestASignOutMeetsOthers: whoever uses the profile meanwhile gets an answer or an error, and what is
// written after a wipe can be read by the next process.
func TestASignOutMeetsOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := open(t, dir)
	if _, err := p.EnsureAccount(t.Context()); err != nil {
		t.Fatal(err)
	}
	account, changed := p.WatchAccount()
	if account == nil || !account.Local {
		t.Fatalf("the account is %+v", account)
	}
	together(t, func() error { _, err := p.SignOut(t.Context(), true); return err }, func() error {
		m, err := p.Manager(t.Context())
		if errors.As(err, new(profile.NotSignedInError)) {
			return nil
		}
		if err != nil {
			return err
		}
		_, _ = m.Sync(t.Context(), syncmanager.Options{}) // it may be signed out, or closed
		return nil
	})
	<-changed
	if account, _ := p.WatchAccount(); account != nil || !p.SignedOut() {
		t.Errorf("signed out, but the account is %+v", account)
	}
	e := forms.Entry{Name: "city", Value: "Ghent"}
	if err := add(t.Context(), p, &e); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = open(t, dir)
	defer p.Close()
	store, err := p.Forms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := store.Get(t.Context(), e.ID); err != nil || got.Value != "Ghent" {
		t.Errorf("the next process reads %+v, %v", got, err)
	}
}

func add(ctx context.Context, p *profile.Profile, e *forms.Entry) error {
	store, err := p.Forms(ctx)
	if err == nil {
		*e, err = store.Add(ctx, *e)
	}
	return err
}
