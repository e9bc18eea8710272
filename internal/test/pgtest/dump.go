package pgtest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Dump writes what is in the schema of [Database] to a file with pg_dump. The returned function goes back to
// it; nobody may use the schema meanwhile.
func Dump(t testing.TB, database string) (restore func()) {
	t.Helper()
	config, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	schema := config.RuntimeParams["search_path"]
	file := filepath.Join(running.dir, schema+".sql")
	run := func(program string, args ...string) {
		t.Helper()
		args = append(args, "--no-password", "--host", running.dir, "--username", "test", "--dbname", "postgres", "--file", file)
		if out, err := running.command(program, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", program, err, out)
		}
	}
	run("pg_dump", "--schema", schema)
	return func() {
		t.Helper()
		conn := running.connect(t)
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		if _, err := conn.Exec(t.Context(), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Fatal(err)
		}
		run("psql", "--quiet", "--no-psqlrc", "--single-transaction", "--set", "ON_ERROR_STOP=1")
	}
}
