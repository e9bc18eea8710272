package token

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/internal/test/plantest"
)

// A token is asked for and checked all the time: no statement but those of
// operators reads the accounts of others.
func TestPlans(t *testing.T) {
	t.Parallel()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "token.sqlite"), sqlite.Options{Migrations: files})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	plantest.Check(t, db.Read(), "sql.go", whole)
}

// whole are the statements that read a whole table, and why they may.
var whole = map[string]string{
	"sqlCount": "monitoring counts all accounts, by an index of uids alone",
	"sqlUsers": "an operator lists all accounts",
	"sqlNodes": fewNodes, "sqlAnyNode": fewNodes, "sqlTake": fewNodes, "sqlRoom": fewNodes, "sqlLockNodes": fewNodes, "sqlRemoveSelf": fewNodes,
	"sqlRecount":  "once an hour, the users of all nodes are counted, by an index",
	"sqlNodeUsed": "few moves are under way", "sqlMoves": "few moves are under way",
}

const fewNodes = "there are few nodes"
