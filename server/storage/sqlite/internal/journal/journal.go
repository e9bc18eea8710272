// Package journal is a redo log that the files of many users share: all steps that wait for the disk
// at one time wait for it once.
//
// A step is appended, and on the disk, before the transaction on the user's file is committed. That
// commit does not wait for the disk. So nobody reads what a loss of power could take back, and a step
// whose append fails is rolled back. After a loss of power [Read] returns the steps that the files may
// lack.
//
// The log is a folder of segments. A full segment is settled in the background: when the files of all
// its users are on the disk, it is removed. Meanwhile the next one is written.
package journal

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/syncmanager/syncmanager/internal/dirlock"
)

// ErrFailed means that the disk failed. What is on it is not known then, so that the journal takes
// nothing more until it is opened again.
var ErrFailed = errors.New("the journal of the storage cannot be written: check the disk, and restart the server")

// Options configure a [Journal].
type Options struct {
	// Size is how many bytes a segment has when the next one is begun; 0: 32 MiB.
	Size int64
	// Settle returns when all commits on a user's file are on the disk. A user may have no file.
	Settle func(user int64) error
	// Sync waits until what was written to a file is on the disk; nil: by the system. Tests replace it.
	Sync func(*os.File) error
}

// Journal is a folder of segments, open for appending. It is safe for concurrent use.
type Journal struct {
	dir    string
	opts   Options
	unlock func() error
	old    []string // segments of an earlier process
	// writeAt is (*os.File).WriteAt, but for tests.
	writeAt func(f *os.File, b []byte, at int64) (int, error)

	mu      sync.Mutex
	err     error
	closed  bool
	next    *flight // collects entries while the one before it is written
	flying  bool
	active  *segment
	settles *segment // being settled, or nil
	number  uint64   // of the newest segment
}

// flight is entries that wait for the disk together. The first of them to see it, or the one that is
// told to lead, writes it.
type flight struct {
	entries []byte // encoded, but for their checksums
	users   []int64
	ends    bool // it ends the active segment, to be settled
	lead    chan struct{}
	done    chan struct{}
	segment *segment
	err     error
}

// segment is a file of the journal.
type segment struct {
	file  *os.File
	sum   uint32             // of its last entry
	room  int64              // the size of the file
	size  int64              // guarded by the journal's mu
	users map[int64]struct{} // likewise
	gone  chan struct{}      // closed when it was settled, or could not be
	// open counts the steps that are on the disk here, and not yet in the user's file.
	open sync.WaitGroup
}

const defaultSize = 32 << 20

// Open opens the journal in the folder dir, and returns what an earlier process left in it; see
// [Journal.Drop]. The folder is made with the first segment. One process at a time can have segments.
func Open(dir string, o Options) (*Journal, *Log, error) {
	if o.Size == 0 {
		o.Size = defaultSize
	}
	if o.Sync == nil {
		o.Sync = syncData
	}
	j := &Journal{dir: dir, opts: o, writeAt: (*os.File).WriteAt}
	log, err := Read(dir)
	if err != nil || len(log.paths) == 0 {
		return j, log, err
	}
	if err := j.lock(); err != nil {
		return nil, nil, err
	}
	if log, err = Read(dir); err == nil { // of another process that ended meanwhile
		err = log.cut(o.Sync)
	}
	if err != nil {
		return nil, nil, errors.Join(err, j.unlock())
	}
	j.old, j.number = log.paths, log.last
	return j, log, nil
}

// Refusing returns a journal without a folder, which takes nothing because of err.
func Refusing(err error) *Journal { return &Journal{err: err} }

// lock keeps other processes away.
func (j *Journal) lock() (err error) {
	if j.unlock != nil {
		return nil
	}
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the journal's folder: %w", err)
	}
	j.unlock, err = dirlock.Acquire(j.dir, "lock")
	return err
}

// Drop removes the segments of an earlier process. Call it when the files of all their users are on the disk.
func (j *Journal) Drop() error {
	var errs []error
	for _, path := range j.old {
		errs = append(errs, os.Remove(path))
	}
	j.old = nil
	return errors.Join(errs...)
}

