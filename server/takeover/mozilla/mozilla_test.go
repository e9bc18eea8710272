package mozilla_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/mariadbtest"
	"github.com/syncmanager/syncmanager/internal/test/oldserver"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/takeover"
	"github.com/syncmanager/syncmanager/server/takeover/mozilla"
)

func TestMain(m *testing.M) {
	os.Exit(mariadbtest.Main(func() int { return pgtest.Main(m) }))
}

const (
	ann = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	bob = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

	noon = 1_795_000_000_000
)

func nothing(string) string { return "" }

// users reads the users of a database: their e-mail addresses and the numbers of their storages.
func users(t *testing.T, from string, o mozilla.Options) (all []string, r *mozilla.Reader) {
	t.Helper()
	if o.Getenv == nil {
		o.Getenv = nothing
	}
	r, err := mozilla.Open(t.Context(), from, o)
	must(t, err)
	t.Cleanup(func() { _ = r.Close() }) // a test may have closed it
	must(t, r.Users(t.Context(), func(u takeover.User) error {
		all = append(all, u.Email)
		return nil
	}))
	return all, r
}

// ids returns the IDs of the records under a uid.
func ids(t *testing.T, r *mozilla.Reader, uid int64) (all []string) {
	t.Helper()
	must(t, r.Records(t.Context(), uid, func(r takeover.Record) error {
		all = append(all, r.Collection+"/"+r.ID)
		return nil
	}))
	return all
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused opens a database that is refused for a reason.
func refused(t *testing.T, from string, o mozilla.Options, want error, text string) {
	t.Helper()
	if o.Getenv == nil {
		o.Getenv = nothing
	}
	r, err := mozilla.Open(t.Context(), from, o)
	if err == nil {
		must(t, r.Close())
		t.Fatalf("it was opened: want %q", text)
	}
	if want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
		t.Errorf("refused with %q, want %q", err, text)
	}
}

// What is not the database of a known server is refused, by a sentence that says what is missing.
func TestUnknownSchemas(t *testing.T) {
	t.Parallel()
	for text, statements := range map[string][]string{
		"no table users as":            {"DROP TABLE users"},
		"no table user_collections":    {"ALTER TABLE user_collections RENAME COLUMN last_modified TO modified"},
		"no table collections":         {"ALTER TABLE collections RENAME COLUMN collectionid TO number"},
		"no table bso":                 {"ALTER TABLE bso RENAME COLUMN ttl TO expires"},
		"both a table bso and":         {"CREATE TABLE bso0 AS SELECT * FROM bso"},
		"tables users, nodes and":      {"ALTER TABLE users ADD COLUMN nodeid"},
		"no sync-1.5":                  {"ALTER TABLE users ADD COLUMN nodeid", "CREATE TABLE nodes (id, node)", "CREATE TABLE services (id, service)"},
		"no table users":               {"ALTER TABLE users RENAME TO u", "CREATE VIEW users AS SELECT * FROM u"},
		"and its table collections":    {"DROP TABLE collections", "CREATE TABLE collections (id INTEGER, name TEXT)", "DROP TABLE bso", "CREATE TABLE bso (userid, collection, id, sortindex, modified, payload, ttl INT)"},
		"more than 100000 collections": {"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= 100000) INSERT INTO collections SELECT i, 'c' || i FROM n"},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			s := oldserver.New(t, oldserver.PythonSQLite)
			for _, statement := range statements {
				s.Exec(statement)
			}
			want := mozilla.ErrSchema
			if strings.HasPrefix(text, "more") {
				want = nil
			}
			refused(t, s.From, mozilla.Options{}, want, text)
		})
	}
}

