package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// startOver sets aside the file that c.Key does not open, if its key is lost, and opens a new
// one. refused is the error that the file was not opened with.
func startOver[R any](ctx context.Context, schema Schema[R], c engine.StoreConfig, refused error) (*Store[R], error) {
	aside, err := asideName(c.Path, c.Now())
	if err != nil {
		return nil, errors.Join(refused, err)
	}
	if !c.KeyLost(aside) {
		return nil, refused
	}
	if err := setAside(c.Path, aside); err != nil {
		return nil, fmt.Errorf("%w; it cannot be set aside: %w", refused, err)
	}
	return open(ctx, schema, c, 0)
}

// maxAside bounds the files that are set aside within a second.
const maxAside = 100

// asideName is a name that no file has, beside path.
func asideName(path string, now time.Time) (string, error) {
	name := path + ".unreadable-" + now.UTC().Format("20060102-150405")
	for i := range maxAside {
		aside := name
		if i > 0 {
			aside += "-" + strconv.Itoa(i+1)
		}
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			return aside, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("there are %d files %s-… already; move them elsewhere", maxAside, name)
}

// errInUse refuses to rename a file with a log that holds a part of it: SQLite removes the log
// when the last program closes the file.
var errInUse = errors.New("another program has it open; close that and try again")

// setAside renames a file that is closed.
func setAside(path, aside string) error {
	for _, log := range []string{"-wal", "-journal"} {
		if _, err := os.Lstat(path + log); err == nil {
			return errInUse
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(path, aside)
}
