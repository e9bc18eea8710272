package passwords_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

// A damaged login is dropped and comes again from the server; the others are as they were.
func TestScrub(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "passwords.db")
	e, err := passwords.Open(t.Context(), config(path, time.Now))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	sync(t, e, engine.Start{}, 179537256000, firefox(t)...)
	add(t, e, passwords.Login{Hostname: "https://mine.example", Username: "ann"})
	file, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const damaged = engine.ID("{df781fa8-8b26-46b2-aa16-035963de04d4}")
	if _, err := file.Exec(`UPDATE records SET mirror = substr(mirror, 2) WHERE id = ?`, damaged); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Get(t.Context(), damaged); !errors.Is(err, engine.ErrUndecryptable) {
		t.Fatalf("error %v; want ErrUndecryptable", err)
	}
	if done, err := e.Scrub(t.Context()); err != nil || done != (engine.Scrubbed{Again: 1}) {
		t.Errorf("scrubbed %+v, %v; want one to come again", done, err)
	}
	if got := list(t, e); len(got) != 2 {
		t.Errorf("%d logins are left; want 2", len(got))
	}
	session, err := e.Begin(t.Context(), engine.Start{})
	if err != nil || len(session.Retry()) != 1 || session.Retry()[0] != damaged {
		t.Errorf("the next sync asks for %q, %v", session.Retry(), err)
	}
	if err := session.End(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	sync(t, e, engine.Start{}, 179537257000, firefox(t)...)
	if _, err := e.Get(t.Context(), damaged); err != nil {
		t.Errorf("the server's: %v", err)
	}
}

func TestDeleteAllLogins(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	sync(t, e, engine.Start{}, 179537256000, firefox(t)...)
	add(t, e, passwords.Login{Hostname: "https://mine.example", Username: "ann"})
	if n, err := e.DeleteAll(t.Context()); err != nil || n != 3 {
		t.Errorf("%d were deleted, %v; want 3", n, err)
	}
	if got := list(t, e); len(got) != 0 {
		t.Errorf("%d are left", len(got))
	}
	if _, out := sync(t, e, engine.Start{}, 179537257000); len(out) != 2 {
		t.Errorf("%d deletions go up; want those of the 2 that the server has", len(out))
	}
	if _, err := e.Maintain(t.Context()); err != nil {
		t.Error(err)
	}
}