// A name that is not that of a database is refused without its password.
func TestNamesOfDatabases(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "text.db")
	must(t, os.WriteFile(file, []byte("not a database"), 0o600))
	for from, text := range map[string]string{
		"oracle://ann@db/sync":                          "begins with mysql:// or postgres://, not oracle://",
		"mysql://ann:s3cret@db:port/sync":               "is not a URL",
		"mysql://db/sync":                               "must be like mysql://USER@HOST/DATABASE",
		"mysql://ann@db":                                "must be like mysql://USER@HOST/DATABASE",
		"mysql://ann@db/sync?allowAllFiles=true":        `"allowAllFiles" is not a parameter`,
		"mysql://ann@db/sync?ssl-mode=often":            "ssl-mode must be DISABLED",
		"mysql://ann@db/sync?ssl-ca=" + file:            "has no certificates",
		"mysql://ann@db/sync?ssl-ca=" + folder + "/no":  "cannot read the certificates",
		"mysql://ann:s3cret@localhost/s?socket=/no/way": "no such file",
		"postgres://ann@db/sync?sslmode=often":          "sslmode",
		"host=/no/way user=ann password=s3cret":         "failed to connect",
		filepath.Join(folder, "none.db"):                "no such file",
		folder:                                          "not a plain file",
		file:                                            "SQLite cannot read it",
	} {
		r, err := mozilla.Open(t.Context(), from, mozilla.Options{Getenv: nothing})
		if err == nil {
			must(t, r.Close())
		}
		if err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %q", from, err, text)
		}
	}
	for text, want := range map[string]bool{
		"mysql://ann:s3cret@db/sync": true, "postgres:///sync?password=s3cret": true, "host=db password=s3cret": true,
		"mysql://ann@db/sync": false, "postgres://ann@db/sync": false, "host=db": false, "/var/lib/sync:password=x.db": false, "": false,
	} {
		if mozilla.HasPassword(text) != want {
			t.Errorf("%q has a password: %v", text, !want)
		}
	}
}

// The Python server may have its records in several tables, and older versions have fewer columns.
func TestVersionsOfThePythonServer(t *testing.T) {
	t.Parallel()
	s := oldserver.New(t, oldserver.PythonSQLite)
	for uid := range int64(6) {
		s.Put(uid, oldserver.Record{Collection: "forms", ID: "of" + string(rune('0'+uid)), Modified: noon})
	}
	s.Shard(4)
	s.Exec("ALTER TABLE users DROP COLUMN node")
	s.Exec("ALTER TABLE users DROP COLUMN keys_changed_at")
	s.Exec(`INSERT INTO users (uid, service, email, generation, client_state, created_at) VALUES (5, 'sync-1.5', ?, 9, '', 9), (6, 'other-1.0', ?, 9, '', 9)`,
		ann+"@a.test", bob+"@a.test")
	got, r := users(t, s.From, mozilla.Options{})
	if !slices.Equal(got, []string{ann + "@a.test"}) {
		t.Errorf("users: %v", got)
	}
	for uid := range int64(6) {
		if got := ids(t, r, uid); !slices.Equal(got, []string{"forms/of" + string(rune('0'+uid))}) {
			t.Errorf("%d has %v", uid, got)
		}
	}

	// Its setting "standard_collections": those have no row.
	s = oldserver.New(t, oldserver.PythonSQLite)
	s.Exec(`INSERT INTO collections VALUES (99, ''), (100, 'notes')`)
	s.Exec(`INSERT INTO bso (userid, collection, id, modified, payload) VALUES (1, 7, 'a', 1, ''), (1, 100, 'b', 1, ''), (1, 50, 'c', 1, '')`)
	if got, want := ids(t, reader(t, s.From), 1), []string{"bookmarks/a", "collection number 50/c", "notes/b"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A token server with nodes has keys_changed_at since 2019 only.
func TestVersionsOfTheTokenServer(t *testing.T) {
	t.Parallel()
	for _, kind := range []oldserver.Kind{oldserver.RustMySQL, oldserver.RustPostgres} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := oldserver.New(t, kind)
			s.AddUser(oldserver.User{UID: 1, Email: ann + "@a.test", Generation: 5, KeysChangedAt: 4, Created: noon})
			// The current row is that with the highest generation, whatever row came last.
			s.AddUser(oldserver.User{UID: 2, Email: ann + "@a.test", Generation: 3, KeysChangedAt: 3, Created: noon + 1000})
			for _, changed := range []int64{4, 0} {
				_, r := users(t, s.From, mozilla.Options{})
				must(t, r.Users(t.Context(), func(u takeover.User) error {
					if k := u.Keys; len(k) != 2 || k[0].UID != 1 || k[0].KeysChangedAt != changed || k[0].Generation != 5 || k[0].Created != noon {
						t.Errorf("%+v", k)
					}
					return nil
				}))
				must(t, r.Close())
				if changed != 0 {
					s.Exec("ALTER TABLE users DROP COLUMN keys_changed_at")
				}
			}
		})
	}
}

