package move

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/onepw"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // what moves is a hash
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/transfer"
)

func TestMain(m *testing.M) {
	if os.Getenv(childFrom) != "" {
		child()
	}
	os.Exit(pgtest.Main(m))
}

// The variables that make a process of this test one that moves a server, and is killed.
const (
	childFrom = "SYNCMANAGER_TEST_MOVE_FROM"
	childTo   = "SYNCMANAGER_TEST_MOVE_TO"
)

// child moves a server, says after each user that it is done, and waits for a line before it goes on.
func child() {
	in := bufio.NewReader(os.Stdin)
	_, err := Run(context.Background(), Config{From: Place{Dir: os.Getenv(childFrom)}, To: Place{Dir: os.Getenv(childTo)}, Now: time.Now, Progress: func(done, _ int) {
		fmt.Println(done)
		_, _ = in.ReadString('\n')
	}})
	fmt.Println(err)
	os.Exit(0)
}

// A process that moves a server is killed after each user in turn. The next one goes on.
func TestKilled(t *testing.T) {
	t.Parallel()
	from, to := made(t), Place{Dir: t.TempDir()}
	want := content(t, from)
	for stop := range users {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childFrom+"="+from.Dir, childTo+"="+to.Dir)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for done := 0; done <= stop && lines.Scan(); done++ {
			if lines.Text() != fmt.Sprint(done+1) {
				t.Fatalf("it says %q", lines.Text())
			}
			if done < stop {
				_, _ = fmt.Fprintln(in)
			}
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
	}
	if r, err := run(t, from, to); err != nil || r.Same != users {
		t.Errorf("%+v, %v", r, err)
	}
	if got := content(t, to); got != want {
		t.Errorf("it has\n%s\nwant\n%s", got, want)
	}
}

const users = 5

