package sqlite_test

import (
	"bufio"
	"context"
	"database/sql/driver"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/fstest"

	moderncsqlite "modernc.org/sqlite"

	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// childPath is the environment variable that makes the test binary migrate that file, and
// stop in the middle.
const childPath = "SQLITE_TEST_MIGRATE"

// halfway is version 2 with a statement in it that never ends.
var halfway = fstest.MapFS{
	"0001_start.sql": one["0001_start.sql"],
	"0002_more.sql": file("ALTER TABLE notes ADD COLUMN size INTEGER NOT NULL DEFAULT 0;\n" +
		"UPDATE notes SET size = length(text), text = 'spoilt';\nSELECT stand_still();"),
}

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		moderncsqlite.MustRegisterFunction("stand_still", &moderncsqlite.FunctionImpl{
			Scalar: func(*moderncsqlite.FunctionContext, []driver.Value) (driver.Value, error) {
				fmt.Println("half way")
				select {}
			},
		})
		_, err := sqlite.Open(context.Background(), path, sqlite.Options{Migrations: halfway})
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestAMigrationThatIsKilledBeginsAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.sqlite")
	db := open(t, path, sqlite.Options{Migrations: one})
	if err := add(db, "four"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childPath+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "half way\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	db = open(t, path, sqlite.Options{Migrations: two})
	var size int
	if err := db.Read().QueryRow(`SELECT size FROM notes WHERE text = 'four'`).Scan(&size); err != nil || size != 4 {
		t.Errorf("size %d, %v", size, err)
	}
}
