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
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
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

func start(programs string) (s *Server, err error) {
	dir, err := os.MkdirTemp("", "pg") // the path of a socket is short
	if err != nil {
		return nil, err
	}
	s = &Server{dir: dir, programs: programs}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove())
		}
	}()
	if os.Geteuid() == 0 {
		if err := s.unprivileged(); err != nil {
			return nil, err
		}
	}
	initdb := s.command("initdb", "--pgdata", filepath.Join(dir, "data"), "--username", "test", "--auth", "trust",
		"--encoding", "UTF8", "--no-locale", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return s, s.Start()
}

// unprivileged makes the server another user's: PostgreSQL refuses to run as root.
func (s *Server) unprivileged() error {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return err
		}
		s.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return os.Chown(s.dir, int(uid), int(gid))
	}
	return errors.New("there is no user to run it as: neither postgres nor nobody exists")
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

// Own starts a server for one test, which may stop it. It skips the test without PostgreSQL.
func Own(t testing.TB) *Server {
	t.Helper()
	programs := os.Getenv(Programs)
	if programs == "" {
		t.Skip("without PostgreSQL: " + Programs + " is not set")
	}
	s, err := start(programs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.remove(); err != nil {
			t.Error(err)
		}
	})
	return s
}
