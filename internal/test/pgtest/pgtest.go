// Package pgtest runs a PostgreSQL server in a temporary folder, for the tests of a process.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syncmanager/syncmanager/internal/test/unprivileged"
)

// Programs is the variable that names the folder of PostgreSQL's programs. script/postgres.sh
// prints it.
const Programs = "SYNCMANAGER_POSTGRES"

// Chosen is the variable that, set to 1, makes the tests of the server and of what talks to it keep
// its data in PostgreSQL.
const Chosen = "SYNCMANAGER_TEST_ON_POSTGRES"

// Server is a running server. Only this process reaches it, by a socket in its folder.
type Server struct {
	dir      string
	programs string
	account  *syscall.Credential // nil: this process's own
	postgres *exec.Cmd
	log      bytes.Buffer
	schemas  atomic.Int64
	settings []string // for the command line, like "-c", "max_connections=20"
}

var running *Server

// Main runs a package's tests with a server, and returns their exit code for [os.Exit]. Without
// PostgreSQL, the tests that call [Database] are skipped.
func Main(m *testing.M) int {
	programs := os.Getenv(Programs)
	if programs == "" {
		return m.Run()
	}
	s, err := start(programs)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot start PostgreSQL:", err)
		return 1
	}
	running = s
	code := m.Run()
	if err := s.remove(); err != nil {
		fmt.Fprintln(os.Stderr, "cannot stop PostgreSQL:", err)
		return 1
	}
	return code
}

// Start starts a server with PostgreSQL's programs in a folder, with settings like "fsync=on", for a
// program that is not a test. Remove ends it.
func Start(programs string, settings ...string) (*Server, error) { return start(programs, settings...) }

// Remove ends the server, and removes what it stored.
func (s *Server) Remove() error { return s.remove() }

// PID is the process that started all others of the server.
func (s *Server) PID() int { return s.postgres.Process.Pid }

func start(programs string, settings ...string) (s *Server, err error) {
	s, err = create(programs, settings)
	if err != nil {
		return nil, err
	}
	initdb := s.command("initdb", "--pgdata", filepath.Join(s.dir, "data"), "--username", "test", "--auth", "trust",
		"--encoding", "UTF8", "--no-locale", "--no-sync")
	if out, failed := initdb.CombinedOutput(); failed != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", failed, out), s.remove())
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// create makes the folder of a server.
func create(programs string, settings []string) (s *Server, err error) {
	dir, err := os.MkdirTemp("", "pg") // the path of a socket is short
	if err != nil {
		return nil, err
	}
	s = &Server{dir: dir, programs: programs}
	for _, setting := range settings {
		s.settings = append(s.settings, "-c", setting)
	}
	if os.Geteuid() == 0 {
		if err := s.unprivileged(); err != nil {
			return nil, errors.Join(err, s.remove())
		}
	}
	return s, nil
}

// unprivileged makes the server another user's: PostgreSQL refuses to run as root.
func (s *Server) unprivileged() (err error) {
	s.account, err = unprivileged.Own(s.dir, "postgres", "nobody")
	return err
}

func (s *Server) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.programs, program), args...)
	c.Dir = s.dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.account, Pdeathsig: syscall.SIGQUIT}
	return c
}

// Start starts the server, which was stopped, and waits until it answers.
func (s *Server) Start() error {
	// Nothing here outlives the machine, so the disk need not be waited for.
	s.postgres = s.command("postgres", "-D", filepath.Join(s.dir, "data"), "-c", "listen_addresses=",
		"-c", "unix_socket_directories="+s.dir, "-c", "fsync=off", "-c", "max_connections=200", "-c", "shared_buffers=64MB")
	s.postgres.Args = append(s.postgres.Args, s.settings...)
	s.postgres.Stdout, s.postgres.Stderr = &s.log, &s.log
	if err := s.postgres.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL(""))
		if err == nil {
			return conn.Close(ctx)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("it does not answer: %w: %s", err, s.log.Bytes())
		}
	}
}

