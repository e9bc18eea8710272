package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/internal/pg"
	"github.com/syncmanager/syncmanager/server/storage"
)

// Reads and the commands of the operator go on after a restart, on connections that were in
// use right before.
func TestTheFirstReadAfterARestart(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	b := open(t, server.URL(""), time.Now)
	if err := b.Update(t.Context(), 1, storage.Durable, put); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func() error{
		"a read": func() error {
			if text, _ := stored(t, b); text != "x" {
				t.Errorf("stored is %q", text)
			}
			return nil
		},
		"a list of users": func() error { return b.States(t.Context(), func(storage.State) error { return nil }) },
		"a probe":         func() error { return b.Probe(t.Context()) },
		"a purge":         func() error { return b.Purge(t.Context()) },
	} {
		if err := errors.Join(inUse(t, b), server.Stop(), server.Start()); err != nil {
			t.Fatal(err)
		}
		if err := read(); err != nil {
			t.Errorf("%s after a restart: %v", name, err)
		}
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	err := b.View(t.Context(), 1, func(v storage.View) error { _, err := v.Modified("", ""); return err })
	if !errors.Is(err, storage.ErrUnreachable) {
		t.Errorf("without the database: %v", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// inUse has several connections in use at once, so that all of them are fresh in the pool.
func inUse(t *testing.T, b storage.Backend) error {
	t.Helper()
	return b.View(t.Context(), 1, func(v storage.View) error {
		_, err := v.Modified("", "")
		return errors.Join(err, b.View(t.Context(), 2, func(v storage.View) error {
			_, err := v.Modified("", "")
			return err
		}))
	})
}

// A step that fails because of another transaction is run again, and not for ever. The conflicts
// here are the database's own errors, raised by a trigger and by a view.
func TestConflictsAreRepeated(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	b := open(t, database, time.Now)
	if err := b.Update(t.Context(), 1, storage.Durable, put); err != nil {
		t.Fatal(err)
	}
	execute(t, database, `CREATE SEQUENCE tries;
		CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF nextval('tries') <= 2 THEN RAISE EXCEPTION 'a conflict' USING ERRCODE = '40001'; END IF;
			IF new.payload = 'never' THEN RAISE EXCEPTION 'a deadlock' USING ERRCODE = '40P01'; END IF;
			RETURN new;
		END $$;
		CREATE TRIGGER conflict BEFORE INSERT ON storage_records FOR EACH ROW EXECUTE FUNCTION conflict()`)
	tries := 0
	count := func(text string) func(storage.Tx) error {
		tries = 0
		return func(tx storage.Tx) error { tries++; return putText(tx, text) }
	}
	if err := b.Update(t.Context(), 1, storage.Durable, count("y")); err != nil || tries != 3 {
		t.Errorf("after %d tries: %v", tries, err)
	}
	if err := b.Update(t.Context(), 1, storage.Durable, count("never")); !errors.Is(err, storage.ErrBusy) || tries != pg.Attempts {
		t.Errorf("a step that always fails: after %d tries: %v", tries, err)
	}
	if text, _ := stored(t, b); text != "y" {
		t.Errorf("stored is %q", text)
	}

	// Each connection's first read of the collections fails: a lock remembers it.
	execute(t, database, `ALTER TABLE storage_collections RENAME TO real_collections;
		CREATE FUNCTION readable() RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN
			IF EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) THEN RETURN true; END IF;
			PERFORM pg_advisory_lock(oid::bigint) FROM pg_class WHERE oid = 'real_collections'::regclass;
			RAISE EXCEPTION 'a conflict' USING ERRCODE = '40001';
		END $$;
		CREATE VIEW storage_collections AS SELECT * FROM real_collections WHERE readable()`)
	tries = 0
	err := b.View(t.Context(), 1, func(v storage.View) error {
		tries++
		all, err := v.Collections()
		if err == nil && len(all) != 1 {
			t.Errorf("collections: %v", all)
		}
		return err
	})
	if err != nil || tries != 2 {
		t.Errorf("a read after %d tries: %v", tries, err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// What the connection string says of timeouts is used, and a statement that takes too long is
// busy for the client, not a fault.
func TestTimeoutsOfTheConnectionString(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	b := open(t, database, time.Now)
	if err := errors.Join(b.Update(t.Context(), 1, storage.Durable, put), b.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	b = open(t, database+"&statement_timeout=100&lock_timeout=60000", time.Now)
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), `BEGIN; SELECT FROM storage_users WHERE uid = 1 FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	err = b.Update(t.Context(), 1, storage.Durable, put)
	if !errors.Is(err, storage.ErrBusy) || !strings.Contains(err.Error(), "statement timeout") {
		t.Errorf("a write that waits for too long: %v", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
