// Package mariadbtest runs a MariaDB server in a temporary folder, for the tests of a process.
package mariadbtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver

	"github.com/syncmanager/syncmanager/internal/test/unprivileged"
)

// Program is the variable that names MariaDB's server. script/mariadb.sh prints it.
const Program = "SYNCMANAGER_MARIADB"

// server is a running server. It listens on a socket in its folder, and on the loopback interface.
type server struct {
	dir       string
	account   *syscall.Credential // nil: this process's own
	process   *exec.Cmd
	log       bytes.Buffer
	databases atomic.Int64
	port      int
}

var (
	once    sync.Once
	running *server
	failed  error
)

// TLS returns the address of the server over TCP, which offers TLS, and the file with the
// certificate of the authority that signed its own, for 127.0.0.1. It is for a test that called [Database].
func TLS() (address, ca string) {
	return fmt.Sprint("127.0.0.1:", running.port), filepath.Join(running.dir, "cert.pem")
}

// Main runs a package's tests by run, and returns their exit code for [os.Exit]. The first call of
// [Database] starts the server.
func Main(run func() int) int {
	code := run()
	if running != nil {
		if err := running.remove(); err != nil {
			fmt.Fprintln(os.Stderr, "cannot stop MariaDB:", err)
			return 1
		}
	}
	return code
}

// Database returns a new, empty database: its URL as 'server import' takes it, and a connection. It
// skips the test without MariaDB.
func Database(t testing.TB) (string, *sql.DB) {
	t.Helper()
	program := os.Getenv(Program)
	if program == "" {
		t.Skip("without MariaDB: " + Program + " is not set")
	}
	once.Do(func() { running, failed = start(program) })
	if failed != nil {
		t.Fatal("cannot start MariaDB: ", failed)
	}
	name := fmt.Sprint("test", running.databases.Add(1))
	db := running.open(t, "")
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name+" CHARACTER SET utf8mb4"); err != nil {
		t.Fatal(err)
	}
	return running.url("root", name), running.open(t, name)
}

// User makes a user with a password who may read a database of [Database], and returns the URL with
// the user and without the password.
func User(t testing.TB, database *sql.DB, name, password string) string {
	t.Helper()
	var in string
	if err := database.QueryRowContext(t.Context(), "SELECT DATABASE()").Scan(&in); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		fmt.Sprintf("CREATE OR REPLACE USER %s@'%%' IDENTIFIED BY \"%s\"", name, password),
		fmt.Sprintf("GRANT SELECT ON %s.* TO %s@'%%'", in, name),
	} {
		if _, err := database.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return running.url(name, in)
}

func (s *server) socket() string { return filepath.Join(s.dir, "socket") }

func (s *server) url(account, database string) string {
	return (&url.URL{
		Scheme: "mysql", User: url.User(account), Host: "localhost", Path: "/" + database, RawQuery: url.Values{"socket": {s.socket()}}.Encode(),
	}).String()
}

func (s *server) open(t testing.TB, database string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", "root@unix("+s.socket()+")/"+database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func start(program string) (s *server, err error) {
	dir, err := os.MkdirTemp("", "my") // the path of a socket is short
	if err != nil {
		return nil, err
	}
	s = &server{dir: dir}
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
	install := s.command("mariadb-install-db", "--no-defaults", "--datadir="+filepath.Join(dir, "data"),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=8M")
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mariadb-install-db: %w: %s", err, out)
	}
	if err := s.certify(); err != nil {
		return nil, err
	}
	// Nothing here outlives the machine, so the disk need not be waited for.
	s.process = s.command(program, "--no-defaults", "--datadir="+filepath.Join(dir, "data"), "--socket="+s.socket(),
		"--bind-address=127.0.0.1", fmt.Sprint("--port=", s.port), "--ssl-cert="+filepath.Join(dir, "cert.pem"), "--ssl-key="+filepath.Join(dir, "key.pem"),
		"--pid-file="+filepath.Join(dir, "pid"), "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M",
		"--innodb-log-file-size=8M", "--skip-log-bin")
	s.process.Stdout, s.process.Stderr = &s.log, &s.log
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	return s, s.wait()
}

// certify finds a free port, and makes a certificate that signs itself.
func (s *server) certify() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	cert, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		path := filepath.Join(s.dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
		if s.account != nil {
			if err := os.Chown(path, int(s.account.Uid), int(s.account.Gid)); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait waits until the server answers.
func (s *server) wait() error {
	db, err := sql.Open("mysql", "root@unix("+s.socket()+")/")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("it does not answer: %w: %s", err, s.log.Bytes())
		}
	}
}

// unprivileged makes the server another user's: MariaDB refuses to run as root.
func (s *server) unprivileged() (err error) {
	s.account, err = unprivileged.Own(s.dir, "mysql", "nobody")
	return err
}

func (s *server) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Dir = s.dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.account, Pdeathsig: syscall.SIGKILL}
	return c
}

func (s *server) remove() error {
	if s.process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait() // it exits with an error
	}
	return os.RemoveAll(s.dir)
}
