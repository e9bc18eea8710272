package channels

import (
	"io/fs"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/plantest"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

func TestPlans(t *testing.T) {
	t.Parallel()
	schema, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.OpenPostgres(t.Context(), pgtest.Database(t)+"&enable_seqscan=off", "channels", schema, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	plantest.CheckPostgres(t, db.Read(t.Context()), plantest.Statements(t, "sql.go"), nil)
}
