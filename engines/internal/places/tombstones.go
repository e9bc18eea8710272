package places

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/internal/tombstones"
)

// Tombstones are the deletions of a collection that an account's server is known to have.
func (t *Tx) Tombstones(collection, account string) tombstones.Set {
	return tombstones.Set{Tx: standard{t.Tx}, Store: collection, Account: account}
}

// standard is a transaction by the names of database/sql. It has a context of its own.
type standard struct{ *sqlite.Tx }

func (t standard) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	n, err := t.Exec(query, args...)
	return driver.RowsAffected(n), err
}

func (t standard) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	return t.QueryRow(query, args...)
}
