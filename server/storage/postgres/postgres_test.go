package postgres_test

import (
	"crypto/rand"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/postgres"
	"github.com/syncmanager/syncmanager/server/storage/storagetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// open opens a storage in a database.
func open(t testing.TB, database string, now func() time.Time) *postgres.Backend {
	t.Helper()
	b, err := postgres.Open(t.Context(), postgres.Config{Database: database, Now: now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestContract(t *testing.T) {
	t.Parallel()
	var databases sync.Map // by the folder that names them
	storagetest.Run(t, func(t testing.TB, dir string, now func() time.Time) storage.Backend {
		database, ok := databases.Load(dir)
		if !ok {
			database = pgtest.Database(t)
			databases.Store(dir, database)
		}
		return open(t, database.(string), now)
	})
}
