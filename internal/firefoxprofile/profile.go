// Package firefoxprofile reads what a Firefox profile's folder holds besides bookmarks
// and history: passwords, form entries, addresses, credit cards, preferences, add-ons
// and what those store. Firefox may be running. The package does not write to the folder
// and does not follow links.
//
// Each kind has an iterator of plain structs. It adds what cannot be taken over to a
// list of skips and goes on. After an error it yields nothing more.
// Errors name files and reasons, but not contents. The formats are those of Firefox
// 58 to 153.
package firefoxprofile

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/syncmanager/syncmanager/internal/skips"
	"github.com/syncmanager/syncmanager/internal/sqlitecopy"
)

// notAsWritten is the reason for leaving out what Firefox would not have written.
const notAsWritten = "it is not as Firefox writes it"

// Errors of profiles. The error that wraps one of them says more.
var (
	// ErrNoProfile means that a folder is not that of a profile.
	ErrNoProfile = errors.New("the folder is not a Firefox profile: it has no prefs.js; name the folder of one profile, as about:profiles shows it")
	// ErrMissing means that the profile does not have the file: nothing
	// of that kind was ever saved, or the file was removed.
	ErrMissing = errors.New("the profile has no such file")
	// ErrDamaged means that a file is not as Firefox writes it.
	ErrDamaged = sqlitecopy.ErrDamaged
	// ErrTooLarge means that a file is larger than this package reads.
	ErrTooLarge = sqlitecopy.ErrTooLarge
	// ErrNoKeys means that key4.db is missing or empty, so that encrypted values in other
	// files cannot be read.
	ErrNoKeys = errors.New("the keys of what is encrypted in the profile are missing; put back the key4.db that belongs to it")
	// ErrNeedsPassword means that a primary password protects the profile, and none
	// was given.
	ErrNeedsPassword = errors.New("the profile has a primary password; give it to read what it protects")
	// ErrPrimaryPassword means that the primary password was wrong.
	ErrPrimaryPassword = errors.New("that is not the profile's primary password")
)

// Bounds of what is read, in bytes.
const (
	// maxText bounds a file that is read into memory.
	maxText = 256 << 20
	// maxDatabase bounds a database that is copied.
	maxDatabase = 4 << 30
	// maxValue bounds one value of a database.
	maxValue = 1 << 20
)

// Options say how a profile is read.
type Options struct {
	// PrimaryPassword returns the profile's primary password. It is called if the
	// profile has one, and, with again set, after a wrong one, three
	// times at most. It may be nil. Its error ends the calls, and is wrapped with
	// ErrNeedsPassword, or with ErrPrimaryPassword after a wrong password.
	PrimaryPassword func(again bool) (string, error)
	// TempDir is the folder for copies of databases, each in a folder of its own (0700) that
	// is removed after reading; "" means the system's folder for temporary files.
	TempDir string
}

// A Profile is an open profile's folder. It is for one goroutine.
type Profile struct {
	dir     *os.Root
	options Options
	// keys are the keys of key4.db, read when first needed; noKeys is why that failed.
	keys   *keys
	noKeys error
}

// Open opens the folder of a profile. The caller must close the profile.
func Open(dir string, o Options) (*Profile, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, bare(err)
	}
	// Firefox writes prefs.js at the end of a profile's first session, and keeps it.
	if _, err := root.Lstat(prefsFile); err != nil {
		_ = root.Close()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, ErrNoProfile
		}
		return nil, bare(err)
	}
	return &Profile{dir: root, options: o}, nil
}

// Close forgets the profile's keys and closes its folder.
func (p *Profile) Close() error {
	p.keys = nil
	return p.dir.Close()
}

// bare removes the path from an error, since the caller names the folder.
func bare(err error) error {
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		return named.Err
	}
	return err
}

// about adds the name of the profile's file to an error.
func about(name string, err error) error {
	if err == nil {
		return nil
	}
	if named := (*fs.PathError)(nil); errors.As(err, &named) && named.Path == name {
		err = named.Err
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrMissing
		}
	}
	return fmt.Errorf("%s: %w", name, err)
}

// text reads a whole file.
func (p *Profile) text(name string) ([]byte, error) {
	f, err := sqlitecopy.OpenPlain(p.dir, name)
	if err != nil {
		return nil, about(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, about(name, err)
	}
	if info.Size() > maxText {
		return nil, about(name, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxText))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxText))
	return text, about(name, err)
}

// object reads a file that is one JSON object into v. The error does not wrap the
// decoder's, which would quote the file.
func (p *Profile) object(name string, v any) error {
	text, err := p.text(name)
	if err != nil {
		return err
	}
	if json.Unmarshal(text, v) != nil {
		return about(name, ErrDamaged)
	}
	return nil
}

// eachItem calls take for each item of a list in a JSON file. name is for a report: "card 3".
// An item that is not of the type S is named in left. It stops when take returns false.
func eachItem[S any](ctx context.Context, list []json.RawMessage, kind string, left *skips.List, take func(s S, name string) bool) error {
	for i, raw := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := fmt.Sprintf("%s %d", kind, i+1)
		var s S
		if json.Unmarshal(raw, &s) != nil {
			left.Add(skips.Skip{Item: name, Reason: notAsWritten})
			continue
		}
		if !take(s, name) {
			return nil
		}
	}
	return nil
}

// eachRow calls scan for each row of a query until that returns false.
func eachRow(ctx context.Context, db *sqlitecopy.Copy, query string, bound int, scan func(*sql.Rows) (more bool, err error)) error {
	for rows, err := range db.Rows(ctx, query, bound) {
		if err != nil {
			return err
		}
		if more, err := scan(rows); err != nil || !more {
			return err
		}
	}
	return nil
}

// database calls f with a copy of a database that must have these tables.
func (p *Profile) database(ctx context.Context, name string, tables map[string][]string, f func(*sqlitecopy.Copy) error) error {
	c, err := sqlitecopy.Take(ctx, p.dir, name, sqlitecopy.Options{
		TempDir: p.options.TempDir, Tables: tables, MaxSize: maxDatabase,
	})
	if err == nil {
		err = errors.Join(f(c), c.Close())
	}
	return about(name, err)
}

// fromMilli converts a time of Firefox in milliseconds; an impossible one is zero.
func fromMilli(ms int64) time.Time {
	const latest = 8_640_000_000_000_000 // of a Date in JavaScript
	if ms <= 0 || ms > latest {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// fromMicro converts a time in microseconds.
func fromMicro(µs int64) time.Time {
	if µs <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(µs).UTC()
}