// Err returns why the journal takes nothing more, or nil; it wraps [ErrFailed].
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// Room reports whether the journal is short enough for more. Where it is not, the files that are being
// settled do not keep up, and a step may wait for its own file as well.
func (j *Journal) Room() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.settles == nil || j.active.size < 2*j.opts.Size
}

// Step is an entry that is on the disk.
type Step struct{ segment *segment }

// Done says that the user's file has the step, or that an entry that voids it was appended, or could
// not be. Until then the entry stays.
func (s Step) Done() { s.segment.open.Done() }

// Append returns when an entry is on the disk. If it fails with an error that does not wrap
// [ErrFailed], the entry is not in the journal, and a later one may be.
func (j *Journal) Append(e Entry) (Step, error) {
	f, err := j.join(func(f *flight) {
		f.entries = e.encode(f.entries)
		f.users = append(f.users, e.User)
	})
	if err != nil {
		return Step{}, err
	}
	return Step{f.segment}, nil
}

// join adds something to the next flight, and returns when it was written.
func (j *Journal) join(add func(*flight)) (*flight, error) {
	j.mu.Lock()
	if err := j.err; err != nil || j.closed {
		j.mu.Unlock()
		return nil, cmp.Or(err, os.ErrClosed)
	}
	if j.next == nil {
		j.next = &flight{lead: make(chan struct{}, 1), done: make(chan struct{})}
	}
	f := j.next
	add(f)
	leads := !j.flying
	j.flying = true
	j.mu.Unlock()
	if !leads {
		select {
		case <-f.lead:
			leads = true
		case <-f.done:
		}
	}
	if leads {
		j.fly(f)
	}
	return f, f.err
}

// Remove returns when the journal has nothing of a user, whose file is gone or on the disk: the segments that do
// are settled.
//
// It waits for two segments at most, however much others write: for one that is being settled, and then for the active one,
// which is next, whoever ends it.
func (j *Journal) Remove(user int64) error {
	for {
		j.Settled()
		if !j.has(user) {
			return j.Err()
		}
		// Another segment may have begun to be settled meanwhile, and then this one goes on.
		if _, err := j.join(func(f *flight) { f.ends = true }); err != nil {
			return err
		}
	}
}

func (j *Journal) has(user int64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.active == nil {
		return false
	}
	_, has := j.active.users[user]
	return has
}

// Settled waits until no segment is being settled.
func (j *Journal) Settled() {
	j.mu.Lock()
	s := j.settles
	j.mu.Unlock()
	if s != nil {
		<-s.gone
	}
}

// fly writes a flight, and lets the next one go.
func (j *Journal) fly(f *flight) {
	j.mu.Lock()
	j.next = nil // what comes from now on goes with the next one
	failed := j.err
	j.mu.Unlock()
	if f.err = failed; f.err == nil {
		f.err = j.write(f)
	}
	j.mu.Lock()
	if errors.Is(f.err, ErrFailed) && j.err == nil {
		j.err = f.err
	}
	if j.next != nil {
		j.next.lead <- struct{}{}
	} else {
		j.flying = false
	}
	j.mu.Unlock()
	close(f.done)
}

// write appends a flight to the active segment, and waits for the disk. Only the leader calls it.
func (j *Journal) write(f *flight) error {
	if f.ends {
		j.end(nil)
	}
	if len(f.entries) == 0 {
		return nil
	}
	s, err := j.segment()
	if err != nil {
		return err
	}
	sum := seal(f.entries, s.sum)
	_, err = j.writeAt(s.file, f.entries, s.size)
	if end := s.size + int64(len(f.entries)); err == nil && end > s.room {
		err = j.makeRoom(s, end)
	}
	if err != nil {
		s.room = s.size
		// A part of it must not pass for steps that were taken.
		if cutErr := s.file.Truncate(s.size); cutErr != nil || !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("%w: %w", ErrFailed, errors.Join(err, cutErr))
		}
		return err
	}
	// After a failure, another call would succeed whatever is on the disk.
	if err := j.opts.Sync(s.file); err != nil {
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	s.open.Add(len(f.users))
	j.mu.Lock()
	for _, user := range f.users {
		s.users[user] = struct{}{}
	}
	s.size += int64(len(f.entries))
	j.mu.Unlock()
	s.sum, f.segment = sum, s
	return nil
}

