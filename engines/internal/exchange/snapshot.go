package exchange

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	_ "modernc.org/sqlite" // the driver

	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// sqliteMagic is how a SQLite file begins.
const sqliteMagic = "SQLite format 3\x00"

// A snapshot is a private copy of a database in one sound state.
type snapshot struct {
	dir string
	db  *sql.DB
}

// attempts is how often a copy is tried while the database changes under it.
const attempts = 5

// takeSnapshot copies the database at path with its write-ahead log, and checks
// the copy. Firefox keeps its database locked for as long as it runs, and most of
// what it wrote lately is in the log alone, so that the file can neither be opened
// where it is nor be copied by itself.
func takeSnapshot(ctx context.Context, path, tempDir string) (_ *snapshot, err error) {
	s := &snapshot{}
	if s.dir, err = os.MkdirTemp(tempDir, "places-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	target := filepath.Join(s.dir, "places.sqlite")
	err = errMoved
	for try := 0; try < attempts && errors.Is(err, errMoved); try++ {
		err = copyDatabase(ctx, path, target)
	}
	if errors.Is(err, errMoved) {
		return nil, ErrChanging
	}
	if err != nil {
		return nil, err
	}
	if s.db, err = openCopy(target); err != nil {
		return nil, err
	}
	if err := s.check(ctx); err != nil {
		return nil, sentence(err)
	}
	return s, nil
}

// errMoved means that the database changed in a way that makes a copy worthless.
var errMoved = errors.New("the database changed while it was copied")

// copyDatabase copies the database, then its log. The database may change
// meanwhile: what is written to it (a checkpoint) comes from the log, and the copy
// of the log, made later, has those pages too and prevails over them. That holds
// until the log starts over, which its header tells: salts in it change every time.
// Without a log all that shows a change is the file's own time and size.
func copyDatabase(ctx context.Context, path, target string) error {
	before, err := stateOf(path)
	if err != nil {
		return err
	}
	if before.journal {
		return errMoved // a transaction is under way, or it was cut off
	}
	// An earlier try may have found a log where there is none now.
	if err := os.Remove(target + "-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := copyFile(ctx, path, target); err != nil {
		return err
	}
	if err := copyFile(ctx, path+"-wal", target+"-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	after, err := stateOf(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(before.log, after.log) || len(after.log) == 0 && before.file != after.file {
		return errMoved
	}
	return nil
}

// fileState is what shows that a database was written to.
type fileState struct {
	// log is the header of the write-ahead log; empty: there is none.
	log  []byte
	file struct{ modified, size int64 }
	// journal is set while a transaction without a write-ahead log is under way.
	journal bool
}

func stateOf(path string) (s fileState, err error) {
	const headerSize = 32
	info, err := os.Stat(path)
	if err != nil {
		return s, err
	}
	s.file.modified, s.file.size = info.ModTime().UnixNano(), info.Size()
	if journal, err := os.Stat(path + "-journal"); err == nil {
		s.journal = journal.Size() > 0
	}
	f, err := os.Open(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer f.Close()
	s.log, err = io.ReadAll(io.LimitReader(f, headerSize))
	return s, err
}

func copyFile(ctx context.Context, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, contextReader{ctx, in})
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copying it: %w", err)
	}
	return nil
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// openCopy opens a database that somebody else made: nothing in its schema is
// trusted, and nothing is written.
func openCopy(path string) (*sql.DB, error) {
	path = filepath.ToSlash(path)
	if runtime.GOOS == "windows" {
		path = "/" + path
	}
	q := url.Values{"_pragma": {"query_only(1)", "trusted_schema(0)", "cell_size_check(1)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(2)
	return db, nil
}

// check fails unless the copy is sound and has the tables that are read here.
func (s *snapshot) check(ctx context.Context) error {
	var found string
	if err := s.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: SQLite finds: %s", ErrDamaged, shorten(found))
	}
	return checkSchema(ctx, s.db)
}

// sentence says what SQLite's codes mean for a file that is somebody else's.
func sentence(err error) error {
	switch explained := sqlite.Explain(err); {
	case errors.Is(explained, sqlite.ErrCorrupt):
		return fmt.Errorf("%w: SQLite cannot read it", ErrDamaged)
	default:
		return explained
	}
}

func (s *snapshot) close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
