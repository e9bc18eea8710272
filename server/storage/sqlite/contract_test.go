package sqlite_test

import (
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/storage"
	storagedb "github.com/syncmanager/syncmanager/server/storage/sqlite"
	"github.com/syncmanager/syncmanager/server/storage/storagetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t testing.TB, dir string, now func() time.Time) storage.Backend {
		b, err := storagedb.New(storagedb.Config{Dir: dir, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}
