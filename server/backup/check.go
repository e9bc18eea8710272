package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/syncmanager/syncmanager/internal/lazyre"
	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/node"
	storagedb "github.com/syncmanager/syncmanager/server/storage/sqlite"
)

// Finding is a problem with a file, found by [Check].
type Finding struct {
	// Name is the file's path below the data folder, with slashes.
	Name string `json:"name"`
	// Storage is the number of the user's storage. UID and Email are those of the user, if
	// known.
	Storage int64  `json:"storage,omitempty"`
	UID     string `json:"uid,omitempty"`
	Email   string `json:"email,omitempty"`
	// Damaged says that the file cannot be used. Other problems are unexpected files and file
	// modes that are too open.
	Damaged bool   `json:"damaged"`
	Problem string `json:"problem"`
}

// ownNames matches the files of a data folder that are not examined and in no backup: locks,
// journals, caches, the mark of a move, secrets of nodes, and files that were set aside.
var ownNames = lazyre.New(`^(lock|admin\.sock|moving|node-[^/]*\.secret|storage/index\.sqlite|storage/journal/.*|set-aside/.*|.*\.sqlite-(wal|shm))$`)

// beside matches the databases that are in no backup: messages that were sent since must not
// be sent again, and what a takeover noted since need not be true of the storages in it.
var beside = lazyre.New(`^(outbox|takeover)\.sqlite$`)

// Check examines all files of the data folder dir, whose server may be running: each database
// in full with its indexes, references and schema, and the secret. It also finds files that
// are not the server's. It calls found for each problem, changes nothing, and returns the
// number of files it examined. If the data folder is read-only, it copies databases to the
// folder work.
func Check(ctx context.Context, dir, work string, found func(Finding)) (files int, err error) {
	for _, name := range needed(folderHas(dir)) {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return 0, fmt.Errorf("cannot check %s: not a server's data folder: %w", dir, err)
		}
	}
	if work, err = os.MkdirTemp(work, "syncmanager-check-*"); err != nil { // 0700
		return 0, fmt.Errorf("cannot check %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	c := &checker{dir: dir, work: work, found: found, owners: readOwners(ctx, dir, work)}
	if _, err := storagedb.ReadPending(filepath.Join(dir, "storage")); err != nil {
		c.say(path.Join("storage", storagedb.JournalFolder), true, err.Error())
	}
	err = filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rel, relErr := filepath.Rel(dir, p)
		if relErr != nil {
			return relErr
		}
		name := filepath.ToSlash(rel)
		if err != nil {
			c.say(name, !errors.Is(err, fs.ErrNotExist), err.Error())
			return nil
		}
		return c.look(ctx, name, e)
	})
	if err != nil {
		return c.files, fmt.Errorf("cannot check %s: %w", dir, err)
	}
	return c.files, nil
}

type checker struct {
	dir, work string
	found     func(Finding)
	owners    map[int64]owner // nil: unknown
	files     int
}

type owner struct{ uid, email string }

// look examines one file.
func (c *checker) look(ctx context.Context, name string, e fs.DirEntry) error {
	if e.IsDir() {
		if strings.HasPrefix(path.Base(name), ".") && name != "." {
			return fs.SkipDir // what a program left that was killed, or is at work
		}
		return nil
	}
	if strings.HasPrefix(path.Base(name), ".") || ownNames.MatchString(name) {
		return nil
	}
	if problem := misplaced(name, e.Type()); problem != "" {
		c.say(name, false, problem)
		return nil
	}
	if info, err := e.Info(); err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		c.say(name, false, fmt.Sprintf("others may read it (%v); run chmod 600", info.Mode().Perm()))
	}
	c.files++
	if damaged, err := c.isDamaged(ctx, name); damaged || err != nil {
		return err
	}
	if uid, ok := storageNumber(name); ok && c.ownerless(uid) {
		c.say(name, false, "it belongs to no user; 'syncmanager server repair "+strconv.FormatInt(uid, 10)+" --force' sets it aside")
	}
	return nil
}

// isDamaged reports whether what is in a file is damaged, and says how.
func (c *checker) isDamaged(ctx context.Context, name string) (bool, error) {
	if schemaOf(name) == nil && name != secretName {
		return false, nil
	}
	err := examine(ctx, name, filepath.Join(c.dir, filepath.FromSlash(name)), c.work)
	switch {
	case errors.Is(err, fs.ErrNotExist): // the user was removed meanwhile
		return false, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err == nil:
		return false, nil
	}
	c.say(name, true, err.Error())
	return true, nil
}

// misplaced says why a file does not belong where it is, or "".
func misplaced(name string, kind fs.FileMode) string {
	switch uid, isStorage := storageNumber(name); {
	case !kind.IsRegular():
		return "it is not a file of the server's"
	case !known.MatchString(name) && !beside.MatchString(name):
		return "it is not a file of the server's; move it out of the folder"
	case isStorage && name != path.Join("storage", filepath.ToSlash(storagedb.Name(uid))):
		return "it is in a folder where the server does not look for it"
	}
	return ""
}

// ownerless reports whether a storage is known to belong to nobody.
func (c *checker) ownerless(uid int64) bool {
	_, owned := c.owners[uid]
	return c.owners != nil && !owned
}

func (c *checker) say(name string, damaged bool, problem string) {
	f := Finding{Name: name, Damaged: damaged, Problem: strings.TrimPrefix(problem, name+": ")}
	if uid, ok := storageNumber(name); ok {
		f.Storage, f.UID, f.Email = uid, c.owners[uid].uid, c.owners[uid].email
	}
	c.found(f)
}

// storageNumber returns the number of a storage from the name of its file.
func storageNumber(name string) (int64, bool) {
	text, ok := strings.CutSuffix(path.Base(name), ".sqlite")
	uid, err := strconv.ParseInt(text, 10, 64)
	return uid, ok && err == nil && strings.HasPrefix(name, "storage/")
}

// The queries of readOwners: each reads all accounts, as Check does.
const (
	sqlEmails = `SELECT uid, email FROM accounts`
	sqlOwners = `SELECT uid, account FROM users`
)

// readOwners says whose the storages are, or returns nil if that cannot be read. A storage node does not know.
func readOwners(ctx context.Context, dir, work string) map[int64]owner {
	if folderHas(dir)(node.Marker) {
		return nil
	}
	emails := make(map[string]string)
	_ = each(ctx, filepath.Join(dir, "accounts.sqlite"), work, sqlEmails, func(scan func(...any) error) error {
		var uid, email string
		err := scan(&uid, &email)
		emails[uid] = email
		return err
	})
	owners := make(map[int64]owner)
	err := each(ctx, filepath.Join(dir, "token.sqlite"), work, sqlOwners, func(scan func(...any) error) error {
		var number int64
		var uid string
		err := scan(&number, &uid)
		owners[number] = owner{uid, emails[uid]}
		return err
	})
	if err != nil {
		return nil
	}
	return owners
}

// each calls row for each row of a query.
func each(ctx context.Context, path, work, query string, row func(scan func(...any) error) error) error {
	s, err := sqlite.OpenSnapshot(ctx, path, work)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // it was only read
	rows, err := s.Query(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