func reader(t *testing.T, from string) *mozilla.Reader {
	_, r := users(t, from, mozilla.Options{})
	return r
}

// Users on several nodes, and of several accounts servers: the operator says which.
func TestNodesAndIssuers(t *testing.T) {
	t.Parallel()
	for _, kind := range []oldserver.Kind{oldserver.RustMySQL, oldserver.RustPostgres} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := oldserver.New(t, kind)
			s.AddUser(oldserver.User{UID: 1, Email: ann + "@a.test", Node: "https://one.test"})
			s.AddUser(oldserver.User{UID: 2, Email: bob + "@a.test", Node: "https://two.test"})
			refused(t, s.From, mozilla.Options{}, mozilla.ErrNodes, `"https://two.test"`)
			refused(t, s.From, mozilla.Options{Node: "https://three.test"}, mozilla.ErrNodes, `"https://three.test" is not among`)
			got, r := users(t, s.From, mozilla.Options{Node: "https://one.test"})
			if len(got) != 2 {
				t.Errorf("users: %v", got)
			}
			must(t, r.Users(t.Context(), func(u takeover.User) error {
				want := map[string]string{ann + "@a.test": "https://one.test", bob + "@a.test": "https://two.test"}[u.Email]
				if u.Keys[0].Node != want || u.Keys[0].Replaced {
					t.Errorf("%s: %+v", u.Email, u.Keys)
				}
				return nil
			}))
			// A node that was removed has no records any more.
			s.Exec(`DELETE FROM nodes WHERE node = 'https://two.test'`)
			_, r = users(t, s.From, mozilla.Options{})
			must(t, r.Users(t.Context(), func(u takeover.User) error {
				if u.Keys[0].Replaced != (u.Email == bob+"@a.test") {
					t.Errorf("%s: %+v", u.Email, u.Keys)
				}
				return nil
			}))
			s.AddUser(oldserver.User{UID: 3, Email: bob + "@b.test", Node: "https://one.test"})
			refused(t, s.From, mozilla.Options{}, mozilla.ErrIssuers, `"b.test"`)
			refused(t, s.From, mozilla.Options{Issuer: "c.test"}, mozilla.ErrIssuers, `"c.test" is not among`)
			_, _ = users(t, s.From, mozilla.Options{Issuer: "a.test"})
		})
	}
}

// The token server may have a database of its own.
func TestTwoDatabases(t *testing.T) {
	t.Parallel()
	records, tokens := oldserver.New(t, oldserver.RustPostgres), oldserver.New(t, oldserver.PythonSQLite)
	for _, table := range []string{"users", "nodes", "services"} {
		records.Exec("DROP TABLE " + table)
	}
	refused(t, records.From, mozilla.Options{}, mozilla.ErrSchema, "no table users")
	refused(t, records.From, mozilla.Options{Tokens: records.From + "&application_name=x"}, mozilla.ErrSchema, "the token server's database: ")
	tokens.AddUser(oldserver.User{UID: 4, Email: ann + "@a.test"})
	records.Put(4, oldserver.Record{Collection: "forms", ID: "x", Modified: noon})
	got, r := users(t, records.From, mozilla.Options{Tokens: tokens.From})
	if len(got) != 1 || len(ids(t, r, 4)) != 1 || r.Server() != "syncstorage-rs on PostgreSQL" {
		t.Errorf("%v %v %s", got, ids(t, r, 4), r.Server())
	}
	if n, err := r.Count(t.Context()); err != nil || n != 1 {
		t.Errorf("%d users, %v", n, err)
	}
}

