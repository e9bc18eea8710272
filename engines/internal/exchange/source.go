package exchange

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlitecopy"
	"github.com/syncmanager/syncmanager/internal/textfile"
)

// Format names a format.
type Format string

// The formats that are read. "html" is what any browser exports, and Pocket; "chrome" is
// also Edge's, Brave's, Opera's and Vivaldi's.
const (
	HTML   Format = "html"
	JSON   Format = "json"
	LZ4    Format = "jsonlz4"
	Chrome Format = "chrome"
	Places Format = "places.sqlite"
	Safari Format = "safari"
	CSV    Format = "csv"
)

// Errors of sources. The error that wraps one of them says more.
var (
	// ErrFormat means that a file is in none of the formats.
	ErrFormat = errors.New("it is not in a format that can be read here: an HTML export of bookmarks, a JSON or jsonlz4 backup of Firefox, Chrome's Bookmarks, Firefox's places.sqlite, Safari's Bookmarks.plist, or a CSV file with a column url")
	// ErrPasswords and ErrArchive are [ErrFormat] for a known kind of file.
	ErrPasswords error = formatError("it is a CSV file of passwords: 'passwords import' reads it")
	ErrArchive   error = formatError("it is a ZIP archive: unpack it, and import the file in it")
	// ErrNoHistory means that a source has only bookmarks.
	ErrNoHistory = errors.New("only Firefox's places.sqlite holds a history that can be read here")
	// ErrNoProfile means that a folder is not the profile of a browser.
	ErrNoProfile = errors.New("the folder holds neither Firefox's places.sqlite nor Chrome's Bookmarks nor Safari's Bookmarks.plist; name the folder of one profile, or a file")
	// ErrDamaged means that a file begins as its format does, but breaks it later.
	ErrDamaged = sqlitecopy.ErrDamaged
	// ErrTooLarge means that a file of bookmarks is larger than the bounds of this package.
	ErrTooLarge = errors.New("it is too large")
	// ErrSchema means that a places.sqlite has an unknown schema.
	ErrSchema = sqlitecopy.ErrSchema
	// ErrChanging means that a places.sqlite could not be copied in a consistent state.
	ErrChanging = sqlitecopy.ErrChanging
)

// A formatError is an [ErrFormat] that says what the file is.
type formatError string

func (e formatError) Error() string      { return string(e) }
func (formatError) Is(target error) bool { return target == ErrFormat }

// Options say how a source is read.
type Options struct {
	// TempDir is the folder for a copy of a database, which gets a folder of its own (0700)
	// that [Source.Close] removes; "" means the system's folder for temporary files.
	TempDir string
	// Now is the clock, which must be set. Dates more than a day after it are left out.
	Now func() time.Time
}

// A Source has bookmarks, and may have a history.
type Source struct {
	format Format
	now    func() time.Time
	// The bookmarks of a text, which Open and Read read to its end.
	tree  *Tree
	skips Skips
	// The copy of a database.
	places *sqlitecopy.Copy
}

// Open opens a file in one of the formats, which it tells by the content, or the folder
// of a profile of Firefox or Chrome. The caller must close the source. An error is a
// clause about the file, without its name.
func Open(ctx context.Context, path string, o Options) (*Source, error) {
	s, err := open(ctx, path, o)
	if named := (*fs.PathError)(nil); errors.As(err, &named) && named.Path == path {
		return nil, named.Err
	}
	return s, err
}

func open(ctx context.Context, path string, o Options) (*Source, error) {
	files, err := inProfile(path)
	if err != nil {
		return nil, err
	}
	s, err := openFile(ctx, files[0], o)
	if len(files) == 2 {
		return withAccount(ctx, s, err, files, o)
	}
	if err != nil {
		return nil, err
	}
	if s.format == Chrome && filepath.Base(path) == chromeFile {
		s.noteAccount(ctx, filepath.Join(filepath.Dir(path), accountFile), o)
	}
	return s, nil
}

func openFile(ctx context.Context, path string, o Options) (*Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	if start, _ := in.Peek(len(sqlitecopy.Magic)); string(start) != sqlitecopy.Magic {
		return read(ctx, in, o)
	}
	// The log is beside the file itself, not beside a link to it.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, err
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	copied, err := sqlitecopy.Take(ctx, dir, filepath.Base(path), sqlitecopy.Options{TempDir: o.TempDir, Tables: placesTables})
	if err != nil {
		return nil, err
	}
	if _, err := schemaOf(ctx, copied); err != nil {
		return nil, errors.Join(err, copied.Close())
	}
	return &Source{format: Places, now: o.Now, places: copied}, nil
}

// Chrome keeps the bookmarks of the account that it is signed in to in a second file,
// beside those of the device.
const (
	chromeFile  = "Bookmarks"
	accountFile = "AccountBookmarks"
)

// inProfile returns path, or the file in it if it is the folder of a profile: both files
// of Chrome, if there are two.
func inProfile(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, err
	}
	var files []string
	for _, name := range []string{"places.sqlite", chromeFile, accountFile, "Bookmarks.plist"} {
		file := filepath.Join(path, name)
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			continue
		}
		files = append(files, file)
		if name != chromeFile {
			return files, nil
		}
	}
	if files == nil {
		return nil, ErrNoProfile
	}
	return files, nil
}

