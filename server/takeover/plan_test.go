package takeover_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/internal/test/plantest"
)

func TestPlans(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "takeover.sqlite"), sqlite.Options{Migrations: os.DirFS("migrations")})
	must(t, err)
	defer func() { must(t, db.Close()) }()
	plantest.Check(t, db.Read(), "sql.go", nil)
}
