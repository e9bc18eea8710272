package postgres_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/plantest"
	"github.com/syncmanager/syncmanager/server/storage"
)

// sorting names the statements that may sort: what they sort is bounded.
var sorting = map[string]string{
	"sqlCollections":     "the collections of a user",
	"sqlDropExcessPosts": "the batches of a user",
	"sqlDropExcessBatch": "the batches of a user",
	"sqlCountItems":      "the items of a batch",
	"sqlCommitMerged":    "the items of a batch",
	"sqlDropExpired":     "as many records as the caller names",
}

// ofAllUsers names the statements of the operator that read all users, or none.
var ofAllUsers = map[string]bool{"sqlStates": true, "sqlExpiring": true, "sqlProbe": true, "sqlBatchBytes": true}

// TestStatementsTouchOneUser reads the plan of each statement, on tables that have enough rows for
// the planner to care.
func TestStatementsTouchOneUser(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	b := open(t, database, time.Now)
	fill(t, b)
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for _, prepare := range []string{"ANALYZE", "SET enable_seqscan = off"} { // the small tables count as large
		if _, err := conn.Exec(t.Context(), prepare); err != nil {
			t.Fatal(err)
		}
	}
	for name, statement := range plantest.Statements(t, "sql.go") {
		if ofAllUsers[name] {
			continue
		}
		plan := explain(t, conn, name, statement)
		if strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s reads a table:\n%s\n%s", name, statement, plan)
		}
		if sorts.MatchString(plan) && !strings.Contains(name, "Of") && sorting[name] == "" {
			t.Errorf("%s sorts:\n%s\n%s", name, statement, plan)
		}
		if parts := partitions(plan); len(parts) > 1 {
			t.Errorf("%s reads the partitions %v:\n%s\n%s", name, parts, statement, plan)
		}
		// A database of several machines sends a statement to the one that has the user, if it says
		// so of each table.
		if tables, users := len(tableNames.FindAllString(statement, -1)), len(ofUser.FindAllString(statement, -1)); tables > users {
			t.Errorf("%s names %d tables, and the user of %d:\n%s", name, tables, users, statement)
		}
		if strings.Contains(statement, "advisory") || strings.Contains(statement, "nextval") {
			t.Errorf("%s uses what such databases do not share:\n%s", name, statement)
		}
	}
	checkKeys(t, conn)
}

var (
	tableNames = regexp.MustCompile(`\bstorage_[a-z]+\b`)
	ofUser     = regexp.MustCompile(`\buid = \$1|\(uid,|SELECT uid,`)
)

// checkKeys fails if an index does not begin with the user, or a table depends on another one or on a
// sequence: such tables cannot be distributed by user.
func checkKeys(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	for what, query := range map[string]string{
		"an index that does not begin with the user": `SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			WHERE c.relnamespace = current_schema()::regnamespace AND c.relname LIKE 'storage%' AND a.attname <> 'uid'`,
		"a foreign key": `SELECT count(*) FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND contype = 'f'`,
		"a sequence":    `SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S'`,
		"a table that is not partitioned by user": `SELECT count(*) FROM pg_class c WHERE relnamespace = current_schema()::regnamespace
			AND relname LIKE 'storage%' AND relkind IN ('r', 'p') AND NOT relispartition
			AND coalesce(pg_get_partkeydef(oid), '') <> 'HASH (uid)'`,
	} {
		var n int
		if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != 0 {
			t.Errorf("%d times %s", n, what)
		}
	}
}

var sorts = regexp.MustCompile(`(?m)^ *(-> +)?(Incremental )?Sort  \(`)

// partitions lists the remainders of the partitions that a plan reads.
func partitions(plan string) (all []string) {
	for _, found := range regexp.MustCompile(` Scan .*on storage_[a-z]+_(\d+)`).FindAllStringSubmatch(plan, -1) {
		if !slices.Contains(all, found[1]) {
			all = append(all, found[1])
		}
	}
	return all
}

// fill stores some thousand records of one user, and a few of others.
func fill(t *testing.T, b storage.Backend) {
	t.Helper()
	for uid := range int64(40) {
		n := 10
		if uid == 1 {
			n = 20000
		}
		err := b.Update(t.Context(), uid, storage.Durable, func(tx storage.Tx) error {
			var changes []storage.Change
			for i := range n {
				changes = append(changes, storage.Change{ID: bso.ID(fmt.Sprint(i)), Fields: storage.FieldPayload, Payload: []byte("payload")})
			}
			if err := tx.Put("bookmarks", changes); err != nil {
				return err
			}
			return tx.StartBatch("bookmarks", fmt.Sprint(uid), storage.AnyTime)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// explain returns the plan of a statement for user 1.
func explain(t *testing.T, conn *pgx.Conn, name, statement string) string {
	t.Helper()
	prepared, err := conn.Prepare(t.Context(), strings.ToLower(name), statement)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var args []string
	for _, oid := range prepared.ParamOIDs {
		args = append(args, valueOf(oid))
	}
	call := "EXPLAIN EXECUTE " + strings.ToLower(name)
	if len(args) > 0 {
		call += "(" + strings.Join(args, ", ") + ")"
	}
	return strings.Join(lines(t, conn, name, call), "\n")
}

// valueOf returns a value of a type, as SQL has it; of a number, user 1.
func valueOf(oid uint32) string {
	switch oid {
	case pgtype.TextOID:
		return "'x'"
	case pgtype.Int8OID, pgtype.Int4OID, pgtype.Int2OID:
		return "1"
	case pgtype.BoolOID:
		return "true"
	}
	return "'{}'"
}

// lines returns the text that a statement returns.
func lines(t *testing.T, conn *pgx.Conn, name, statement string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), statement)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return all
}
