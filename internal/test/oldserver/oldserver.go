// Package oldserver makes databases as Mozilla's other sync servers have them: with the tables of their
// versions, and with rows as they write them.
//
// Sources: the migrations and statements of mozilla-services/syncstorage-rs, and the table definitions of
// mozilla-services/server-syncstorage, tokenserver and syncserver. Those of syncstorage-rs on PostgreSQL were
// compared with what version 0.23.3 made and wrote when its clients stored, changed and deleted records.
package oldserver

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/internal/test/mariadbtest"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

// Kind is a server with a database.
type Kind string

// The kinds.
const (
	RustMySQL      Kind = "syncstorage-rs on MySQL"
	RustPostgres   Kind = "syncstorage-rs on PostgreSQL"
	PythonSQLite   Kind = "the Python server on SQLite"
	PythonMySQL    Kind = "the Python server on MySQL"
	PythonPostgres Kind = "the Python server on PostgreSQL"
)

// Kinds are all kinds.
func Kinds() []Kind {
	return []Kind{RustMySQL, RustPostgres, PythonSQLite, PythonMySQL, PythonPostgres}
}

// Server is the database of another server.
type Server struct {
	t    testing.TB
	kind Kind
	// From is the name of the database, as 'server import' takes it.
	From string
	DB   *sql.DB
	// next is the number of the next collection.
	next    int64
	numbers map[string]int64
	nodes   []string
}

// New makes an empty database. It skips the test if the database is not installed.
func New(t testing.TB, kind Kind) *Server {
	t.Helper()
	s := &Server{t: t, kind: kind, numbers: make(map[string]int64), next: 1}
	switch kind {
	case RustMySQL, PythonMySQL:
		s.From, s.DB = mariadbtest.Database(t)
	case RustPostgres, PythonPostgres:
		s.From = pgtest.Database(t)
		cfg, err := pgx.ParseConfig(s.From)
		if err != nil {
			t.Fatal(err)
		}
		s.DB = stdlib.OpenDB(*cfg)
	case PythonSQLite:
		s.From = filepath.Join(t.TempDir(), "syncserver.db")
		db, err := sql.Open(sqlite.Driver, (&url.URL{Scheme: "file", Path: s.From}).String())
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		s.DB = db
	}
	t.Cleanup(func() { _ = s.DB.Close() })
	for _, statement := range slices.Concat(storageTables[kind], tokenTables[kind]) {
		s.Exec(statement)
	}
	if s.rust() {
		for i, name := range standard {
			s.numbers[name] = int64(i + 1)
			s.addCollection(int64(i+1), name)
		}
		s.next = 101
	}
	return s
}

func (s *Server) rust() bool { return s.kind == RustMySQL || s.kind == RustPostgres }

func (s *Server) postgres() bool { return s.kind == RustPostgres || s.kind == PythonPostgres }

// Exec runs a statement with parameters "?".
func (s *Server) Exec(query string, args ...any) {
	s.t.Helper()
	if s.postgres() {
		for n := 1; strings.Contains(query, "?"); n++ {
			query = strings.Replace(query, "?", fmt.Sprintf("$%d", n), 1)
		}
	}
	if _, err := s.DB.ExecContext(s.t.Context(), query, args...); err != nil {
		s.t.Fatalf("%v\n%s", err, query)
	}
}

// User is a row of the token server.
type User struct {
	UID           int64
	Email         string
	ClientState   string // hexadecimal
	Generation    int64
	KeysChangedAt int64
	Created       int64 // ms
	Replaced      int64 // ms; 0: it is in use
	Node          string
}

// AddUser adds a row.
func (s *Server) AddUser(u User) {
	s.t.Helper()
	replaced := sql.Null[int64]{V: u.Replaced, Valid: u.Replaced != 0}
	changed := sql.Null[int64]{V: u.KeysChangedAt, Valid: u.KeysChangedAt != 0}
	if !s.rust() { // the Python server with a single node
		s.Exec(`INSERT INTO users (uid, service, email, generation, client_state, created_at, replaced_at, keys_changed_at, node)
			VALUES (?, 'sync-1.5', ?, ?, ?, ?, ?, ?, ?)`, u.UID, u.Email, u.Generation, u.ClientState, u.Created, replaced, changed, "https://sync.example.org")
		return
	}
	if u.Node == "" {
		u.Node = "https://sync.example.org"
	}
	node := slices.Index(s.nodes, u.Node) + 1
	if node == 0 {
		s.nodes = append(s.nodes, u.Node)
		node = len(s.nodes)
		s.Exec(`INSERT INTO nodes (id, service, node, available, current_load, capacity, downed, backoff)
			VALUES (?, (SELECT id FROM services WHERE service = 'sync-1.5'), ?, 10, 0, 10, 0, 0)`, node, u.Node)
	}
	s.Exec(`INSERT INTO users (uid, service, email, generation, client_state, created_at, replaced_at, keys_changed_at, nodeid)
		VALUES (?, (SELECT id FROM services WHERE service = 'sync-1.5'), ?, ?, ?, ?, ?, ?, ?)`,
		u.UID, u.Email, u.Generation, u.ClientState, u.Created, replaced, changed, node)
}

