// Package sqlitecopy reads the SQLite files of other programs, even while those have
// them open: it makes a private, consistent copy and reads that. It does not write
// beside the original, and does not trust the copy.
package sqlitecopy

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/syncmanager/syncmanager/internal/skips"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Magic begins every SQLite file.
const Magic = "SQLite format 3\x00"

// Errors of databases. The error that wraps one of them says more.
var (
	// ErrDamaged means that the file is not a sound database.
	ErrDamaged = errors.New("it is damaged or incomplete")
	// ErrSchema means that the database lacks a table or column that is read.
	ErrSchema = errors.New("it has a schema that this program does not know")
	// ErrChanging means that the database could not be copied in a consistent state.
	ErrChanging = errors.New("the browser writes to it all the time; try again, or close the browser first")
	// ErrTooLarge means that the file is larger than [Options.MaxSize].
	ErrTooLarge = errors.New("it is too large")
)

// Options say how a database is copied, and what must be in it.
type Options struct {
	// TempDir is the folder for the copy, which gets a folder of its own (0700) that
	// [Copy.Close] removes; "" means the system's folder for temporary files.
	TempDir string
	// Tables are the tables and columns that the database must have.
	Tables map[string][]string
	// MaxSize bounds the file, and its log, in bytes; 0 means no bound.
	MaxSize int64
}

// A Copy is a private, consistent copy of a database.
type Copy struct {
	dir string
	db  *sql.DB
}

// attempts bounds how often Take tries again because the database changed meanwhile.
const attempts = 5