// The other server goes on while its database is read: the reader sees one state.
func TestOneState(t *testing.T) {
	t.Parallel()
	for _, kind := range oldserver.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := oldserver.New(t, kind)
			s.AddUser(oldserver.User{UID: 1, Email: ann + "@a.test"})
			s.Put(1, oldserver.Record{Collection: "forms", ID: "before", Modified: noon})
			r, err := mozilla.Open(t.Context(), s.From, mozilla.Options{Getenv: nothing})
			must(t, err)
			defer func() { must(t, r.Close()) }()
			s.AddUser(oldserver.User{UID: 2, Email: bob + "@a.test"})
			s.Put(1, oldserver.Record{Collection: "forms", ID: "after", Modified: noon + 1000})
			n := 0
			must(t, r.Users(t.Context(), func(takeover.User) error {
				n++
				return nil
			}))
			times, err := r.Times(t.Context(), 1)
			must(t, err)
			if got := ids(t, r, 1); n != 1 || !slices.Equal(got, []string{"forms/before"}) || times.Storage != noon/10 {
				t.Errorf("%d users, %v, %v", n, got, times)
			}
		})
	}
}

// A deleted collection of syncstorage-rs counts for the time of the storage.
func TestTombstone(t *testing.T) {
	t.Parallel()
	for _, kind := range []oldserver.Kind{oldserver.RustMySQL, oldserver.RustPostgres} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := oldserver.New(t, kind)
			s.Touch(1, "forms", noon)
			s.Tombstone(1, noon+500)
			times, err := reader(t, s.From).Times(t.Context(), 1)
			must(t, err)
			if times.Storage != noon/10+50 || len(times.Collections) != 1 || times.Collections["forms"] != noon/10 {
				t.Errorf("%+v", times)
			}
		})
	}
}

// MySQL's password comes from the URL, the environment, the option file, or a question.
func TestPasswordOfMySQL(t *testing.T) {
	t.Parallel()
	s := oldserver.New(t, oldserver.RustMySQL)
	from := mariadbtest.User(t, s.DB, "reader", "pa'ss")
	home := t.TempDir()
	must(t, os.WriteFile(filepath.Join(home, ".my.cnf"), []byte("[mysqld]\npassword = no\n[client]\nuser=x\n# c\npassword = \"pa'ss\"\n[mysqldump]\npassword=no\n"), 0o600))
	wrong := func(context.Context, string) (string, error) { return "wrong", nil }
	refused(t, from, mozilla.Options{}, nil, "Access denied")
	refused(t, from, mozilla.Options{Password: wrong}, nil, "Access denied")
	asked := 0
	for _, o := range []mozilla.Options{
		{Getenv: func(name string) string { return map[string]string{"MYSQL_PWD": "pa'ss"}[name] }},
		{Getenv: func(name string) string { return map[string]string{"HOME": home}[name] }},
		{Password: func(_ context.Context, user string) (string, error) {
			if asked++; user != "reader" {
				t.Errorf("asked for the password of %q", user)
			}
			return "pa'ss", nil
		}},
	} {
		_, _ = users(t, from, o)
	}
	_, _ = users(t, strings.Replace(from, "reader@", "reader:pa'ss@", 1), mozilla.Options{})
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// The modes of TLS are those of MySQL's programs.
func TestTLSOfMySQL(t *testing.T) {
	t.Parallel()
	s := oldserver.New(t, oldserver.RustMySQL)
	u, err := url.Parse(mariadbtest.User(t, s.DB, "remote", "word"))
	must(t, err)
	address, ca := mariadbtest.TLS()
	_, port, err := net.SplitHostPort(address)
	must(t, err)
	name := func(host, mode string) string {
		q := url.Values{"ssl-mode": {mode}}
		if strings.HasPrefix(mode, "verify") {
			q.Set("ssl-ca", ca)
		}
		return (&url.URL{Scheme: "mysql", User: url.UserPassword("remote", "word"), Host: net.JoinHostPort(host, port), Path: u.Path, RawQuery: q.Encode()}).String()
	}
	for _, from := range []string{
		name("127.0.0.1", "disabled"), name("127.0.0.1", "preferred"), name("127.0.0.1", "required"), name("localhost", "verify_ca"), name("127.0.0.1", "verify_identity"),
	} {
		_, _ = users(t, from, mozilla.Options{})
	}
	// Certificates that this machine does not trust, and another name.
	for _, from := range []string{name("127.0.0.1", "VERIFY_CA"), name("127.0.0.1", "VERIFY_IDENTITY"), name("localhost", "verify_identity")} {
		refused(t, from, mozilla.Options{}, nil, "certificate")
	}
}