// Record is a record as a client sent it, and the time of its upload in milliseconds.
type Record struct {
	Collection, ID string
	Modified       int64
	SortIndex      sql.Null[int64]
	Payload        string
	TTL            int64 // in seconds; 0: none
}

// Put stores a record.
func (s *Server) Put(uid int64, r Record) {
	s.t.Helper()
	s.Touch(uid, r.Collection, r.Modified)
	number := s.numbers[r.Collection]
	switch s.kind {
	case RustPostgres:
		s.Exec(`INSERT INTO bsos (user_id, collection_id, bso_id, sortindex, payload, modified, expiry)
			VALUES (?, ?, ?, ?, ?, to_timestamp(?::bigint / 1000.0), to_timestamp(?::bigint / 1000.0))
			ON CONFLICT (user_id, collection_id, bso_id) DO UPDATE SET sortindex = excluded.sortindex, payload = excluded.payload,
				modified = excluded.modified, expiry = excluded.expiry`,
			uid, number, r.ID, r.SortIndex, r.Payload, r.Modified, s.expiry(r))
		return
	case PythonSQLite, PythonPostgres:
		s.Exec(`DELETE FROM bso WHERE userid = ? AND collection = ? AND id = ?`, uid, number, r.ID)
		fallthrough
	default:
		insert := "INSERT"
		if s.kind == RustMySQL || s.kind == PythonMySQL {
			insert = "REPLACE"
		}
		s.Exec(insert+` INTO bso (userid, collection, id, sortindex, modified, payload, payload_size, ttl) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			uid, number, r.ID, r.SortIndex, r.Modified, r.Payload, len(r.Payload), s.expiry(r))
	}
}

// expiry is what the server keeps of a TTL.
func (s *Server) expiry(r Record) int64 {
	const forever = 2_100_000_000 // for both: as a time to live, and as a time in seconds
	switch {
	case s.rust() && r.TTL == 0:
		return r.Modified + forever*1000
	case s.rust():
		return r.Modified + r.TTL*1000
	case r.TTL == 0:
		return forever
	}
	return r.Modified/1000 + r.TTL
}

// Touch sets the last-modified time of a collection, in milliseconds, and makes it if it does not exist.
func (s *Server) Touch(uid int64, collection string, modified int64) {
	s.t.Helper()
	number, ok := s.numbers[collection]
	if !ok {
		number = s.next
		s.next++
		s.numbers[collection] = number
		s.addCollection(number, collection)
	}
	s.touch(uid, number, modified)
}

// Tombstone does what syncstorage-rs does when a collection was deleted.
func (s *Server) Tombstone(uid, modified int64) { s.touch(uid, 0, modified) }

func (s *Server) touch(uid, number, modified int64) {
	s.t.Helper()
	if s.kind == RustPostgres {
		s.Exec(`INSERT INTO user_collections (user_id, collection_id, modified) VALUES (?, ?, to_timestamp(?::bigint / 1000.0))
			ON CONFLICT (user_id, collection_id) DO UPDATE SET modified = greatest(user_collections.modified, excluded.modified)`, uid, number, modified)
		return
	}
	s.Exec(`UPDATE user_collections SET last_modified = ? WHERE userid = ? AND collection = ? AND last_modified < ?`, modified, uid, number, modified)
	var n int
	query := fmt.Sprintf("SELECT count(*) FROM user_collections WHERE userid = %d AND collection = %d", uid, number)
	if err := s.DB.QueryRowContext(s.t.Context(), query).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	if n == 0 {
		s.Exec(`INSERT INTO user_collections (userid, collection, last_modified) VALUES (?, ?, ?)`, uid, number, modified)
	}
}

func (s *Server) addCollection(number int64, name string) {
	s.t.Helper()
	column := map[Kind]string{RustMySQL: "id", RustPostgres: "collection_id"}[s.kind]
	if column == "" {
		column = "collectionid"
	}
	s.Exec("INSERT INTO collections ("+column+", name) VALUES (?, ?)", number, name)
}