// made makes a data folder with accounts and records.
func made(t *testing.T) Place {
	t.Helper()
	p := Place{Dir: t.TempDir()}
	s, err := start(t, p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range users {
		by, err := onepw.NewCredentials(fmt.Sprintf("user%d@example.org", i), "correct horse", rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.AddUser(t.Context(), fmt.Sprintf("user%d@example.org", i), accounts.Credentials(by)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.Invite(t.Context(), "für Bob", time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := open(t.Context(), p, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	for uid := range int64(users) {
		for i := range 3 {
			err := d.records.Update(t.Context(), uid+1, storage.Durable, func(tx storage.Tx) error {
				return tx.Put(fmt.Sprint("c", i), []storage.Change{{ID: "a", Fields: storage.FieldPayload, Payload: fmt.Append(nil, uid, "\x00")}})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// start starts a server on a place.
func start(t *testing.T, p Place) (*server.Server, error) {
	dir := p.Dir
	if dir == "" {
		dir = t.TempDir()
	}
	return server.New(t.Context(), server.Config{
		Dir: dir, Database: p.Database, PublicURL: "http://sync.test", Now: time.Now, Rand: rand.Reader, PasswordCost: 4,
		Log: slog.New(slog.DiscardHandler), PurgeTicks: make(chan time.Time),
	})
}

func run(t *testing.T, from, to Place) (Report, error) {
	t.Helper()
	return Run(t.Context(), Config{From: from, To: to, Now: time.Now})
}

// content describes all that a place has.
func content(t *testing.T, p Place) string {
	t.Helper()
	d, err := open(t.Context(), p, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.close(context.WithoutCancel(t.Context())) }()
	secret, err := d.secret(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := []string{fmt.Sprintf("%x", secret)}
	for _, part := range parts() {
		tables, err := sqldb.Tables(part.schema)
		if err != nil {
			t.Fatal(err)
		}
		sum := sqldb.Sum{}
		if db := d.tables[part.name]; db != nil {
			if sum, err = sqldb.SumOf(t.Context(), db, tables); err != nil {
				t.Fatal(err)
			}
		}
		if sum.Rows > 0 {
			all = append(all, fmt.Sprint(part.name, sum))
		}
	}
	uids, err := usersOf(t.Context(), d.records)
	if err != nil {
		t.Fatal(err)
	}
	for _, uid := range uids {
		sum, err := transfer.Local{Backend: d.records}.Sum(t.Context(), uid, bso.TimestampOf(time.Now()))
		all = append(all, fmt.Sprint(uid, sum, err))
	}
	return strings.Join(all, "\n")
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	a, b, c := made(t), Place{Database: pgtest.Database(t)}, Place{Dir: t.TempDir()}
	want := content(t, a)
	for _, way := range [][2]Place{{a, b}, {b, c}} {
		r, err := run(t, way[0], way[1])
		if err != nil || r.Users != users || r.Same != 0 || r.Records != 3*users || r.Rows < users || len(r.Failed) != 0 {
			t.Fatalf("to %s: %+v, %v", way[1], r, err)
		}
		if got := content(t, way[1]); got != want {
			t.Errorf("%s has\n%s\nwant\n%s", way[1], got, want)
		}
	}
	for _, p := range []Place{b, c} {
		s, err := start(t, p)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := s.Users(t.Context()); err != nil || len(all) != users {
			t.Errorf("a server on %s has %d users, %v", p, len(all), err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := run(t, a, b); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("to a place in use: %v", err)
	}
	if _, err := run(t, a, a); !errors.Is(err, ErrSame) {
		t.Errorf("to itself: %v", err)
	}
	if _, err := run(t, Place{Dir: t.TempDir()}, Place{Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no server's data") {
		t.Errorf("from an empty folder: %v", err)
	}
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, a, Place{Dir: home}); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("to a folder with something else: %v", err)
	}
	if _, err := run(t, made(t), c); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("to another server's place: %v", err)
	}
}

// A move that stops after any user goes on where it was; until then no server starts there.
func TestAMoveThatStops(t *testing.T) {
	t.Parallel()
	from := made(t)
	want := content(t, from)
	for _, to := range []Place{{Dir: t.TempDir()}, {Database: pgtest.Database(t)}} {
		for stop := 1; stop < users; stop++ {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := Run(ctx, Config{From: from, To: to, Now: time.Now, Progress: func(done, _ int) {
				if done == stop {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("stopped after %d users: %v", stop, err)
			}
			if s, err := start(t, to); !errors.Is(err, server.ErrMoving) {
				t.Errorf("a server starts on half of the data: %v", err)
				_ = s.Close(t.Context())
			}
			if _, err := run(t, made(t), to); !errors.Is(err, ErrNotEmpty) {
				t.Errorf("another server is moved there too: %v", err)
			}
		}
		r, err := run(t, from, to)
		if err != nil || r.Same != users-1 || r.Users != users {
			t.Errorf("%+v, %v", r, err)
		}
		if got := content(t, to); got != want {
			t.Errorf("%s has\n%s\nwant\n%s", to, got, want)
		}
	}
}

// One user's records are damaged: the others are moved.
func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	from, to := made(t), Place{Dir: t.TempDir()}
	var damaged int
	err := filepath.WalkDir(filepath.Join(from.Dir, "storage"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Name() == "3.sqlite" {
			damaged++
			return os.WriteFile(path, []byte(strings.Repeat("not a database", 1000)), 0o600)
		}
		return err
	})
	if err != nil || damaged != 1 {
		t.Skipf("the records are not in a file per user: %v", err)
	}
	r, err := run(t, from, to)
	if err != nil || len(r.Failed) != 1 || r.Failed[0].Storage != 3 || r.Records != 3*(users-1) {
		t.Errorf("%+v, %v", r, err)
	}
}

// Every table of a server is copied, or is named here.
func TestNoTableIsForgotten(t *testing.T) {
	t.Parallel()
	p := Place{Database: pgtest.Database(t)}
	s, err := start(t, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := map[string]string{
		"server_secrets": "copied as the secret", "versions": "of the schema",
		"channels": "devices that pair begin again", "channel_messages": "devices that pair begin again",
	}
	for _, part := range parts() {
		tables, err := sqldb.Tables(part.schema)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			known[table] = "copied"
		}
	}
	db, err := sqldb.OpenPostgres(t.Context(), p.Database, "server", server.Schema(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.Read(t.Context()).Query(`SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			t.Fatal(err)
		}
		if n++; known[table] == "" && !strings.HasPrefix(table, "storage_") { // those are copied by the Backend
			t.Errorf("the table %s is neither copied nor left out", table)
		}
	}
	if err := rows.Err(); err != nil || n < 20 {
		t.Errorf("%d tables, %v", n, err)
	}
}
