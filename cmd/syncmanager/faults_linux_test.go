package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syncmanager/syncmanager/internal/test/long"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

// The tests here take longer than five seconds each: they start servers and PostgreSQL as
// processes, and wait until a fault was noticed and is over.

// during runs a story: two devices and a load, before, during and after a fault.
func during(t *testing.T, c *cluster, fault func(*load)) {
	t.Helper()
	a, b := c.device(true), c.device(false)
	a.add("https://before.example.org/")
	if out, code := a.run("", "sync"); code != exitDone {
		t.Fatalf("the first sync: %d: %s", code, out)
	}
	l := newLoad(t, c.proxy.URL)
	l.awaitAcked(100)
	b.add("https://during.example.org/")
	fault(l)
	l.awaitAcked(200)
	l.check()
	converge(a, b)
}

func TestFaultANodeIsKilled(t *testing.T) {
	t.Parallel()
	c := newCluster(t, pgtest.Own(t).URL(""), 2)
	during(t, c, func(l *load) {
		for range 3 {
			c.kill(c.nodes[0])
			l.awaitAcked(50) // at the other
			c.add()
			l.awaitAcked(50)
		}
	})
}

func TestFaultTheDatabaseRestarts(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	c := newCluster(t, server.URL(""), 2)
	during(t, c, func(l *load) {
		for range 3 {
			check(t, server.Stop())
			check(t, server.Start())
			l.awaitAcked(50)
		}
	})
}

// It is away until each server says so, and longer; with -long for 30 seconds, which servers and clients may count.
func TestFaultTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	away := time.Duration(long.Of(0, 30)) * time.Second
	server := pgtest.Own(t)
	c := newCluster(t, server.URL(""), 2)
	during(t, c, func(l *load) {
		check(t, server.Stop())
		stopped := time.Now()
		c.awaitHealth(http.StatusServiceUnavailable)
		l.awaitFailed(100)
		for time.Since(stopped) < away {
			l.awaitFailed(100)
		}
		check(t, server.Start())
		c.awaitHealth(http.StatusOK)
	})
	if n := c.nodes[0]; n.cmd.ProcessState != nil {
		t.Error("a server ended")
	}
}

// The second server takes over when the first is gone. Commits waited for both, so that none is lost.
func TestFaultTheDatabaseFailsOver(t *testing.T) {
	t.Parallel()
	first := pgtest.Own(t)
	second := first.Standby(t)
	c := newCluster(t, "host="+first.Folder()+","+second.Folder()+" user=test dbname=postgres sslmode=disable target_session_attrs=read-write", 2)
	during(t, c, func(l *load) {
		check(t, first.Stop())
		l.awaitFailed(20)
		second.Promote(t)
		c.awaitHealth(http.StatusOK)
	})
}

// Another client takes all connections, also those that the servers had.
func TestFaultNoConnectionIsLeft(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t, "max_connections=20", "superuser_reserved_connections=1")
	server.Exec(t, "CREATE ROLE sync LOGIN; CREATE ROLE other LOGIN; GRANT ALL ON SCHEMA public TO sync")
	as := func(role string) string {
		return "host=" + server.Folder() + " user=" + role + " dbname=postgres sslmode=disable"
	}
	admin, err := pgx.Connect(t.Context(), server.URL("")) // while there is a connection
	check(t, err)
	defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
	c := newCluster(t, as("sync"), 2)
	during(t, c, func(l *load) {
		var taken []*pgx.Conn
		for len(taken) < 18 { // one is admin, and one is for another such
			if conn, err := pgx.Connect(t.Context(), as("other")); err == nil {
				taken = append(taken, conn)
				t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
				continue
			}
			_, err := admin.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sync'")
			check(t, err)
		}
		l.awaitFailed(20)
		for _, conn := range taken {
			check(t, conn.Close(t.Context()))
		}
		c.awaitHealth(http.StatusOK)
	})
}

// The disk of the tables is full. What needs no room works, and all does when there is some again.
func TestFaultTheDiskIsFull(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	dir := filepath.Join(server.Folder(), "small")
	check(t, os.Mkdir(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=48m"); err != nil {
		t.Skip("left out: only root can mount a small disk: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	tables := filepath.Join(dir, "tables")
	check(t, os.Mkdir(tables, 0o700))
	owner, err := os.Stat(filepath.Join(server.Folder(), "data"))
	check(t, err)
	as := owner.Sys().(*syscall.Stat_t)
	check(t, os.Chown(dir, int(as.Uid), int(as.Gid)))
	check(t, os.Chown(tables, int(as.Uid), int(as.Gid)))
	server.Exec(t, "CREATE TABLESPACE small LOCATION '"+tables+"'")
	c := newCluster(t, server.URL("")+"&default_tablespace=small", 2)
	filler := filepath.Join(dir, "filler")
	during(t, c, func(l *load) {
		f, err := os.Create(filler)
		check(t, err)
		block := make([]byte, 1<<16)
		for err == nil {
			_, err = f.Write(block)
		}
		check(t, f.Close())
		l.awaitFailed(20)
		check(t, os.Remove(filler))
	})
}

// Something holds a lock that all writes need, for longer than a write waits for it.
func TestFaultTheDatabaseIsSlow(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	c := newCluster(t, server.URL("")+"&lock_timeout=1000", 2)
	during(t, c, func(l *load) {
		conn, err := pgx.Connect(t.Context(), server.URL(""))
		check(t, err)
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		_, err = conn.Exec(t.Context(), "BEGIN; LOCK TABLE storage_users IN EXCLUSIVE MODE")
		check(t, err)
		l.awaitFailed(2 * loadUsers * loadDevices)
		_, err = conn.Exec(t.Context(), "ROLLBACK")
		check(t, err)
	})
}

// A server is killed while it makes the tables. Two that start together then make them once.
func TestFaultAMigrationIsInterrupted(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	server.Exec(t, `CREATE FUNCTION public.late() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); END';
		CREATE EVENT TRIGGER late ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.late()`)
	c := newCluster(t, server.URL(""), 0)
	n, _ := c.begin()
	server.Await(t, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')")
	c.kill(n)
	// It notices at once when it next looks; nobody waits for that here.
	server.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
	server.Await(t, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'syncmanager')")
	server.Exec(t, "DROP EVENT TRIGGER late")
	server.Await(t, "SELECT NOT EXISTS (SELECT FROM pg_class WHERE relname = 'storage_users')")

	began := make(chan struct{})
	for range 2 {
		go func() {
			defer func() { began <- struct{}{} }()
			c.add()
		}()
	}
	<-began
	<-began
	if t.Failed() || len(c.nodes) != 2 {
		t.Fatal("a server did not start")
	}
	during(t, c, func(*load) {})
}
