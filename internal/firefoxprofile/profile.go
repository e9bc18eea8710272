// Package firefoxprofile reads what a Firefox profile's folder holds besides bookmarks
// and history: passwords, form entries, addresses, credit cards, preferences, add-ons
// and what those store. Firefox may be running; nothing is ever written to the folder,
// and no link leads out of it.
//
// Each kind is an iterator of plain structs. What cannot be taken over is named in a
// list of skips while the rest goes on; an error is a kind's end, and yielded last.
// Errors name files and reasons, and no contents. The formats are those of Firefox
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

// What can be wrong with a profile. The error that wraps one of them says more.
var (
	// ErrNoProfile means that a folder is no profile's.
	ErrNoProfile = errors.New("the folder is no Firefox profile: it has no prefs.js; name the folder of one profile, as about:profiles shows it")
	// ErrMissing means that the profile does not have the file; it never had anything
	// of that kind, or it lost the file.
	ErrMissing = errors.New("the profile has no such file")
	// ErrDamaged means that a file is not as Firefox writes it.
	ErrDamaged = sqlitecopy.ErrDamaged
	// ErrTooLarge means that a file is beyond all reason.
	ErrTooLarge = sqlitecopy.ErrTooLarge
	// ErrNoKeys means that key4.db is missing or was never set up, so that what other
	// files keep encrypted is lost.
	ErrNoKeys = errors.New("the keys of what is encrypted in the profile are missing; put back the key4.db that belongs to it")
	// ErrNeedsPassword means that a primary password protects the profile, and none
	// was given.
	ErrNeedsPassword = errors.New("the profile has a primary password; give it to read what it protects")
	// ErrPrimaryPassword means that the primary password was wrong.
	ErrPrimaryPassword = errors.New("that is not the profile's primary password")
)

// Bounds of what is read, in bytes.
const (
	// maxText bounds a file that is read at once: far more than anybody has saved.
	maxText = 256 << 20
	// maxDatabase bounds a database that is copied.
	maxDatabase = 4 << 30
	// maxValue bounds one value of a database.
	maxValue = 1 << 20
)

// Options say how a profile is read.
type Options struct {
	// PrimaryPassword returns the profile's primary password. It is called when the
	// profile turns out to have one, and again, with again set, when it was wrong, three
	// times at most; nil: none can be given. Its error ends that, and is wrapped with
	// ErrNeedsPassword, or with ErrPrimaryPassword when one was wrong already.
	PrimaryPassword func(again bool) (string, error)
	// TempDir is where databases are copied to, each in a folder of its own (0700) that
	// is removed when it was read; "": the system's folder for temporary files.
	TempDir string
}

// A Profile is an open profile's folder. It is for one goroutine.
type Profile struct {
	dir     *os.Root
	options Options
	// keys are those of key4.db, once they were needed; noKeys is why there are none.
	keys   *keys
	noKeys error
}

// Open opens the folder of a profile. Close it after use.
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

// bare takes the path out of an error, since the caller names the folder.
func bare(err error) error {
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		return named.Err
	}
	return err
}

// about says which of the profile's files an error is about.
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

// object reads a file that is one JSON object into v. What the JSON is wrong about is
// kept out of the error: the decoder would quote it.
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

// database has f read a copy of a database that must have these tables.
func (p *Profile) database(ctx context.Context, name string, tables map[string][]string, f func(*sqlitecopy.Copy) error) error {
	c, err := sqlitecopy.Take(ctx, p.dir, name, sqlitecopy.Options{
		TempDir: p.options.TempDir, Tables: tables, MaxSize: maxDatabase,
	})
	if err == nil {
		err = errors.Join(f(c), c.Close())
	}
	return about(name, err)
}

// fromMilli reads one of Firefox's times in milliseconds; what makes no sense is zero.
func fromMilli(ms int64) time.Time {
	const latest = 8_640_000_000_000_000 // of a Date in JavaScript
	if ms <= 0 || ms > latest {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// fromMicro reads one in microseconds.
func fromMicro(µs int64) time.Time {
	if µs <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(µs).UTC()
}