// Stop stops the server at once, as a crash does.
func (s *Server) Stop() error {
	if s.postgres == nil {
		return nil
	}
	if err := s.postgres.Process.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	_ = s.postgres.Wait() // it exits with an error
	s.postgres = nil
	return nil
}

func (s *Server) remove() error { return errors.Join(s.Stop(), os.RemoveAll(s.dir)) }

// URL is the connection string of a schema; of the default one, if it is "".
func (s *Server) URL(schema string) string {
	q := url.Values{"host": {s.dir}, "user": {"test"}, "dbname": {"postgres"}, "sslmode": {"disable"}}
	if schema != "" {
		q.Set("search_path", schema)
	}
	return "postgres:///?" + q.Encode()
}

// Socket is the path of the server's socket.
func (s *Server) Socket() string { return filepath.Join(s.dir, ".s.PGSQL.5432") }

// Database returns the server's connection string of a new, empty schema. It skips the test
// without PostgreSQL.
func Database(t testing.TB) string {
	t.Helper()
	if running == nil {
		t.Skip("without PostgreSQL: " + Programs + " is not set")
	}
	schema := fmt.Sprint("test", running.schemas.Add(1))
	conn, err := pgx.Connect(t.Context(), running.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	return running.URL(schema)
}

// IfChosen returns [Database] if the tests are to run on PostgreSQL, or "".
func IfChosen(t testing.TB) string {
	t.Helper()
	if os.Getenv(Chosen) != "1" {
		return ""
	}
	return Database(t)
}

// OnFiles skips a test of what a server does with its files, if the tests are to run on PostgreSQL.
func OnFiles(t testing.TB) {
	t.Helper()
	if os.Getenv(Chosen) == "1" {
		t.Skip("it is about the files of a server without PostgreSQL")
	}
}

// Own starts a server for one test, which may stop it, with settings like "max_connections=20".
// It skips the test without PostgreSQL.
func Own(t testing.TB, settings ...string) *Server {
	t.Helper()
	programs := os.Getenv(Programs)
	if programs == "" {
		t.Skip("without PostgreSQL: " + Programs + " is not set")
	}
	s, err := start(programs, settings...)
	if err != nil {
		t.Fatal(err)
	}
	s.removeAfter(t)
	return s
}

func (s *Server) removeAfter(t testing.TB) {
	t.Cleanup(func() {
		if err := s.remove(); err != nil {
			t.Error(err)
		}
	})
}

// Standby starts a copy of the server that follows it. Commits of the server wait for the copy
// from then on, until it is stopped.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	copied, err := create(s.programs, []string{"synchronous_standby_names="})
	if err != nil {
		t.Fatal(err)
	}
	copied.removeAfter(t)
	backup := copied.command("pg_basebackup", "--pgdata", filepath.Join(copied.dir, "data"), "--dbname", "host="+s.dir+" user=test",
		"--checkpoint", "fast", "--write-recovery-conf", "--no-sync")
	if out, err := backup.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v: %s", err, out)
	}
	if err := copied.Start(); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "ALTER SYSTEM SET synchronous_standby_names = '*'")
	s.Exec(t, "SELECT pg_reload_conf()")
	s.Await(t, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')")
	return copied
}

// Promote makes a standby take writes.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	s.Exec(t, "SELECT pg_promote()")
}

// Folder is the folder of the server, which its account owns.
func (s *Server) Folder() string { return s.dir }

// Exec runs statements.
func (s *Server) Exec(t testing.TB, statements string) {
	t.Helper()
	conn := s.connect(t)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

// Await waits until a statement that returns a truth value returns true.
func (s *Server) Await(t testing.TB, statement string) {
	t.Helper()
	conn := s.connect(t)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	for yes := false; !yes; {
		if err := conn.QueryRow(t.Context(), statement).Scan(&yes); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (s *Server) connect(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