// withAccount joins the two files of a signed-in Chrome. One that cannot be read is
// reported, and the other is used.
func withAccount(ctx context.Context, s *Source, firstErr error, files []string, o Options) (*Source, error) {
	second, err := openFile(ctx, files[1], o)
	if err != nil && firstErr != nil {
		return nil, firstErr
	}
	for i, err := range []error{firstErr, err} {
		if err == nil {
			continue
		}
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFormat) {
			return nil, err
		}
		if i == 0 {
			s = second
		}
		s.skips.Add(Skip{Item: filepath.Base(files[i]), Reason: err.Error()})
		return s, nil
	}
	if s.tree == nil || second.tree == nil {
		return nil, ErrFormat // a database by that name
	}
	for _, root := range Roots {
		join(s.tree.Root(root), *second.tree.Root(root))
	}
	for _, skip := range second.skips.First {
		s.skips.Add(Skip{Item: skip.Item, Reason: skip.Reason + fmt.Sprintf(" (%s, line %d)", accountFile, skip.Line)})
	}
	s.skips.Count += second.skips.Count - len(second.skips.First)
	s.skips.Notes = append(s.skips.Notes, second.skips.Notes...)
	return s, nil
}

// noteAccount adds a note about the second file of a signed-in Chrome, at path, if only the
// first was opened.
func (s *Source) noteAccount(ctx context.Context, path string, o Options) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return
	}
	beside, err := openFile(ctx, path, o)
	if err != nil || beside.tree == nil {
		return
	}
	n := 0
	for range beside.tree.All() {
		n++
	}
	if n > 0 {
		s.skips.Notes = append(s.skips.Notes, fmt.Sprintf("the browser has %d items of its account in %s beside this file: name the folder to import both", n, accountFile))
	}
}

// Read reads a source from a pipe, in any format except [Places]. Its errors
// are those of [Open].
func Read(ctx context.Context, r io.Reader, o Options) (*Source, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if start, _ := in.Peek(len(sqlitecopy.Magic)); string(start) == sqlitecopy.Magic {
		return nil, fmt.Errorf("%w; a places.sqlite must be named as a file, since part of it can be in the file beside it", ErrFormat)
	}
	return read(ctx, in, o)
}

func read(ctx context.Context, in *bufio.Reader, o Options) (*Source, error) {
	s := &Source{now: o.Now}
	b := newBuilder(o.Now())
	in = textfile.FromUTF16(in)
	text := &boundedReader{ctx: ctx, r: in, left: MaxFile}
	var err error
	switch start, _ := in.Peek(512); {
	case bytes.HasPrefix(start, []byte(mozLZ4)):
		s.format = LZ4
		var unpacked []byte
		if unpacked, err = unpack(text); err == nil {
			_, err = readJSON(bytes.NewReader(unpacked), b)
		}
	case firstByte(start) == '{':
		if start[0] == 0xef { // the mark of UTF-8, which JSON does not have
			_, _ = in.Discard(len(utf8Mark))
		}
		s.format, err = readJSON(text, b)
	case bytes.HasPrefix(start, []byte(binaryPlist)):
		s.format = Safari
		err = readSafari(readBinaryPlist, text, b)
	case firstByte(start) == '<' && isXMLPlist(start):
		s.format = Safari
		err = readSafari(readXMLPlist, text, b)
	case firstByte(start) == '<':
		s.format = HTML
		err = readHTML(text, b)
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		err = ErrArchive
	default:
		s.format = CSV
		err = readCSV(text, b)
	}
	if err != nil {
		return nil, err
	}
	b.tellLeft()
	s.tree, s.skips = &b.tree, b.skips
	return s, nil
}

const utf8Mark = textfile.UTF8Mark

func firstByte(start []byte) byte {
	if text := strings.TrimSpace(strings.TrimPrefix(string(start), utf8Mark)); text != "" {
		return text[0]
	}
	return 0
}

// readJSON reads JSON of Firefox or Chrome.
func readJSON(r io.Reader, b *builder) (Format, error) {
	file, tooMany, err := parseNodes(r)
	if err != nil {
		return "", err
	}
	b.skipMany(tooMany)
	format := JSON
	switch {
	case file.roots != nil:
		format = Chrome
		fromChrome(file, b)
	case file.kind == typeFolder:
		fromFirefox(file, b)
	default:
		return "", ErrFormat
	}
	return format, nil
}

// A boundedReader ends with an error if there is too much to read or the context
// is done.
type boundedReader struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("%w: it has more than %d bytes", ErrTooLarge, int64(MaxFile))
	}
	return n, err
}

// Format returns the format of the source.
func (s *Source) Format() Format { return s.format }

// Bookmarks reads all bookmarks, and lists what could not be taken over in [Skips].
func (s *Source) Bookmarks(ctx context.Context) (*Tree, Skips, error) {
	if s.places == nil {
		return s.tree, s.skips, nil
	}
	b := newBuilder(s.now())
	if err := readPlaces(ctx, s.places, b); err != nil {
		return nil, Skips{}, err
	}
	b.tellLeft()
	return &b.tree, b.skips, nil
}

// History yields the pages of the history with their visits. After an error it yields
// nothing more; the error is [ErrNoHistory] for a source other than
// [Places]. It adds what could not be taken over to skips.
func (s *Source) History(ctx context.Context, skips *Skips) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		if s.places == nil {
			yield(Page{}, ErrNoHistory)
			return
		}
		if err := readHistory(ctx, s.places, s.now(), skips, yield); err != nil {
			yield(Page{}, err)
		}
	}
}

// Close removes the copy of a database.
func (s *Source) Close() error {
	if s.places == nil {
		return nil
	}
	return s.places.Close()
}
