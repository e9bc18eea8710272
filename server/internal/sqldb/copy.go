package sqldb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/internal/lazyre"
)

// The statements that copy a table, whose name and columns come from the schema.
const (
	sqlTableColumns = `SELECT * FROM %s LIMIT 0`
	sqlTableRows    = `SELECT %s FROM %s`
	sqlTableClear   = `DELETE FROM %s`
	sqlTableAdd     = `INSERT INTO %s (%s) /*postgres OVERRIDING SYSTEM VALUE */ VALUES %s`

	// The last number that a table has given to a row.
	sqlLastNumber    = `SELECT seq FROM sqlite_sequence WHERE name = ?1`
	sqlDropNumber    = `DELETE FROM sqlite_sequence WHERE name = ?1`
	sqlSetNumber     = `INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)`
	sqlLastOfColumn  = `SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence(?1, ?2)::regclass), 0)`
	sqlIdentities    = `SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ?1 AND is_identity = 'YES'`
	sqlSetOfColumn   = `SELECT setval(pg_get_serial_sequence(?1, ?2), ?3)`
	sqlClearOfColumn = `SELECT setval(pg_get_serial_sequence(?1, ?2), 1, false)`
)

// addRows is how many rows one statement adds.
const addRows = 50

var made = lazyre.New(`(?m)^CREATE TABLE (\w+)`)

// Tables lists the tables that a schema makes. One that others refer to comes before them.
func Tables(schema fs.FS) (tables []string, err error) {
	files, err := fs.Glob(schema, "*.sql")
	for _, file := range files {
		text, err := fs.ReadFile(schema, file)
		if err != nil {
			return nil, err
		}
		for _, found := range made.FindAllStringSubmatch(string(text), -1) {
			tables = append(tables, found[1])
		}
	}
	return tables, err
}

// Sum describes the rows of tables, whichever database has them.
type Sum struct {
	Rows int64
	// SHA256 does not depend on the order of the rows.
	SHA256 string
}

