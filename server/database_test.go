package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/backup"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// Two servers on one database are one service: each request may go to another of them.
func TestTwoServersOnOneDatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	shared := func(c *server.Config) { c.Database = database }
	one, two := newEnv(t, shared), newEnv(t, shared)

	a := one.device(true)
	if a.token.NodeType != "postgres" {
		t.Errorf("clients are told that the storage is %q", a.token.NodeType)
	}
	a.must("PUT", "/storage/forms/x", `{"payload":"from one"}`)
	b := two.device(false) // the account is known on the other server
	if b.token.UID != a.token.UID {
		t.Fatalf("the storages are %d and %d", a.token.UID, b.token.UID)
	}
	if got := b.must("GET", "/storage/forms/x", ""); !strings.Contains(got, "from one") {
		t.Errorf("the other server has %s", got)
	}

	// A token from one is good at the other, within a batch too.
	a.via = inproc.New(two.server.Handler())
	a.must("PUT", "/storage/forms/x", `{"payload":"from two"}`)
	code, answer := a.do("POST", "/storage/forms?batch=true", `[{"id":"y","payload":"batched"}]`)
	var started struct{ Batch string }
	if err := json.Unmarshal([]byte(answer), &started); code != 202 || err != nil {
		t.Fatalf("a batch: %d %s", code, answer)
	}
	a.via = inproc.New(one.server.Handler())
	a.must("POST", "/storage/forms?commit=true&batch="+started.Batch, `[]`)
	if got := a.must("GET", "/storage/forms/y", ""); !strings.Contains(got, "batched") {
		t.Errorf("of a batch that began at the other server: %s", got)
	}
	if got := a.must("GET", "/storage/forms/x", ""); !strings.Contains(got, "from two") {
		t.Errorf("the first server has %s", got)
	}

	// Signed out at one, a device has no access at the other.
	if err := b.account.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, _ := b.do("PUT", "/storage/forms/z", `{"payload":""}`); code != 401 {
		t.Errorf("a device that was signed out elsewhere: %d", code)
	}

	// A password that is tried too often at one is not tried at the other.
	for i := range 20 {
		w := []*env{one, two}[i%2]
		if _, err := w.accounts(inproc.New(w.server.Handler())).Login(t.Context(), email, "wrong"); err == nil {
			t.Fatal("signed in with a wrong password")
		}
	}
	for _, w := range []*env{one, two} {
		_, err := w.accounts(inproc.New(w.server.Handler())).Login(t.Context(), email, password)
		if !errors.Is(err, account.ErrTooMany) {
			t.Errorf("after many tries: %v", err)
		}
	}

	users, err := two.server.Users(t.Context())
	if err != nil || len(users) != 1 || users[0].Storage != a.token.UID || users[0].Bytes == 0 {
		t.Errorf("%+v, %v", users, err)
	}
	for _, w := range []*env{one, two} {
		if err := w.server.Purge(t.Context()); err != nil {
			t.Error(err)
		}
		if h, _ := w.server.Health(t.Context()); !h.OK {
			t.Errorf("%+v", h)
		}
	}
	if err := one.server.RemoveUser(t.Context(), email); err != nil {
		t.Fatal(err)
	}
	if code, _ := a.do("GET", "/storage/forms/x", ""); code != 401 {
		t.Errorf("a removed user: %d", code)
	}
}

