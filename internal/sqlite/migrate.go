package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// migration is one step from a version of a file's schema to the next.
type migration struct {
	version int64
	name    string
	script  string
}

// migrate brings the file to the newest version that the program knows, in one transaction,
// so that a killed process, or another one that opens the file at the same time, finds either
// the old or the new version. The version is the file's user_version.
//
// The connection that writes is not opened for a file that is current: half the cost of
// opening a file that is only read.
func migrate(ctx context.Context, read, write *sql.DB, folder fs.FS) error {
	steps, err := migrations(folder)
	if err != nil {
		return err
	}
	oldest, newest := steps[0].version, steps[len(steps)-1].version
	// A newer file is not changed.
	if have, err := version(ctx, read); err != nil || have == newest {
		return err
	} else if err := within(have, oldest, newest); err != nil {
		return err
	}
	return inTx(ctx, nil, write, func(tx *sql.Tx) error {
		// Another process may have migrated the file meanwhile.
		have, err := version(ctx, tx)
		if err != nil {
			return err
		}
		if err := within(have, oldest, newest); err != nil {
			return err
		}
		for _, m := range steps {
			if m.version <= have {
				continue
			}
			if _, err := tx.ExecContext(ctx, m.script); err != nil {
				return fmt.Errorf("migration %s: %w", m.name, err)
			}
		}
		_, err = tx.ExecContext(ctx, "PRAGMA user_version="+strconv.FormatInt(newest, 10))
		return err
	})
}

// within checks that the migrations can start from a file's version; a new file has version
// 0.
func within(have, oldest, newest int64) error {
	switch {
	case have > newest:
		return ErrNewer
	case have > 0 && have < oldest:
		return ErrOlder
	}
	return nil
}

func version(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (v int64, err error) {
	err = q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v)
	return v, err
}

// migrations reads the scripts in a folder, in order.
func migrations(folder fs.FS) ([]migration, error) {
	names, err := fs.Glob(folder, "*.sql")
	if err != nil {
		return nil, err
	}
	var all []migration
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		v, err := strconv.ParseInt(number, 10, 32)
		if err != nil || v < 1 {
			return nil, fmt.Errorf("the migration %s does not start with a number", name)
		}
		script, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		up, _, _ := strings.Cut(string(script), "-- +goose Down")
		all = append(all, migration{v, name, up})
	}
	if len(all) == 0 {
		return nil, errors.New("no migrations")
	}
	slices.SortFunc(all, func(a, b migration) int { return int(a.version - b.version) })
	for i := range all[1:] {
		if all[i].version == all[i+1].version {
			return nil, fmt.Errorf("migrations %s and %s have the same number", all[i].name, all[i+1].name)
		}
	}
	return all, nil
}
