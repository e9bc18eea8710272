package sqlstore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store/storetest"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func closeAfter(t *testing.T, s *Store) store.Store {
	t.Helper()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStoreInAFile(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := OpenFile(t.Context(), filepath.Join(t.TempDir(), "accounts.sqlite"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return closeAfter(t, s)
	})
}

func TestStoreInPostgreSQL(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		db, err := sqldb.OpenPostgres(t.Context(), pgtest.Database(t), "accounts", Schema(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return closeAfter(t, New(db))
	})
}

func TestTwoServersInPostgreSQL(t *testing.T) {
	t.Parallel()
	storetest.RunShared(t, func(t *testing.T) (both [2]store.Store) {
		database := pgtest.Database(t)
		for i := range both {
			db, err := sqldb.OpenPostgres(t.Context(), database, "accounts", Schema(), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			both[i] = closeAfter(t, New(db))
		}
		return both
	})
}
