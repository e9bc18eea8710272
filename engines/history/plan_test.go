package history

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/plantest"
)

func TestNoStatementReadsATableWhole(t *testing.T) {
	t.Parallel()
	e, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "places.sqlite"), Now: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	plantest.Check(t, e.db.Read(), "sql.go", map[string]string{})
}
