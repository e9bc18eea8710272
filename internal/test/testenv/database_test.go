package testenv_test

import (
	"maps"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// The database goes back to an earlier state, and no device loses or hides what came after it.
func TestARestoredDatabaseIsANewPast(t *testing.T) {
	t.Parallel()
	w := testenv.Nodes(t)
	one, two := w.Device("one", "ann@example.org"), w.Device("two", "ann@example.org")
	one.Add("https://before.example", "ann", "before the backup")
	one.Sync()
	two.Sync()
	restore := backUp(t, w.Database())
	one.Add("https://after.example", "ann", "after the backup")
	one.Sync()
	two.Sync()

	restore()
	if n, err := w.Server.RenewSyncIDs(t.Context()); err != nil || n != 1 {
		t.Fatalf("%d users, %v", n, err)
	}
	two.Add("https://later.example", "ann", "after the restore")
	two.Sync()
	one.Sync()
	two.Sync()
	three := w.Device("three", "ann@example.org")
	three.Sync()
	want := map[string]string{
		"https://before.example ann": "before the backup", "https://after.example ann": "after the backup", "https://later.example ann": "after the restore",
	}
	for _, d := range []*testenv.Device{one, two, three} {
		if got := d.Logins(); !maps.Equal(got, want) {
			t.Errorf("%s has %v", d.Name, got)
		}
	}
}

// backUp copies the records of a database, and returns what puts them back.
func backUp(t *testing.T, database string) (restore func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	run := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	tables := []string{"storage_users", "storage_collections", "storage_records"}
	for _, table := range tables {
		run("CREATE TABLE backup_" + table + " AS TABLE " + table)
	}
	return func() {
		for _, table := range tables {
			run("DELETE FROM " + table)
			run("INSERT INTO " + table + " SELECT * FROM backup_" + table)
		}
	}
}