// While one server sweeps, another one on the database leaves it to that one.
func TestOneServerSweepsAtATime(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	shared := func(c *server.Config) { c.Database = database }
	one, two := newEnv(t, shared), newEnv(t, shared)
	a := one.device(true)
	a.must("PUT", "/storage/forms/x", `{"payload":"short","ttl":60}`)
	a.must("PUT", "/storage/forms/y", `{"payload":"long","ttl":7200}`)
	one.Pass(time.Hour)
	two.Pass(time.Hour)

	// The first sweep waits for a lock of the user's row.
	row := lockRows(t, database)
	swept := make(chan error, 1)
	go func() { swept <- one.server.Purge(t.Context()) }()
	row.awaited()
	if err := two.server.Purge(t.Context()); err != nil { // it would wait, and be busy
		t.Errorf("the second server's sweep: %v", err)
	}
	count := func() (n int) {
		if err := row.conn.QueryRow(t.Context(), "SELECT count(*) FROM storage_records WHERE expires IS NOT NULL").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != 2 {
		t.Errorf("%d records that expire are left, of two", n)
	}
	row.free()
	if err := <-swept; err != nil {
		t.Error(err)
	}
	if n := count(); n != 1 {
		t.Errorf("%d records that expire are left", n)
	}
	two.Pass(2 * time.Hour)
	if err := two.server.Purge(t.Context()); err != nil || count() != 0 {
		t.Errorf("the second server, after the first: %v, %d records are left", err, count())
	}
}

// A server that has too much to do sends devices away until it has less, before it asks the
// database.
func TestAServerThatHasTooMuchToDo(t *testing.T) {
	t.Parallel()
	for most, want := range map[int]int{1: http.StatusServiceUnavailable, 2: http.StatusOK} {
		database := pgtest.Database(t)
		w := newEnv(t, func(c *server.Config) { c.Database, c.MaxWaiting = database, most })
		a := w.device(true)
		a.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)

		row := lockRows(t, database)
		stored := make(chan int, 1)
		go func() {
			code, _ := a.do("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
			stored <- code
		}()
		row.awaited()
		r := httptest.NewRequestWithContext(t.Context(), "GET", root+"/token/1.0/sync/1.5", nil)
		answer := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(answer, r)
		asked := "X-Backoff"
		if want == http.StatusServiceUnavailable {
			asked = "Retry-After"
		} else {
			want = http.StatusUnauthorized // it has no access token
		}
		if seconds, _ := strconv.Atoi(answer.Header().Get(asked)); answer.Code != want || seconds < 30 {
			t.Errorf("a token, of at most %d: %d, %v", most, answer.Code, answer.Header())
		}
		metrics := httptest.NewRecorder()
		w.server.Metrics().ServeHTTP(metrics, r)
		if !strings.Contains(metrics.Body.String(), "syncmanager_storage_steps_in_progress 1") {
			t.Error("the metrics do not say how much is in progress")
		}
		row.free()
		if code := <-stored; code != http.StatusOK {
			t.Errorf("the write that waited: %d", code)
		}
		a.renew()
	}
}

// Uploads that wait for their commit are bounded on all servers together: one knows what those of
// another take.
func TestTheRoomForBatchesIsShared(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	shared := func(c *server.Config) { c.Database, c.BatchRoom = database, 10_000 }
	one := newEnv(t, shared)
	a := one.device(true)
	upload := func(d *device) (int, string) {
		code, answer := d.do("POST", "/storage/forms?batch=true", `[{"id":"y","payload":"`+strings.Repeat("x", 6000)+`"}]`)
		var started struct{ Batch string }
		if code == http.StatusAccepted {
			if err := json.Unmarshal([]byte(answer), &started); err != nil {
				t.Fatal(err)
			}
		}
		return code, started.Batch
	}
	code, batch := upload(a)
	if code != http.StatusAccepted {
		t.Fatalf("the first upload: %d", code)
	}
	two := newEnv(t, shared)
	b := two.device(false)
	if code, _ := upload(b); code != http.StatusServiceUnavailable {
		t.Errorf("an upload to the other server, without room for it: %d", code)
	}
	b.must("POST", "/storage/forms?commit=true&batch="+batch, `[]`) // it makes room, also there
	two.Pass(time.Minute)
	for code := http.StatusServiceUnavailable; code != http.StatusAccepted; code, _ = upload(b) {
		if code != http.StatusServiceUnavailable {
			t.Fatalf("an upload after the commit: %d", code)
		}
	}
}

// rowLock is a transaction of the test that has locked the rows of all users.
type rowLock struct {
	t    *testing.T
	conn *pgx.Conn
}

func lockRows(t *testing.T, database string) *rowLock {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	if _, err := conn.Exec(t.Context(), "BEGIN; SELECT FROM storage_users FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	return &rowLock{t, conn}
}

// awaited returns when something waits for the lock.
func (l *rowLock) awaited() {
	l.t.Helper()
	for waits := false; !waits; {
		err := l.conn.QueryRow(l.t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))`).Scan(&waits)
		if err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *rowLock) free() {
	l.t.Helper()
	if _, err := l.conn.Exec(l.t.Context(), "COMMIT"); err != nil {
		l.t.Fatal(err)
	}
}

// A folder and its database are not mistaken for those of another server.
func TestTheFolderOfADatabase(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	database := pgtest.Database(t)
	w := newEnv(t, func(c *server.Config) { c.Database = database })
	w.device(true).must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	if err := w.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(w.cfg.Dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if base := filepath.Base(file); base != "lock" && base != "data-is-in-postgresql" {
			t.Errorf("in the folder is %s", base)
		}
	}
	to := filepath.Join(t.TempDir(), "backup.tar")
	if _, err := backup.Write(t.Context(), backup.Source{Dir: w.cfg.Dir, Now: w.Now}, to); !errors.Is(err, backup.ErrElsewhere) {
		t.Errorf("backup: %v", err)
	}
	without := w.cfg
	without.Database = ""
	if _, err := server.New(t.Context(), without); !errors.Is(err, server.ErrDatabase) {
		t.Errorf("without the database: %v", err)
	}
	w.open()
	w.device(false).must("GET", "/storage/forms/x", "")

	own := newEnv(t, nil) // in its folder
	own.device(true)
	if err := own.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	own.cfg.Database = database
	if _, err := server.New(t.Context(), own.cfg); !errors.Is(err, server.ErrTwoStorages) {
		t.Errorf("with a database that would hide the folder's accounts: %v", err)
	}
}

// Nothing that a device was told is stored is lost when the database is restarted, and the
// server goes on by itself.
func TestADatabaseThatIsRestarted(t *testing.T) {
	t.Parallel()
	postgres := pgtest.Own(t)
	w := newEnv(t, func(c *server.Config) { c.Database = postgres.URL("") })
	d := w.device(true)
	access, err := d.account.AccessToken(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	credentials := fmt.Sprintf(`{"email":%q,"authPW":%q}`, email, strings.Repeat("00", 32))
	stored := make(map[string]bool)
	write := func(id string) int {
		code, _ := d.do("PUT", "/storage/forms/"+id, `{"payload":"sealed"}`)
		if code == 200 {
			stored[id] = true
		}
		return code
	}
	for round := range 3 {
		if code := write(fmt.Sprint("before", round)); code != 200 {
			t.Errorf("round %d: %d", round, code)
		}
		if err := postgres.Stop(); err != nil {
			t.Fatal(err)
		}
		if code := write(fmt.Sprint("without", round)); code != 503 {
			t.Errorf("without the database: %d", code)
		}
		if h, _ := w.server.Health(t.Context()); h.OK {
			t.Error("the server is well without its database")
		}
		mustWait(t, w, "POST", "/auth/v1/account/login", "", credentials)
		mustWait(t, w, "GET", "/token/1.0/sync/1.5", access, "")
		if err := postgres.Start(); err != nil {
			t.Fatal(err)
		}
		w.Pass(10 * time.Second) // a result of Health is good for some seconds
		if code := write(fmt.Sprint("after", round)); code != 200 {
			t.Errorf("after the restart: %d", code)
		}
		if h, _ := w.server.Health(t.Context()); !h.OK {
			t.Errorf("after the restart: %+v", h)
		}
		w.Pass(10 * time.Second)
	}
	list := d.must("GET", "/storage/forms", "")
	for id := range stored {
		if !strings.Contains(list, `"`+id+`"`) {
			t.Errorf("%s is lost", id)
		}
	}
}

// mustWait makes a request that must be answered 503 with the time to wait; access is a bearer token, or "".
func mustWait(t *testing.T, w *env, method, path, access, body string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, root+path, strings.NewReader(body))
	if access != "" {
		r.Header.Set("Authorization", "Bearer "+access)
	}
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, r)
	if rec.Code != 503 || rec.Header().Get("Retry-After") == "" {
		t.Errorf("%s: %d %s, Retry-After %q", path, rec.Code, rec.Body, rec.Header().Get("Retry-After"))
	}
}

// Who alternates between two servers has no more tries than at one: neither at many accounts, nor at one
// account from many networks.
func TestLimitsOfTwoServers(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	const most = 6
	shared := func(c *server.Config) {
		c.Database, c.SignIn = database, accounts.Limits{PerAddress: most, PerAccount: 2}
	}
	both := []*env{newEnv(t, shared), newEnv(t, shared)}
	tried := func(from func(n int) string, whom func(n int) string) (n int) {
		for i := range 100 {
			body := fmt.Sprintf(`{"email":%q,"authPW":%q}`, whom(i), strings.Repeat("00", 32))
			r := httptest.NewRequestWithContext(t.Context(), "POST", root+"/auth/v1/account/login", strings.NewReader(body))
			r.RemoteAddr = from(i)
			rec := httptest.NewRecorder()
			both[i%2].server.Handler().ServeHTTP(rec, r)
			switch rec.Code {
			case 400:
				n++
			case 429:
			default:
				t.Fatalf("%d %s", rec.Code, rec.Body)
			}
		}
		return n
	}
	many := func(i int) string { return fmt.Sprintf("user%d@example.org", i) }
	for what, address := range map[string]string{"IPv4": "192.0.2.1:1", "IPv6": "[2001:db8::1]:1"} {
		if n := tried(func(int) string { return address }, many); n != most {
			t.Errorf("%s: %d tries of one sender, want %d", what, n, most)
		}
	}
	site := func(i int) string { return fmt.Sprintf("[2001:db8:1:%x::1]:1", i) }
	if n := tried(site, many); n != 10*most {
		t.Errorf("%d tries of one site, want %d", n, 10*most)
	}
	elsewhere := func(i int) string { return fmt.Sprintf("198.51.100.%d:1", i) }
	if n := tried(elsewhere, func(int) string { return email }); n != 20 {
		t.Errorf("%d tries at one account, want 20", n)
	}
}