// SumOf sums the rows of tables up, and the numbers that were given to them.
func SumOf(ctx context.Context, db DB, tables []string) (s Sum, err error) {
	err = db.View(ctx, func(tx Tx) error {
		s = Sum{}
		var all []string
		for _, table := range tables {
			columns, err := columnsOf(tx, table)
			if err != nil {
				return err
			}
			columns = slices.DeleteFunc(columns, func(c string) bool { return c == "rowid" })
			slices.Sort(columns)
			var sum [sha256.Size]byte
			n := int64(0)
			err = rowsOf(tx, table, columns, func(values []any) error {
				n++
				hash := sha256.New()
				for _, v := range values {
					fmt.Fprintf(hash, "%T %d:", v, len(fmt.Sprint(v)))
					fmt.Fprint(hash, v)
				}
				for i, b := range hash.Sum(nil) {
					sum[i] ^= b // rows differ, so that none takes another one away
				}
				return nil
			})
			if err != nil {
				return err
			}
			s.Rows += n
			last, err := numberOf(tx, db, table)
			if err != nil {
				return err
			}
			all = append(all, fmt.Sprint(table, columns, n, last, hex.EncodeToString(sum[:])))
		}
		hash := sha256.Sum256([]byte(strings.Join(all, "\n")))
		s.SHA256 = hex.EncodeToString(hash[:])
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("sum the tables up: %w", Explain(err))
	}
	return s, nil
}

func columnsOf(tx Tx, table string) ([]string, error) {
	rows, err := tx.Query(fmt.Sprintf(sqlTableColumns, table))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	return columns, errors.Join(err, rows.Err())
}

// rowsOf calls f for each row of a table. What f gets is valid until it returns.
func rowsOf(tx Tx, table string, columns []string, f func([]any) error) error {
	rows, err := tx.Query(fmt.Sprintf(sqlTableRows, strings.Join(columns, ", "), table))
	if err != nil {
		return err
	}
	defer rows.Close()
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := f(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// CopyTables replaces the rows of tables by those of another database, in one transaction. The numbers
// that are given to rows go on where the other database is.
func CopyTables(ctx context.Context, from, to DB, tables []string) error {
	err := from.View(ctx, func(source Tx) error {
		return to.Update(ctx, func(target Tx) error {
			for _, table := range slices.Backward(tables) {
				if _, err := target.Exec(fmt.Sprintf(sqlTableClear, table)); err != nil {
					return err
				}
			}
			for _, table := range tables {
				if err := copyTable(source, from, target, to, table); err != nil {
					return fmt.Errorf("table %s: %w", table, err)
				}
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("copy the tables: %w", Explain(err))
	}
	return nil
}

func copyTable(source Tx, from DB, target Tx, to DB, table string) error {
	columns, err := columnsOf(target, table)
	if err != nil {
		return err
	}
	theirs, err := columnsOf(source, table)
	if err != nil {
		return err
	}
	// PostgreSQL has a column of that name where SQLite has one that is not listed.
	if slices.Contains(theirs, "rowid") && !slices.Contains(columns, "rowid") {
		columns = append(columns, "rowid")
	}
	var rows []any
	add := func() error {
		n := len(rows) / len(columns)
		if n == 0 {
			return nil
		}
		row := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ") + ")"
		text := fmt.Sprintf(sqlTableAdd, table, strings.Join(columns, ", "), strings.TrimSuffix(strings.Repeat(row+", ", n), ", "))
		_, err := target.Exec(text, rows...)
		rows = nil
		return err
	}
	err = rowsOf(source, table, columns, func(values []any) error {
		for _, v := range values {
			if b, ok := v.([]byte); ok {
				v = append([]byte{}, b...)
			}
			rows = append(rows, v)
		}
		if len(rows) < addRows*len(columns) {
			return nil
		}
		return add()
	})
	if err == nil {
		err = add()
	}
	if err != nil {
		return err
	}
	return copyNumbers(source, from, target, to, table)
}

// numberOf returns the last number that a table has given to a row of its own account; 0: none. The column
// rowid of PostgreSQL does not count.
func numberOf(tx Tx, db DB, table string) (last int64, err error) {
	if _, ok := db.(*postgresDB); !ok {
		err = tx.QueryRow(sqlLastNumber, table).Scan(&last)
		if errors.Is(err, sql.ErrNoRows) || err != nil && strings.Contains(err.Error(), "no such table") {
			err = nil // it has not given any, or no table does
		}
		return last, err
	}
	columns, err := identities(tx, table)
	for _, column := range columns {
		if column != "rowid" && err == nil {
			err = tx.QueryRow(sqlLastOfColumn, table, column).Scan(&last)
		}
	}
	return last, err
}

func identities(tx Tx, table string) (columns []string, err error) {
	rows, err := tx.Query(sqlIdentities, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var column string
		if err := rows.Scan(&column); err != nil {
			return nil, err
		}
		columns = append(columns, column)
	}
	return columns, rows.Err()
}

// sqlLargest is the largest number that a column has.
const sqlLargest = `SELECT COALESCE(max(%s), 0) FROM %s`

func copyNumbers(source Tx, from DB, target Tx, to DB, table string) error {
	last, err := numberOf(source, from, table)
	if err != nil {
		return err
	}
	if _, ok := to.(*postgresDB); !ok {
		if last == 0 {
			return nil
		}
		if _, err := target.Exec(sqlDropNumber, table); err != nil {
			return err
		}
		_, err = target.Exec(sqlSetNumber, table, last)
		return err
	}
	columns, err := identities(target, table)
	for _, column := range columns {
		n := last
		if column == "rowid" && err == nil {
			err = target.QueryRow(fmt.Sprintf(sqlLargest, column, table)).Scan(&n)
		}
		if err != nil {
			return err
		}
		var set int64
		if n == 0 {
			err = target.QueryRow(sqlClearOfColumn, table, column).Scan(&set)
		} else {
			err = target.QueryRow(sqlSetOfColumn, table, column, n).Scan(&set)
		}
	}
	return err
}