// Take copies the database name of dir with its write-ahead log, and checks the copy.
// Firefox locks its database while it runs, so that nobody else can open it; and its latest
// writes are only in the log, so that a copy of the file alone lacks them.
func Take(ctx context.Context, dir *os.Root, name string, o Options) (_ *Copy, err error) {
	c := &Copy{}
	if c.dir, err = os.MkdirTemp(o.TempDir, "database-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	s := source{dir: dir, name: name, maxSize: o.MaxSize}
	target := filepath.Join(c.dir, name)
	err = errMoved
	for try := 0; try < attempts && errors.Is(err, errMoved); try++ {
		err = s.copyTo(ctx, target)
	}
	if errors.Is(err, errMoved) {
		return nil, ErrChanging
	}
	if err != nil {
		return nil, err
	}
	if c.db, err = open(target); err != nil {
		return nil, err
	}
	if err := c.check(ctx, o.Tables); err != nil {
		return nil, sentence(err)
	}
	return c, nil
}

// errMoved means that the database changed during a copy that is not consistent therefore.
var errMoved = errors.New("the database changed while it was copied")

// source is the database that is copied.
type source struct {
	dir     *os.Root
	name    string
	maxSize int64
}

// copyTo copies the database, then its log. A checkpoint may write to the database
// meanwhile: its pages come from the log, and the copy of the log, made
// later, has those pages too and takes precedence. That holds until the log starts
// again, which changes the salts in its header. Without a log, a change shows only in
// the file's time and size.
func (s source) copyTo(ctx context.Context, target string) error {
	before, err := s.state()
	if err != nil {
		return err
	}
	if before.journal {
		return errMoved // a transaction is running, or was interrupted
	}
	// An earlier try may have found a log where there is none now.
	if err := os.Remove(target + "-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.copyFile(ctx, "", target); err != nil {
		return err
	}
	if err := s.copyFile(ctx, "-wal", target+"-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	after, err := s.state()
	if err != nil {
		return err
	}
	if !bytes.Equal(before.log, after.log) || len(after.log) == 0 && before.file != after.file {
		return errMoved
	}
	return nil
}

// fileState changes when the database is written to.
type fileState struct {
	// log is the header of the write-ahead log; empty without a log.
	log  []byte
	file struct{ modified, size int64 }
	// journal is set while a transaction without a write-ahead log is running.
	journal bool
}

func (s source) state() (st fileState, err error) {
	const headerSize = 32
	info, err := plain(s.dir, s.name)
	if err != nil {
		return st, err
	}
	st.file.modified, st.file.size = info.ModTime().UnixNano(), info.Size()
	if journal, err := s.dir.Lstat(s.name + "-journal"); err == nil {
		st.journal = journal.Size() > 0
	}
	f, err := OpenPlain(s.dir, s.name+"-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	defer f.Close()
	st.log, err = io.ReadAll(io.LimitReader(f, headerSize))
	return st, err
}

func (s source) copyFile(ctx context.Context, suffix, to string) error {
	in, err := OpenPlain(s.dir, s.name+suffix)
	if err != nil {
		return err
	}
	defer in.Close()
	tooLarge := fmt.Errorf("%w: more than %d bytes", ErrTooLarge, s.maxSize)
	if info, err := in.Stat(); err != nil || s.maxSize > 0 && info.Size() > s.maxSize {
		return cmp.Or(err, tooLarge)
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	var from io.Reader = contextReader{ctx, in}
	if s.maxSize > 0 {
		from = io.LimitReader(from, s.maxSize+1)
	}
	n, err := io.Copy(out, from)
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copying it: %w", err)
	}
	if s.maxSize > 0 && n > s.maxSize {
		return tooLarge // it grew meanwhile
	}
	return nil
}

// ErrNotPlain means that a path is a link, a folder, a pipe or the like.
var ErrNotPlain = errors.New("it is not a plain file")

// OpenPlain opens a plain file of dir to read. It refuses links, which could lead to other
// files, and pipes, which could block.
func OpenPlain(dir *os.Root, name string) (*os.File, error) {
	if _, err := plain(dir, name); err != nil {
		return nil, err
	}
	return dir.Open(name)
}

func plain(dir *os.Root, name string) (fs.FileInfo, error) {
	info, err := dir.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotPlain
	}
	return info, err
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

// open opens a database of another program, read-only, without trust in its schema.
func open(path string) (*sql.DB, error) {
	path = filepath.ToSlash(path)
	if runtime.GOOS == "windows" {
		path = "/" + path
	}
	q := url.Values{"_pragma": {"query_only(1)", "trusted_schema(0)", "cell_size_check(1)"}}
	db, err := sql.Open(sqlite.Driver, (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(2)
	return db, nil
}

// check returns an error unless the copy is sound and has the required tables.
func (c *Copy) check(ctx context.Context, tables map[string][]string) error {
	var found string
	if err := c.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: SQLite finds: %s", ErrDamaged, skips.Shorten(found))
	}
	for table, columns := range tables {
		if err := c.checkTable(ctx, table, columns); err != nil {
			return err
		}
	}
	return nil
}

const (
	sqlPlainTable = `SELECT count(*) FROM sqlite_schema WHERE name = ? AND type = 'table' AND sql LIKE 'CREATE TABLE%'`
	sqlColumn     = `SELECT count(*) FROM pragma_table_info(?) WHERE name = ?`
)

// checkTable returns ErrSchema unless there is a plain table with these columns. A
// view or a virtual table could run SQL of whoever made the file.
func (c *Copy) checkTable(ctx context.Context, table string, columns []string) error {
	var plain bool
	err := c.db.QueryRowContext(ctx, sqlPlainTable, table).Scan(&plain)
	if err != nil {
		return err
	}
	if !plain {
		return fmt.Errorf("%w: there is no table %s", ErrSchema, table)
	}
	for _, column := range columns {
		var there bool
		err := c.db.QueryRowContext(ctx, sqlColumn, table, column).Scan(&there)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("%w: the table %s has no column %s", ErrSchema, table, column)
		}
	}
	return nil
}

// Has reports whether there is a plain table with these columns.
func (c *Copy) Has(ctx context.Context, table string, columns ...string) (bool, error) {
	err := c.checkTable(ctx, table, columns)
	if errors.Is(err, ErrSchema) {
		return false, nil
	}
	if err != nil {
		return false, sentence(err)
	}
	return true, nil
}

// Rows runs query and yields its rows, to be scanned. After an error, which is a clause
// about the database, it yields nothing more.
func (c *Copy) Rows(ctx context.Context, query string, args ...any) iter.Seq2[*sql.Rows, error] {
	return func(yield func(*sql.Rows, error) bool) {
		rows, err := c.db.QueryContext(ctx, query, args...)
		if err != nil {
			yield(nil, sentence(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			if !yield(rows, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, sentence(err))
		}
	}
}

// sentence turns an error of SQLite into a clause about the file.
func sentence(err error) error {
	explained := sqlite.Explain(err)
	if errors.Is(explained, sqlite.ErrCorrupt) {
		return fmt.Errorf("%w: SQLite cannot read it", ErrDamaged)
	}
	return explained
}

// Close removes the copy.
func (c *Copy) Close() error {
	var err error
	if c.db != nil {
		err = c.db.Close()
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}
