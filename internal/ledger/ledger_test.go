package ledger

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// schema has the tables of two engines: one adds columns, and a prefix to all names.
const schema = `-- +goose Up
CREATE TABLE ledger (one INTEGER PRIMARY KEY CHECK (one = 1), global TEXT NOT NULL DEFAULT '', sync_id TEXT NOT NULL DEFAULT '', since INTEGER NOT NULL DEFAULT 0, past INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO ledger (one) VALUES (1);
CREATE TABLE staged (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, modified INTEGER NOT NULL, payload BLOB, err TEXT, fatal INTEGER NOT NULL DEFAULT 0, unread BLOB) STRICT;
CREATE TABLE outgoing (n INTEGER PRIMARY KEY, id TEXT NOT NULL, payload BLOB, changes INTEGER NOT NULL) STRICT;
CREATE TABLE retry (id TEXT PRIMARY KEY, attempts INTEGER NOT NULL, reason TEXT NOT NULL, held INTEGER NOT NULL DEFAULT 0, modified INTEGER NOT NULL DEFAULT 0, payload BLOB) STRICT, WITHOUT ROWID;
CREATE INDEX retry_due ON retry (attempts, id);
CREATE INDEX retry_held ON retry (id) WHERE held = 1;
CREATE TABLE tombstones (n INTEGER PRIMARY KEY, store TEXT NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (store, id)) STRICT;
CREATE INDEX tombstones_at ON tombstones (store, at);
CREATE TABLE tree_ledger (one INTEGER PRIMARY KEY CHECK (one = 1), global TEXT NOT NULL DEFAULT '', sync_id TEXT NOT NULL DEFAULT '', since INTEGER NOT NULL DEFAULT 0, past INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO tree_ledger (one) VALUES (1);
CREATE TABLE tree_staged (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, modified INTEGER NOT NULL, payload BLOB, err TEXT, fatal INTEGER NOT NULL DEFAULT 0, unread BLOB,
	parent TEXT, kind INTEGER) STRICT;
CREATE TABLE tree_outgoing (n INTEGER PRIMARY KEY, id TEXT NOT NULL, payload BLOB, changes INTEGER NOT NULL, sortindex INTEGER) STRICT;
CREATE TABLE tree_retry (id TEXT PRIMARY KEY, attempts INTEGER NOT NULL, reason TEXT NOT NULL, held INTEGER NOT NULL DEFAULT 0, modified INTEGER NOT NULL DEFAULT 0, payload BLOB) STRICT, WITHOUT ROWID;
CREATE INDEX tree_retry_due ON tree_retry (attempts, id);
CREATE INDEX tree_retry_held ON tree_retry (id) WHERE held = 1;
`

// notes is a small engine: it takes any record whose payload is not "bad".
type notes struct {
	newer   bool // it takes those as well
	settled []string
	refused []string
}

var errBad = errors.New("it is bad")

func (e *notes) ToStage(in *engine.Incoming) (Row, error) {
	switch {
	case in.Err != nil:
		return Row{ID: in.ID, Err: in.Err}, nil
	case e.Reads(in) != nil:
		return Row{ID: in.ID, Payload: in.Payload, Err: errBad, Fatal: true}, nil
	case in.ID == "ignored":
		return Row{}, nil
	}
	return Row{ID: in.ID, Payload: in.Payload}, nil
}

func (e *notes) Reads(in *engine.Incoming) error {
	if string(in.Payload) == "bad" && !e.newer {
		return errBad
	}
	return nil
}

func (e *notes) Columns() []any { return nil }

func (e *notes) ToSend(out *engine.Outgoing) error {
	out.TTL = 7
	return nil
}

func (e *notes) Settle(_ *sqlite.Tx, from, to int64, at engine.Timestamp) error {
	e.settled = append(e.settled, fmt.Sprint(from, "-", to, " at ", at))
	return nil
}

func (e *notes) Refuse(_ *sqlite.Tx, id engine.ID, reason string) error {
	e.refused = append(e.refused, string(id)+": "+reason)
	return nil
}

// tree is an engine that adds columns and has other IDs on the wire.
type tree struct {
	notes
	index int
}

func (e *tree) ToStage(in *engine.Incoming) (Row, error) {
	return Row{ID: local(in.ID), Payload: in.Payload, Err: in.Err, Columns: []any{"top", 3}}, nil
}

func (e *tree) Columns() []any { return []any{&e.index} }

func (e *tree) ToSend(out *engine.Outgoing) error {
	index := e.index
	out.SortIndex = &index
	return nil
}

func local(id engine.ID) engine.ID { return "here-" + id }
func wire(id engine.ID) engine.ID  { return engine.ID(strings.TrimPrefix(string(id), "here-")) }

