package sqlite

import (
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
	"slices"
)

// Snapshot is the content of a file as of one moment. Other processes may read and write the
// file meanwhile. The caller must call [Snapshot.Close].
type Snapshot struct {
	path string
	db   *sql.DB
	conn *sql.Conn
	own  string // a private copy to remove at the end, or ""
}

// ErrUnsettled means that this process cannot lock a file, which changed each time it was
// read.
var ErrUnsettled = errors.New("it changes while it is read, and cannot be locked: read it from a snapshot of the disk, or as the user who owns it")

// OpenSnapshot opens a snapshot of the file at path. It can also read read-only files, as on
// a snapshot of a disk. A read-only file whose journal is not empty is copied to the folder
// work, which must not contain a copy already. If there is no file, the error wraps
// [fs.ErrNotExist].
func OpenSnapshot(ctx context.Context, path, work string) (_ *Snapshot, err error) {
	s := &Snapshot{path: path}
	defer func() {
		if err != nil {
			_ = s.Close()
			err = fmt.Errorf("cannot read %s: %w", path, Explain(err))
		}
	}()
	if _, err := os.Stat(path); err != nil { // SQLite would create it
		return nil, err
	}
	err = s.begin(ctx, dsn(path, "deferred", []string{"busy_timeout(10000)", "query_only(1)", "trusted_schema(0)"}))
	if !unwritable(err) {
		return s, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	// The file cannot be locked, so check that it does not change while it is read.
	for range 5 {
		before, err := outlineOf(path)
		if err != nil {
			return nil, err
		}
		if err := s.frozen(ctx, before, work); err != nil {
			return nil, err
		}
		after, err := outlineOf(path)
		if err == nil && before == after {
			return s, nil
		}
		if err := errors.Join(err, s.Close()); err != nil {
			return nil, err
		}
	}
	return nil, ErrUnsettled
}

// unwritable reports whether SQLite failed because it cannot write its locks.
func unwritable(err error) bool {
	code, ok := codeOf(err)
	return ok && (code == codeReadOnly || code == codeCantOpen)
}

// outline holds what changes when a file or its journal changes.
type outline struct{ size, changed, walSize, walChanged int64 }

func outlineOf(path string) (o outline, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return o, err
	}
	o.size, o.changed = info.Size(), info.ModTime().UnixNano()
	info, err = os.Stat(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err == nil {
		o.walSize, o.walChanged = info.Size(), info.ModTime().UnixNano()
	}
	return o, err
}

// frozen opens a read-only file.
func (s *Snapshot) frozen(ctx context.Context, o outline, work string) error {
	if o.walSize == 0 {
		return s.begin(ctx, immutable(s.path))
	}
	s.own = filepath.Join(work, filepath.Base(s.path)+".snapshot")
	for _, tail := range []string{"", "-wal"} {
		if err := copyFile(s.path+tail, s.own+tail); err != nil {
			return err
		}
	}
	return s.begin(ctx, dsn(s.own, "deferred", []string{"trusted_schema(0)"}))
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// immutable returns the SQLite URI of a file that no process writes.
func immutable(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if path = filepath.ToSlash(path); runtime.GOOS == "windows" {
		path = "/" + path
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&immutable=1&_pragma=trusted_schema(0)"}
	return u.String()
}

// begin opens the file and starts the read transaction of the snapshot.
func (s *Snapshot) begin(ctx context.Context, address string) (err error) {
	if s.db, err = sql.Open(Driver, address); err != nil {
		return err
	}
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return err
	}
	if _, err = s.conn.ExecContext(ctx, `BEGIN`); err != nil {
		return err
	}
	var n int
	return s.conn.QueryRowContext(ctx, sqlReadSchema).Scan(&n)
}

// Close closes the file.
func (s *Snapshot) Close() error {
	var errs []error
	if s.conn != nil {
		_ = s.conn.Close() // ends the transaction
		s.conn = nil
	}
	if s.db != nil {
		_ = s.db.Close() // it was only read
		s.db = nil
	}
	if s.own != "" {
		for _, tail := range []string{"-wal", "-shm", ""} {
			if err := os.Remove(s.own + tail); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
		s.own = ""
	}
	return errors.Join(errs...)
}

// Size returns the size of the file with its journal applied, in bytes.
func (s *Snapshot) Size(ctx context.Context) (n int64, err error) {
	err = s.conn.QueryRowContext(ctx, sqlSize).Scan(&n)
	return n, Explain(err)
}

// Query runs a query on the snapshot.
func (s *Snapshot) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := s.conn.QueryContext(ctx, query, args...)
	return rows, Explain(err)
}

// Bytes returns the whole file. Call [Snapshot.Check] too: unreadable pages are returned as
// zeros.
func (s *Snapshot) Bytes() (b []byte, err error) {
	err = s.conn.Raw(func(c any) error {
		b, err = c.(interface{ Serialize() ([]byte, error) }).Serialize()
		return err
	})
	return b, Explain(err)
}

// WriteTo writes a compact copy with mode 0600 to a path that must not exist.
func (s *Snapshot) WriteTo(ctx context.Context, to string) error {
	if err := newFile(to); err != nil {
		return err
	}
	// VACUUM does not run within a transaction, and makes its own snapshot.
	if _, err := s.conn.ExecContext(ctx, `ROLLBACK`); err != nil {
		return Explain(err)
	}
	if _, err := s.conn.ExecContext(ctx, `VACUUM INTO ?`, to); err != nil {
		return errors.Join(Explain(err), os.Remove(to))
	}
	return nil
}

// newFile creates an empty file with mode 0600 for SQLite to copy into; SQLite would create
// it with mode 0644.
func newFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Check reads the file, and returns an error that wraps [ErrCorrupt] if it is damaged.
func (s *Snapshot) Check(ctx context.Context) error {
	return s.verdict(ctx, `PRAGMA quick_check(1)`)
}

func (s *Snapshot) verdict(ctx context.Context, pragma string) error {
	var verdict string
	if err := s.conn.QueryRowContext(ctx, pragma).Scan(&verdict); err != nil {
		return fmt.Errorf("cannot check %s: %w", s.path, Explain(err))
	}
	if verdict != "ok" {
		return &Damage{Path: s.path, Detail: verdict}
	}
	return nil
}

// Damage describes damage that a check found. It wraps [ErrCorrupt].
type Damage struct {
	Path string
	// Detail is SQLite's message, or says how the schema differs.
	Detail string
}

func (d *Damage) Error() string { return fmt.Sprintf("%s: %v: %s", d.Path, ErrCorrupt, d.Detail) }

// Unwrap returns [ErrCorrupt].
func (d *Damage) Unwrap() error { return ErrCorrupt }

// Examine checks the file with its indexes and foreign keys, and that its schema is exactly
// the one that the migrations in folder create. The error wraps [ErrCorrupt] or [ErrNewer],
// or is one of reading the file.
func (s *Snapshot) Examine(ctx context.Context, folder fs.FS) error {
	if err := s.verdict(ctx, `PRAGMA integrity_check(1)`); err != nil {
		return err
	}
	have, err := version(ctx, s.conn)
	if err != nil {
		return fmt.Errorf("cannot check %s: %w", s.path, Explain(err))
	}
	want, err := schemaOf(ctx, folder, have)
	if err != nil {
		return fmt.Errorf("cannot check %s: %w", s.path, err)
	}
	got, err := schema(ctx, s.conn)
	if err != nil {
		return fmt.Errorf("cannot check %s: %w", s.path, Explain(err))
	}
	for _, o := range got {
		if !slices.Contains(want, o) {
			return &Damage{s.path, fmt.Sprintf("the %s %q is not part of the schema", o.kind, o.name)}
		}
	}
	for _, o := range want {
		if !slices.Contains(got, o) {
			return &Damage{s.path, fmt.Sprintf("the %s %q is missing", o.kind, o.name)}
		}
	}
	var table string
	err = s.conn.QueryRowContext(ctx, sqlForeignKeys).Scan(&table)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("cannot check %s: %w", s.path, Explain(err))
	}
	return &Damage{s.path, fmt.Sprintf("a row of %s refers to a missing row", table)}
}

// object is a table, a column, an index, a trigger or a view. text is the SQL of a trigger or
// a view, and the type of a column.
type object struct{ kind, name, text string }

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func schema(ctx context.Context, q querier) (all []object, err error) {
	rows, err := q.QueryContext(ctx, sqlSchema)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var o object
		if err := rows.Scan(&o.kind, &o.name, &o.text); err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, rows.Err()
}

// schemaOf returns the schema that the migrations up to a version create.
func schemaOf(ctx context.Context, folder fs.FS, upTo int64) ([]object, error) {
	steps, err := migrations(folder)
	if err != nil {
		return nil, err
	}
	if upTo > steps[len(steps)-1].version {
		return nil, ErrNewer
	}
	db, err := sql.Open(Driver, ":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for _, m := range steps {
		if m.version > upTo {
			break
		}
		if _, err := db.ExecContext(ctx, m.script); err != nil {
			return nil, fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	return schema(ctx, db)
}

// Examine opens a snapshot of the file at path and calls [Snapshot.Examine].
func Examine(ctx context.Context, path string, folder fs.FS, work string) error {
	s, err := OpenSnapshot(ctx, path, work)
	if err != nil {
		return err
	}
	return errors.Join(s.Examine(ctx, folder), s.Close())
}
