package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Entry is one step of a user. The times are last-modified times of the user's storage, which rise with
// each step.
type Entry struct {
	User          int64
	Before, After int64
	// Step is what the step does, as the caller encoded it. Without it nothing was done after Before:
	// the entry voids those that say otherwise.
	Step []byte
}

// A segment begins with the magic, its number, and the sum of both. An entry follows as the length of its
// body and a sum (both 4 bytes, little-endian), and the body: user, before+1 and after+1 as varints, and the
// step. A sum covers all sums before it, so that what an earlier use of the disk left is not taken for entries.
const (
	magic      = "smredo1\n"
	headerSize = len(magic) + 8 + 4
	frameSize  = 4 + 4
	suffix     = ".redo"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sumOf(before uint32, b []byte) uint32 { return crc32.Update(before, castagnoli, b) }

func header(number uint64) []byte {
	b := binary.LittleEndian.AppendUint64([]byte(magic), number)
	return binary.LittleEndian.AppendUint32(b, sumOf(0, b))
}

func segmentName(number uint64) string { return fmt.Sprintf("%016d%s", number, suffix) }

// encode appends the entry to b, without its sum.
func (e Entry) encode(b []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, frameSize)...)
	b = binary.AppendUvarint(b, uint64(e.User))
	b = binary.AppendUvarint(b, uint64(e.Before+1))
	b = binary.AppendUvarint(b, uint64(e.After+1))
	b = append(b, e.Step...)
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-frameSize))
	return b
}

// seal puts the sums into encoded entries that follow an entry with the sum before, and returns the last one.
func seal(entries []byte, before uint32) uint32 {
	for len(entries) > 0 {
		end := frameSize + int(binary.LittleEndian.Uint32(entries))
		before = sumOf(sumOf(before, entries[:4]), entries[frameSize:end])
		binary.LittleEndian.PutUint32(entries[4:], before)
		entries = entries[end:]
	}
	return before
}

// decode reads a segment up to the first thing that is not a whole entry, and returns how many bytes it read.
func decode(b []byte, visit func(Entry)) (read int) {
	if len(b) < headerSize || !slices.Equal(b[:headerSize], header(binary.LittleEndian.Uint64(b[len(magic):]))) {
		return 0
	}
	read = headerSize
	sum := sumOf(0, b[:headerSize])
	for {
		rest := b[read:]
		if len(rest) < frameSize {
			return read
		}
		size := int64(binary.LittleEndian.Uint32(rest))
		if size > int64(len(rest)-frameSize) {
			return read
		}
		body := rest[frameSize : frameSize+size]
		sum = sumOf(sumOf(sum, rest[:4]), body)
		if binary.LittleEndian.Uint32(rest[4:]) != sum {
			return read
		}
		e, ok := parse(body)
		if !ok {
			return read
		}
		visit(e)
		read += frameSize + int(size)
	}
}

func parse(b []byte) (e Entry, ok bool) {
	for _, n := range []*int64{&e.User, &e.Before, &e.After} {
		v, size := binary.Uvarint(b)
		if size <= 0 || v > 1<<62 {
			return Entry{}, false
		}
		*n, b = int64(v), b[size:]
	}
	e.Before--
	e.After--
	if len(b) > 0 {
		e.Step = b
	}
	return e, true
}

var (
	// ErrDamaged means that a segment was changed or cut after it was on the disk.
	ErrDamaged = errors.New("the journal is damaged, and may have writes that no other file has: restore a backup, " +
		"or move the file away to go on without them")
	// ErrNewer means that a newer version of the program wrote the journal.
	ErrNewer = errors.New("a newer version of this program wrote the journal: use that version")
)

// Log is what a journal has.
type Log struct {
	// Users has the steps of each user that were not voided, in order.
	Users map[int64][]Entry

	paths []string // of the segments
	last  uint64   // the number of the newest segment
	end   int64    // where the newest segment's last entry ends, if something follows it; or -1
}

// Read reads the journal in a folder, which another process may write to. Without a folder or segments it is empty.
func Read(dir string) (*Log, error) {
	for tries := 1; ; tries++ {
		log, err := read(dir)
		if !errors.Is(err, fs.ErrNotExist) || tries == 100 {
			return log, err
		}
		// A segment was removed meanwhile: the users' files have what was in it.
	}
}

func read(dir string) (*Log, error) {
	log := &Log{Users: make(map[int64][]Entry), end: -1}
	names, err := os.ReadDir(dir) // by name, which is by number
	if errors.Is(err, fs.ErrNotExist) {
		return log, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the journal: %w", err)
	}
	for _, e := range names {
		digits, ok := strings.CutSuffix(e.Name(), suffix)
		number, err := strconv.ParseUint(digits, 10, 64)
		if !ok || err != nil {
			continue
		}
		if log.end >= 0 { // a segment that another follows was on the disk as a whole
			return nil, fmt.Errorf("%s, byte %d: %w", log.paths[len(log.paths)-1], log.end, ErrDamaged)
		}
		path := filepath.Join(dir, e.Name())
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("cannot read the journal: %w", err)
		}
		if len(b) >= len(magic) && strings.HasPrefix(string(b), magic[:6]) && !strings.HasPrefix(string(b), magic) {
			return nil, fmt.Errorf("%s: %w", path, ErrNewer)
		}
		log.paths, log.last = append(log.paths, path), number
		n := decode(b, log.add)
		if n == 0 && len(b) > headerSize { // the header was on the disk before any entry
			return nil, fmt.Errorf("%s, byte 0: %w", path, ErrDamaged)
		}
		if n < len(bytes.TrimRight(b, "\x00")) || n == 0 { // zeros are room for more
			log.end = int64(n)
		}
	}
	return log, nil
}

// add adds an entry to a user's steps. Those that it does not follow were not taken after all.
func (l *Log) add(e Entry) {
	steps := l.Users[e.User]
	for len(steps) > 0 && steps[len(steps)-1].After > e.Before {
		steps = steps[:len(steps)-1]
	}
	if e.Step != nil {
		steps = append(steps, e)
	}
	if len(steps) == 0 {
		// The user stays known: the file may have steps that are not on the disk.
		steps = nil
	}
	l.Users[e.User] = steps
}

// Missing returns the steps that a user's file lacks whose last-modified time is modified. A file
// without any time has been made since.
func (l *Log) Missing(user, modified int64) []Entry {
	if modified == 0 {
		return nil
	}
	for i, e := range l.Users[user] {
		if e.After > modified {
			if e.Before < modified {
				return nil // another step was taken in its place
			}
			return l.Users[user][i:]
		}
	}
	return nil
}

// cut removes what follows the last entry: it was being written when the power was lost.
func (l *Log) cut(sync func(*os.File) error) error {
	if l.end < 0 {
		return nil
	}
	path := l.paths[len(l.paths)-1]
	if l.end == 0 { // nothing was acknowledged in it
		l.paths = l.paths[:len(l.paths)-1]
		return os.Remove(path)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(l.end), sync(f), f.Close())
}

// Segment returns the file of a journal that has these entries alone, and its name.
func Segment(entries []Entry) (name string, content []byte) {
	const number = 1
	content = header(number)
	start := len(content)
	for _, e := range entries {
		content = e.encode(content)
	}
	seal(content[start:], sumOf(0, content[:start]))
	return segmentName(number), content
}