func open(t *testing.T) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.sqlite"), sqlite.Options{
		Migrations: fstest.MapFS{"0001_start.sql": &fstest.MapFile{Data: []byte(schema)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func newNotes(db *sqlite.DB) *Ledger { return New(db, Config{Collection: "notes", Chunk: 60}) }

func newTree(db *sqlite.DB) *Ledger {
	return New(db, Config{Collection: "tree", Prefix: "tree_", Store: "tree", Staged: []string{"parent", "kind"}, Outgoing: []string{"sortindex"},
		Chunk: 2, Local: local, Wire: wire})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, l *Ledger, h Hooks) *Session {
	t.Helper()
	s, err := l.Begin(t.Context(), engine.Start{}, h)
	must(t, err)
	return s
}

func exec(t *testing.T, db *sqlite.DB, query string, args ...any) {
	t.Helper()
	must(t, db.UpdateCached(t.Context(), func(tx *sqlite.Tx) error { _, err := tx.Exec(query, args...); return err }))
}

func column(t *testing.T, db *sqlite.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.Query(t.Context(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var v string
		must(t, rows.Scan(&v))
		list = append(list, v)
	}
	must(t, rows.Err())
	return list
}

func TestAssociation(t *testing.T) {
	t.Parallel()
	db := open(t)
	l := newNotes(db)
	s := begin(t, l, &notes{})
	if err := s.Finish(t.Context(), 50); err != nil || s.Since() != 50 {
		t.Fatalf("since %d, %v", s.Since(), err)
	}
	must(t, s.Finish(t.Context(), 40)) // time does not go back
	if got := begin(t, newNotes(db), &notes{}).Since(); got != 50 {
		t.Errorf("the next session begins at %d; want 50", got)
	}
	want := engine.Association{Global: "g", Collection: "c"}
	must(t, db.UpdateCached(t.Context(), func(tx *sqlite.Tx) error { return l.Associate(tx, want) }))
	if got, err := l.Association(t.Context()); got != want || err != nil {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if s := begin(t, l, &notes{}); s.Since() != 0 || s.Past() != 50 {
		t.Errorf("with another storage it begins at %d, after %d; want 0, after 50", s.Since(), s.Past())
	}
	if got, err := newTree(db).Association(t.Context()); got != (engine.Association{}) || err != nil {
		t.Errorf("the other engine of the file has %v, %v", got, err)
	}
}

func TestStage(t *testing.T) {
	t.Parallel()
	db := open(t)
	l := newNotes(db)
	s := begin(t, l, &notes{})
	var page []engine.Incoming
	for i := range 130 {
		page = append(page, engine.Incoming{ID: engine.ID(fmt.Sprint("r", i)), Modified: 3, Payload: []byte("x")})
	}
	must(t, s.Stage(t.Context(), page))
	must(t, s.Stage(t.Context(), []engine.Incoming{
		{ID: "r0", Modified: 9, Payload: []byte("again")}, {ID: "ignored", Payload: []byte("x")},
		{ID: "gone", Modified: 4}, {ID: "broken", Modified: 4, Err: errors.New("no key")}, {ID: "worse", Payload: []byte("bad")},
	}))
	got := column(t, db, `SELECT id || ' ' || modified || ' ' || coalesce(payload, '-') || ' ' || coalesce(err, '-') || ' ' || fatal FROM staged
		WHERE id IN ('r0', 'r129', 'gone', 'broken', 'worse', 'ignored') ORDER BY n`)
	want := []string{"r0 9 again - 0", "r129 3 x - 0", "gone 4 - - 0", "broken 4 - no key 0", "worse 0 - it is bad 1"}
	if !slices.Equal(got, want) {
		t.Errorf("staged are %q; want %q", got, want)
	}
	var chunks []string
	err := s.Apply(t.Context(), func(from, to int64) (int64, engine.Merged, error) {
		done := min(to, from+50)
		chunks = append(chunks, fmt.Sprint(from, "-", done))
		return done, engine.Merged{Applied: 1, Problems: make([]engine.Problem, 30)}, nil
	})
	must(t, err)
	if s.Result.Applied != len(chunks) || len(s.Result.Problems) != maxProblems {
		t.Errorf("in %v: %+v", chunks, s.Result)
	}
	must(t, s.End(t.Context(), nil))
	if n := len(column(t, db, `SELECT id FROM staged`)); n != 0 {
		t.Errorf("%d are left after the end", n)
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	db := open(t)
	l := newTree(db)
	for attempt := range 5 {
		s := begin(t, l, &tree{})
		asked := slices.Contains(s.Retry(), "a")
		if want := attempt > 0 && attempt < 3; asked != want {
			t.Errorf("sync %d asks for it: %v; want %v", attempt, asked, want)
		}
		if attempt == 0 {
			must(t, s.Stage(t.Context(), []engine.Incoming{{ID: "a", Err: errBad}, {ID: "fatal", Err: errBad}}))
			var m engine.Merged
			must(t, db.UpdateCached(t.Context(), func(tx *sqlite.Tx) error {
				return errors.Join(s.Fail(tx, &m, local("a"), "it is bad", false), s.Fail(tx, &m, local("fatal"), "against the rules", true))
			}))
			if m.Failed != 2 || m.NewFailed != 2 || len(m.Problems) != 2 || m.Problems[0].ID != "a" || !errors.Is(m.Problems[0].Err, errBad) {
				t.Errorf("counted %+v", m)
			}
		}
		if slices.Contains(s.Retry(), "fatal") {
			t.Error("what breaks the rules is asked for again")
		}
		must(t, s.Finish(t.Context(), 1))
	}
	n, some, err := l.Unread(t.Context(), 1)
	if n != 2 || len(some) != 1 || some[0].ID != "a" || some[0].Err.Error() != "it is bad" || err != nil {
		t.Errorf("unread are %d, %v, %v", n, some, err)
	}
	s := begin(t, l, &tree{})
	must(t, s.Stage(t.Context(), []engine.Incoming{{ID: "a", Payload: []byte("good")}}))
	must(t, db.UpdateCached(t.Context(), func(tx *sqlite.Tx) error { return s.Readable(tx, 0, 10) }))
	must(t, db.UpdateCached(t.Context(), func(tx *sqlite.Tx) error { return s.Read(tx, local("fatal")) }))
	if n, _, _ := l.Unread(t.Context(), 1); n != 0 {
		t.Errorf("%d are unread though they were read", n)
	}
}

// A record that a later version wrote is kept, and staged by the first process that reads it.
func TestHeldRecordsAreStagedWhenTheyCanBeRead(t *testing.T) {
	t.Parallel()
	db := open(t)
	sync := func(l *Ledger, e *notes, in ...engine.Incoming) (staged []string) {
		t.Helper()
		s := begin(t, l, e)
		must(t, s.Stage(t.Context(), in))
		staged = column(t, db, `SELECT id || ' ' || modified || ' ' || coalesce(payload, err, '-') FROM staged ORDER BY n`)
		must(t, db.UpdateCached(t.Context(), func(tx *sqlite.Tx) error {
			if err := s.Readable(tx, 0, 10); err != nil {
				return err
			}
			var m engine.Merged
			for _, in := range in {
				if e.Reads(&in) != nil {
					if err := s.Fail(tx, &m, in.ID, errBad.Error(), true); err != nil {
						return err
					}
				}
			}
			return nil
		}))
		must(t, s.Finish(t.Context(), 1))
		must(t, s.End(t.Context(), nil))
		return staged
	}
	bad := func(id engine.ID, at engine.Timestamp) engine.Incoming {
		return engine.Incoming{ID: id, Modified: at, Payload: []byte("bad")}
	}
	old := newNotes(db)
	sync(old, &notes{}, bad("a", 5), bad("b", 6), bad("c", 7))
	if got := sync(newNotes(db), &notes{}, engine.Incoming{ID: "c", Modified: 9}); len(got) != 1 {
		t.Errorf("a version that cannot read them stages %q", got)
	}
	here := func(_ context.Context, id engine.ID) (bool, bool, error) { return id == "a", true, nil }
	var listed []string
	for u, err := range old.Unreadable(t.Context(), (&notes{}).Reads, here) {
		must(t, err)
		listed = append(listed, fmt.Sprint(u.ID, " ", int(u.Modified), " ", u.Err, " ", u.Outdated, " ", u.Held))
	}
	if want := []string{"a 5 it is bad true true", "b 6 it is bad false true"}; !slices.Equal(listed, want) {
		t.Errorf("listed are %q, want %q", listed, want)
	}
	later, e := newNotes(db), &notes{newer: true}
	s := begin(t, later, e)
	must(t, s.End(t.Context(), errBad)) // a sync that failed is not the one
	if got, want := sync(later, e, engine.Incoming{ID: "b", Modified: 10, Payload: []byte("good")}), []string{"a 5 bad", "b 10 good"}; !slices.Equal(got, want) {
		t.Errorf("a later version stages %q, want %q", got, want)
	}
	if got := sync(newNotes(db), e); len(got) != 0 {
		t.Errorf("%q are staged again", got)
	}
}

func TestUpload(t *testing.T) {
	t.Parallel()
	db := open(t)
	l, e := newTree(db), &tree{}
	for i := range 5 {
		exec(t, db, `INSERT INTO tree_outgoing (id, payload, changes, sortindex) VALUES (?1, ?2, 1, ?3)`, local(engine.ID(fmt.Sprint("r", i))), []byte{byte('a' + i)}, i)
	}
	exec(t, db, `INSERT INTO tree_outgoing (id, changes) VALUES (?1, 0)`, local("gone"))
	exec(t, db, `UPDATE tree_outgoing SET sortindex = 0 WHERE sortindex IS NULL`)
	exec(t, db, `INSERT INTO tree_retry (id, attempts, reason) VALUES (?1, 3, 'damaged')`, local("r1"))
	s := begin(t, l, e)
	var got []string
	for {
		page, err := s.Outgoing(t.Context(), 2)
		must(t, err)
		if len(page) == 0 {
			break
		}
		for _, out := range page {
			got = append(got, fmt.Sprint(out.ID, " ", string(out.Payload), " ", out.Payload == nil, " ", *out.SortIndex))
		}
	}
	want := []string{"r0 a false 0", "r1 b false 1", "r2 c false 2", "r3 d false 3", "r4 e false 4", "gone  true 0"}
	if !slices.Equal(got, want) {
		t.Errorf("outgoing are %q; want %q", got, want)
	}
	must(t, s.Uploaded(t.Context(), engine.Receipt{At: 8, Stored: []engine.ID{"r1", "gone"},
		Refused: []engine.Refusal{{ID: "r2", Reason: "later"}, {ID: "r3", Reason: "too large", Permanent: true}}}))
	if want := []string{"1-2 at 0.08", "5-6 at 0.08"}; s.Since() != 8 || !reflect.DeepEqual(e.settled, want) || !slices.Equal(e.refused, []string{"here-r3: too large"}) {
		t.Errorf("since %d, settled %q, refused %q; want %q", s.Since(), e.settled, e.refused, want)
	}
	if left := column(t, db, `SELECT id FROM tree_outgoing`); len(left) != 4 {
		t.Errorf("the snapshot has %q", left)
	}
	if n, _, _ := l.Unread(t.Context(), 1); n != 0 {
		t.Errorf("%d are unread though a good one went up", n)
	}
	// What was refused between them is not stored with them.
	must(t, s.Uploaded(t.Context(), engine.Receipt{At: 9, Stored: []engine.ID{"r4", "r0"}}))
	if want := []string{"0-1 at 0.09", "4-5 at 0.09"}; !reflect.DeepEqual(e.settled[2:], want) {
		t.Errorf("settled %q; want %q", e.settled[2:], want)
	}
	must(t, s.End(t.Context(), nil))
	if left := column(t, db, `SELECT id FROM tree_outgoing`); !slices.Equal(left, []string{"here-r2", "here-r3"}) {
		t.Error("the snapshot ended with its session")
	}
	must(t, l.Forget(t.Context()))
	if left := column(t, db, `SELECT id FROM tree_outgoing`); len(left) != 2 {
		t.Error("the snapshot ended with a reset")
	}
	must(t, l.DropOutgoing(t.Context()))
	if left := column(t, db, `SELECT id FROM tree_outgoing`); len(left) != 0 {
		t.Errorf("%q are left", left)
	}
}

// A statement that reads a whole table is slow for the user with many records.
func TestPlans(t *testing.T) {
	t.Parallel()
	db := open(t)
	for _, l := range []*Ledger{newNotes(db), newTree(db)} {
		v := reflect.ValueOf(l.statements)
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			var query string
			switch name {
			case "row", "stageAgain": // parts of stage
				continue
			case "stage":
				query = l.stageSome(2)
			default:
				query = v.Field(i).String()
			}
			var args []any
			for n := range 5 {
				if strings.Contains(query, fmt.Sprint("?", n+1)) {
					args = append(args, 1)
				}
			}
			for range strings.Count(query, "?") - len(args) {
				if name == "stage" {
					args = append(args, 1)
				}
			}
			rows, err := db.Read().QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+query, args...)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for rows.Next() {
				var id, parent, unused int
				var detail string
				must(t, rows.Scan(&id, &parent, &unused, &detail))
				scan := strings.HasPrefix(detail, "SCAN ") && !strings.Contains(detail, "VIRTUAL TABLE") && !strings.Contains(detail, "CONSTANT ROW") && !strings.Contains(detail, "VALUES CLAUSE") && name != "retryAny"
				if scan || strings.Contains(detail, "TEMP B-TREE") {
					t.Errorf("%s: %s\n%s", name, detail, query)
				}
			}
			must(t, errors.Join(rows.Err(), rows.Close()))
		}
	}
}
