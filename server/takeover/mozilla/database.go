package mozilla

import (
	"context"
	"database/sql"
	"errors"
	"iter"

	"github.com/syncmanager/syncmanager/internal/sqlitecopy"
)

// database is a database that is read, in one consistent state.
type database interface {
	// kind names it in words.
	kind() string
	// columns is the statement that lists its columns.
	columns() string
	// issuers is the statement that lists the accounts servers of the users of a service.
	issuers() string
	// rows runs a statement with parameters "?", and yields its rows. After an error it yields nothing
	// more. The rows of one statement at a time may be open.
	rows(ctx context.Context, query string, args ...any) iter.Seq2[*sql.Rows, error]
	Close() error
}

func rowsOf(ctx context.Context, q *sql.Conn, query string, args []any) iter.Seq2[*sql.Rows, error] {
	return func(yield func(*sql.Rows, error) bool) {
		rows, err := q.QueryContext(ctx, query, args...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			if !yield(rows, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// columnsOf returns the columns of a database.
func columnsOf(ctx context.Context, db database) (columns, error) {
	all := make(columns)
	for row, err := range db.rows(ctx, db.columns()) {
		var table, column, kind string
		if err == nil {
			err = row.Scan(&table, &column, &kind)
		}
		if err != nil {
			return nil, err
		}
		all.add(table, column, kind)
	}
	return all, nil
}

// fileDB is a SQLite file: a private copy of it.
type fileDB struct{ *sqlitecopy.Copy }

func (fileDB) kind() string    { return "SQLite" }
func (fileDB) columns() string { return sqlColumnsSQLite }
func (fileDB) issuers() string { return sqlIssuersSQLite }

func (f fileDB) rows(ctx context.Context, query string, args ...any) iter.Seq2[*sql.Rows, error] {
	return f.Rows(ctx, query, args...)
}

// connDB is a connection, with a transaction on it that only reads.
type connDB struct {
	pool *sql.DB
	conn *sql.Conn
}

// begin connects and runs the statements that begin a transaction.
func begin(ctx context.Context, pool *sql.DB, statements ...string) (c connDB, err error) {
	c.pool = pool
	if c.conn, err = pool.Conn(ctx); err != nil {
		return c, errors.Join(err, pool.Close())
	}
	for _, statement := range statements {
		if _, err := c.conn.ExecContext(ctx, statement); err != nil {
			return c, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

// Close ends the connection, and the transaction with it.
func (c connDB) Close() error { return errors.Join(c.conn.Close(), c.pool.Close()) }

// mysqlDB is MySQL or MariaDB.
type mysqlDB struct{ connDB }

func (mysqlDB) kind() string    { return "MySQL" }
func (mysqlDB) columns() string { return sqlColumnsMySQL }
func (mysqlDB) issuers() string { return sqlIssuersMySQL }

func (m mysqlDB) rows(ctx context.Context, query string, args ...any) iter.Seq2[*sql.Rows, error] {
	return rowsOf(ctx, m.conn, query, args)
}

// postgresDB is PostgreSQL.
type postgresDB struct{ connDB }

func (postgresDB) kind() string    { return "PostgreSQL" }
func (postgresDB) columns() string { return sqlColumnsPostgres }
func (postgresDB) issuers() string { return sqlIssuersPostgres }

func (p postgresDB) rows(ctx context.Context, query string, args ...any) iter.Seq2[*sql.Rows, error] {
	return rowsOf(ctx, p.conn, numbered(query), args)
}
