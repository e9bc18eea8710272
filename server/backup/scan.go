package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

var (
	// ErrNotBackup means that a file is not a backup made by this program.
	ErrNotBackup = errors.New("not a backup of a server")
	// ErrDamaged means that a backup is incomplete or was changed.
	ErrDamaged = errors.New("the backup is damaged: use another one")
	// ErrNewer means that a newer version of the program made the backup.
	ErrNewer = errors.New("the backup is from a newer version of this program: update the program")
)

// maxJSON bounds the head and the tail, in bytes. The tail of a million users fits.
const maxJSON = 256 << 20

// scan reads an archive to its end, and calls visit for each file. What visit read is valid
// only if scan returns nil.
func scan(ctx context.Context, r io.Reader, visit func(name string, r io.Reader) error) (report Report, err error) {
	archive := tar.NewReader(&cancelable{ctx, r})
	h, err := next(archive)
	if err != nil || h.Name != headName {
		return report, errors.Join(ErrNotBackup, ctx.Err())
	}
	var about head
	if err := decode(archive, &about); err != nil || about.Format < 1 {
		return report, ErrNotBackup
	}
	if about.Format > format {
		return report, ErrNewer
	}
	s := &scanner{archive: archive, seen: make(map[string]bool)}
	s.report.Created, s.report.Version = about.Created, about.Version
	if err := s.files(ctx, visit); err != nil {
		return s.report, err
	}
	return s.report, s.tail(ctx)
}

// scanner reads what follows the head of an archive.
type scanner struct {
	archive *tar.Reader
	report  Report
	found   []sum
	seen    map[string]bool
}

// files reads the files, up to the head of the tail.
func (s *scanner) files(ctx context.Context, visit func(name string, r io.Reader) error) error {
	for {
		h, err := next(s.archive)
		if err != nil {
			return damaged(ctx, err)
		}
		if h.Name == leftOutName && s.report.LeftOut == nil {
			if err := decode(s.archive, &s.report.LeftOut); err != nil {
				return damaged(ctx, err)
			}
			continue
		}
		if h.Name == tailName {
			return nil
		}
		if !known.MatchString(h.Name) || s.seen[h.Name] {
			return fmt.Errorf("%w: %q has no place in it", ErrDamaged, h.Name)
		}
		s.seen[h.Name] = true
		digest := sha256.New()
		body := io.TeeReader(s.archive, digest)
		if err := visit(h.Name, body); err != nil {
			return damaged(ctx, err)
		}
		if _, err := io.Copy(io.Discard, body); err != nil { // what visit left
			return damaged(ctx, err)
		}
		s.found = append(s.found, sum{h.Name, h.Size, hex.EncodeToString(digest.Sum(nil))})
		s.report.Files++
		s.report.Bytes += h.Size
	}
}

// tail compares the files with the list of them that ends an archive.
func (s *scanner) tail(ctx context.Context) error {
	var want []sum
	if err := decode(s.archive, &want); err != nil {
		return damaged(ctx, err)
	}
	if _, err := s.archive.Next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows its end", ErrDamaged)
	}
	if !slices.Equal(s.found, want) {
		return fmt.Errorf("%w: it does not hold what it says", ErrDamaged)
	}
	for _, name := range needed(func(name string) bool { return s.seen[name] }) {
		if !s.seen[name] {
			return fmt.Errorf("%w: %s is missing", ErrDamaged, name)
		}
	}
	return nil
}

// next returns the next entry. It must be a plain file: not a link, and not a sparse file,
// which could unpack to more than any disk holds.
func next(archive *tar.Reader) (*tar.Header, error) {
	h, err := archive.Next()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	for record := range h.PAXRecords {
		if record != "size" { // for files over 8 GiB
			return nil, fmt.Errorf("%w: %q is not a plain file", ErrDamaged, h.Name)
		}
	}
	if h.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("%w: %q is not a plain file", ErrDamaged, h.Name)
	}
	return h, nil
}

func decode(r io.Reader, v any) error {
	return json.NewDecoder(io.LimitReader(r, maxJSON)).Decode(v)
}

// damaged marks an error as damage of the archive, unless the context was canceled or the
// target folder failed.
func damaged(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if own, ok := errors.AsType[*targetError](err); ok {
		return own.err
	}
	if errors.Is(err, ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// targetError is an error of the folder that a backup is restored to.
type targetError struct{ err error }

func (p *targetError) Error() string { return p.err.Error() }