// makeRoom writes zeros after the entries, which end at end, for a quarter of a segment. To overwrite them takes a disk
// less than to make a file longer: for that, usual file systems write what waits in all other files too.
func (j *Journal) makeRoom(s *segment, end int64) error {
	zeros := make([]byte, min(256<<10, j.opts.Size/4))
	for s.room = end; s.room < end+j.opts.Size/4; s.room += int64(len(zeros)) {
		if _, err := j.writeAt(s.file, zeros, s.room); err != nil {
			return err
		}
	}
	return nil
}

// segment returns the segment to append to. It begins another if the active one is full, unless the one
// before is still being settled.
func (j *Journal) segment() (*segment, error) {
	j.mu.Lock()
	full := j.active
	if full != nil && (full.size < j.opts.Size || j.settles != nil) {
		j.mu.Unlock()
		return full, nil
	}
	j.number++
	number := j.number
	j.mu.Unlock()
	s, err := j.begin(number)
	if err != nil {
		return nil, err
	}
	j.end(s)
	return s, nil
}

// end begins to settle the active segment, if there is one, and makes another the active one. If the one before
// is still being settled, the active one stays. Only the leader calls it.
func (j *Journal) end(next *segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.active
	switch {
	case s == nil:
		j.active = next
	case j.settles == nil:
		j.active, j.settles = next, s
		go j.settle(s)
	}
}

// begin makes a segment.
func (j *Journal) begin(number uint64) (_ *segment, err error) {
	if err := j.lock(); err != nil {
		return nil, err
	}
	path := filepath.Join(j.dir, segmentName(number))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	head := header(number)
	if _, err = f.Write(head); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	if err := errors.Join(j.opts.Sync(f), SyncFolder(j.dir)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFailed, errors.Join(err, f.Close(), os.Remove(path)))
	}
	return &segment{file: f, size: int64(len(head)), room: int64(len(head)), sum: sumOf(0, head), users: make(map[int64]struct{}), gone: make(chan struct{})}, nil
}

// settle removes a segment when the files of all its users are on the disk.
func (j *Journal) settle(s *segment) {
	defer close(s.gone)
	s.open.Wait()
	err := errors.Join(j.settleUsers(s), s.file.Close())
	if err == nil {
		err = os.Remove(s.file.Name())
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.settles = nil
	if err != nil && j.err == nil {
		// The system tells once that a file did not get to the disk. The segment stays.
		j.err = fmt.Errorf("%w: %w", ErrFailed, err)
	}
}

// settleAtOnce is how many files are settled at once: one by one, they would wait behind all who write meanwhile.
const settleAtOnce = 16

func (j *Journal) settleUsers(s *segment) error {
	users := make(chan int64, len(s.users))
	for user := range s.users {
		users <- user
	}
	close(users)
	failed := make(chan error)
	for range settleAtOnce {
		go func() {
			var err error
			for user := range users {
				err = errors.Join(err, j.opts.Settle(user))
			}
			failed <- err
		}()
	}
	var errs []error
	for range settleAtOnce {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

// Close closes the journal, when no call of Append is under way and every step is done. With settled, no user's
// file is open, and what this process appended is removed when they are on the disk. Calls after the first do nothing.
func (j *Journal) Close(settled bool) error {
	j.Settled()
	j.mu.Lock()
	s, unlock := j.active, j.unlock
	settled = settled && j.err == nil
	j.active, j.unlock = nil, nil
	j.closed = true
	j.mu.Unlock()
	var errs []error
	switch {
	case s == nil:
	case settled:
		j.settle(s)
		errs = append(errs, j.Err())
	default:
		errs = append(errs, s.file.Close())
	}
	if unlock != nil {
		errs = append(errs, unlock())
	}
	return errors.Join(errs...)
}
