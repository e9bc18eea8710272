package postgres_test

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syncmanager/syncmanager/internal/test/long"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/plantest"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/storagetest"
)

// Citus is told which column the tables are spread by, the storage keeps its contract, and each statement
// goes to the one part that has the user.
func TestOnCitus(t *testing.T) {
	t.Parallel()
	newDatabase := citus(t)
	t.Run("contract", func(t *testing.T) {
		if long.Of(0, 1) == 0 {
			t.Skip("it makes tables for each test, which takes Citus a minute")
		}
		var databases sync.Map // by the folder that names them
		storagetest.Run(t, func(t testing.TB, dir string, now func() time.Time) storage.Backend {
			database, ok := databases.Load(dir)
			if !ok {
				database = newDatabase(t)
				databases.Store(dir, database)
			}
			return open(t, database.(string), now)
		})
	})
	t.Run("statements", func(t *testing.T) {
		database := newDatabase(t)
		b := open(t, database, time.Now)
		fill(t, b)
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		conn, err := pgx.Connect(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(t.Context()) }()
		for name, statement := range plantest.Statements(t, "sql.go") {
			if ofAllUsers[name] {
				continue
			}
			if plan := explainValues(t, conn, name, statement); !strings.Contains(plan, "Task Count: 1\n") {
				t.Errorf("%s goes to more than one part:\n%s\n%s", name, statement, plan)
			}
		}
	})
}

// explainValues returns the plan of a statement with its values in its text: Citus does not explain all that
// are prepared.
func explainValues(t *testing.T, conn *pgx.Conn, name, statement string) string {
	t.Helper()
	prepared, err := conn.Prepare(t.Context(), strings.ToLower(name), statement)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text := parameter.ReplaceAllStringFunc(statement, func(found string) string {
		n, err := strconv.Atoi(found[1:])
		if err != nil {
			t.Fatal(err)
		}
		kind, _ := conn.TypeMap().TypeForOID(prepared.ParamOIDs[n-1])
		return "CAST (" + valueOf(prepared.ParamOIDs[n-1]) + " AS " + strings.Replace(kind.Name, "_", "", 1) + map[bool]string{true: "[]"}[kind.Name[0] == '_'] + ")"
	})
	return strings.Join(lines(t, conn, name, "EXPLAIN "+text), "\n")
}

var parameter = regexp.MustCompile(`\$[0-9]+`)

// citus starts a PostgreSQL with the extension Citus, alone on its machine, and returns what makes a new
// database there. Without Citus it skips the test.
func citus(t *testing.T) func(testing.TB) string {
	t.Helper()
	usual, err := pgx.Connect(t.Context(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = usual.Close(t.Context()) }()
	there := false
	if err := usual.QueryRow(t.Context(), "SELECT count(*) > 0 FROM pg_available_extensions WHERE name = 'citus'").Scan(&there); err != nil {
		t.Fatal(err)
	}
	if !there {
		t.Skip("PostgreSQL does not have the extension Citus")
	}
	s, err := pgtest.Start(os.Getenv(pgtest.Programs), "shared_preload_libraries=citus", "citus.shard_count=4")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Remove(); err != nil {
			t.Error(err)
		}
	})
	conn, err := pgx.Connect(t.Context(), s.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	address, err := url.Parse(s.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	socket := address.Query().Get("host")
	for _, prepare := range []string{
		"CREATE EXTENSION citus",
		fmt.Sprintf("ALTER SYSTEM SET citus.local_hostname = '%s'", socket),
		"SELECT pg_reload_conf()",
		fmt.Sprintf("SELECT citus_set_coordinator_host('%s', 5432)", socket),
		fmt.Sprintf("SELECT citus_set_node_property('%s', 5432, 'shouldhaveshards', true)", socket),
	} {
		if _, err := conn.Exec(t.Context(), prepare); err != nil {
			t.Fatal(prepare, err)
		}
	}
	var schemas atomic.Int64
	return func(t testing.TB) string {
		t.Helper()
		schema := fmt.Sprint("test", schemas.Add(1))
		conn, err := pgx.Connect(t.Context(), s.URL(""))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(t.Context()) }()
		if _, err := conn.Exec(t.Context(), "CREATE SCHEMA "+schema); err != nil {
			t.Fatal(err)
		}
		return s.URL(schema)
	}
}
