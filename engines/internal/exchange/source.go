package exchange

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Format is a format that is read.
type Format string

// The formats that are read. "chrome" is also Edge's, Brave's, Opera's and
// Vivaldi's.
const (
	HTML   Format = "html"
	JSON   Format = "json"
	LZ4    Format = "jsonlz4"
	Chrome Format = "chrome"
	Places Format = "places.sqlite"
)

// Errors of reading; what is returned says more.
var (
	// ErrFormat means that a file is in none of the formats, or that its format does
	// not hold what is asked for.
	ErrFormat = errors.New("this is no file of bookmarks or history that can be read here: Firefox's places.sqlite, JSON or jsonlz4 backup, Chrome's Bookmarks, or an HTML export")
	// ErrDamaged means that a file begins as its format does and does not go on so.
	ErrDamaged = errors.New("it is damaged or incomplete")
	// ErrTooLarge means that a file passes MaxFile.
	ErrTooLarge = errors.New("it is larger than 1 GiB")
	// ErrSchema means that a places.sqlite has a schema that nobody here knows.
	ErrSchema = errors.New("its places.sqlite has a schema that this program does not know")
)

// Options say how a source is opened.
type Options struct {
	// TempDir is where a copy of a database is put, in a folder of its own (0700)
	// that Close removes; "": the system's folder for temporary files.
	TempDir string
	// Now is the clock: dates after it, plus a day, are nonsense. It must be set.
	Now func() time.Time
}

// A Source is a file or profile to read from.
type Source struct {
	format Format
}

// Open finds out by its content what path is: a file in one of the formats, or a
// profile's folder of Firefox or Chrome. Close it after use.
func Open(ctx context.Context, path string, o Options) (*Source, error) {
	panic("unimplemented")
}

// Read makes a source of what comes from a pipe: any format but Places.
func Read(ctx context.Context, r io.Reader, o Options) (*Source, error) {
	panic("unimplemented")
}

// Format says what the source is.
func (s *Source) Format() Format { return s.format }

// Bookmarks reads all bookmarks. What could not be taken over is in Skips.
func (s *Source) Bookmarks(ctx context.Context) (*Tree, Skips, error) {
	panic("unimplemented")
}

// History yields the pages of the history, one by one, with their visits. An
// error is the last that is yielded; for another source than Places it is
// ErrFormat. What could not be taken over is added to skips as the walk goes on.
func (s *Source) History(ctx context.Context, skips *Skips) iter.Seq2[Page, error] {
	panic("unimplemented")
}

// Close removes what Open put aside.
func (s *Source) Close() error { return nil }
