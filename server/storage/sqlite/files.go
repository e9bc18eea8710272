package sqlite

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite/internal/journal"
)

// files opens the users' files and bounds how many are open. A file in use stays
// open; of the others, the one unused longest is closed to make room.
type files struct {
	dir   string
	opts  sqlite.Options
	index index
	marks atomic.Int64
	// catchUp, unless nil, is called with each file that was opened, before it is used.
	catchUp func(ctx context.Context, uid int64, db *sqlite.DB) error

	// slots holds an element for each user whose file is in use.
	slots chan struct{}

	mu   sync.Mutex
	open map[int64]*file
	// retiring has the files that are being closed to make room; the channel is closed when it
	// is done.
	retiring map[int64]chan struct{}
	idle     list.List // of *file, the one unused longest in front
	closed   bool
}

// file is a user's file, open or about to be. Its users, rest and gone are guarded by
// files.mu; start sets db and err.
type file struct {
	uid   int64
	users int
	rest  *list.Element // in files.idle while users is 0
	gone  bool          // close it when its last use ends
	// unlisted says that the index may not have what is in the file.
	unlisted atomic.Bool
	unsynced unsynced
	// named says that the name of SQLite's journal of the file is on the disk.
	named atomic.Bool
	// goesAlone says that the last step that waited for the disk could not be in the journal: the next one is
	// likely the same, and would be undone first.
	goesAlone atomic.Bool
	redo      []byte // of the step whose turn it is
	// before, unless nil, is closed when the file has been closed after its use before this one.
	// Until then it is not opened: the index would get what was in it before.
	before chan struct{}

	start sync.Once
	db    *sqlite.DB
	err   error
}

func newFiles(dir string, maxOpen int, o sqlite.Options) (*files, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the storage's folder: %w", err)
	}
	return &files{
		dir:   dir,
		opts:  o,
		index: index{dir: dir},
		slots: make(chan struct{}, maxOpen),
		open:  make(map[int64]*file),

		retiring: make(map[int64]chan struct{}),
	}, nil
}

const suffix = ".sqlite"

// path is the path of a user's file. The files are spread over folders, to keep each folder
// small.
func (p *files) path(uid int64) string {
	return filepath.Join(p.dir, Name(uid))
}

// acquire opens the file of a user, and creates it if it does not exist. It waits while too
// many files are in use. Each call that succeeds needs one call of release.
func (p *files) acquire(ctx context.Context, uid int64) (*file, error) {
	f, err := p.share(uid)
	if f == nil && err == nil {
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		f, err = p.occupy(ctx, uid)
	}
	if err != nil {
		return nil, err
	}
	f.start.Do(func() {
		if f.before != nil {
			<-f.before
		}
		// Other calls may wait for this file, so that it does not depend on one call's context.
		f.db, f.err = p.openFile(context.WithoutCancel(ctx), uid)
	})
	if f.err != nil {
		p.release(f)
		return nil, f.err
	}
	return f, nil
}

// share adds a use to a file that is in use; it returns nil if it is not.
func (p *files) share(uid int64) (*file, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, storage.ErrClosed
	}
	f := p.open[uid]
	if f == nil || f.users == 0 {
		return nil, nil
	}
	f.users++
	return f, nil
}

// occupy adds a use to the file of a user, which it makes an entry for if it is not open. The
// caller has taken a slot; occupy gives it back if the file has one.
func (p *files) occupy(ctx context.Context, uid int64) (*file, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		<-p.slots
		return nil, storage.ErrClosed
	}
	var evicted *file
	f := p.open[uid]
	switch {
	case f == nil:
		if len(p.open) >= cap(p.slots) {
			// There was a slot, so one of the open files is idle.
			evicted = p.idle.Remove(p.idle.Front()).(*file)
			delete(p.open, evicted.uid)
			p.retiring[evicted.uid] = make(chan struct{})
		}
		f = &file{uid: uid, before: p.retiring[uid]}
		p.open[uid] = f
	case f.users > 0:
		<-p.slots // another call came first
	default:
		p.idle.Remove(f.rest)
	}
	f.users++
	p.mu.Unlock()
	if evicted != nil {
		_ = p.retire(ctx, evicted)
		p.mu.Lock()
		close(p.retiring[evicted.uid])
		delete(p.retiring, evicted.uid)
		p.mu.Unlock()
	}
	return f, nil
}

// release ends a use of a file.
func (p *files) release(f *file) {
	p.mu.Lock()
	f.users--
	last := f.users == 0
	drop := last && (f.gone || f.err != nil)
	switch {
	case drop:
		if p.open[f.uid] == f {
			delete(p.open, f.uid)
		}
	case last:
		f.rest = p.idle.PushBack(f)
	}
	p.mu.Unlock()
	if drop && f.db != nil {
		_ = f.db.Close()
	}
	if last {
		<-p.slots
	}
}

func (p *files) openFile(ctx context.Context, uid int64) (*sqlite.DB, error) {
	path := p.path(uid)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, path, p.opts)
	if err != nil || p.catchUp == nil {
		return db, err
	}
	if err := p.catchUp(ctx, uid, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// sync waits until all commits on a user's file are on the disk. SQLite waited for those that it moved from
// its journal into the file.
func (p *files) sync(uid int64) error {
	p.mu.Lock()
	f := p.open[uid]
	p.mu.Unlock()
	path := p.path(uid)
	if exists, err := journal.SyncFile(path + "-wal"); !exists || err != nil || f != nil && f.named.Load() {
		return err
	}
	err := journal.SyncFolder(filepath.Dir(path))
	if err == nil && f != nil {
		f.named.Store(true)
	}
	return err
}

// remove deletes the file of a user. Calls that use it go on with the deleted file; later
// calls get a new one.
func (p *files) remove(uid int64) error {
	err := p.detach(uid)
	p.index.forget(context.Background(), uid)
	return errors.Join(err, removeDatabase(p.path(uid)))
}

// detach closes the file of a user, when its last use ends. Later calls open it again.
func (p *files) detach(uid int64) error {
	p.mu.Lock()
	f := p.open[uid]
	idle := f != nil && f.users == 0
	if f != nil {
		f.gone = true
		delete(p.open, uid)
	}
	if idle {
		p.idle.Remove(f.rest)
	}
	p.mu.Unlock()
	if idle {
		return f.db.Close()
	}
	return nil
}

// users calls visit for each user that has a file. If a folder cannot be read, the users in
// the other folders are visited nevertheless.
func (p *files) users(visit func(uid int64) error) error {
	var unread []error
	err := filepath.WalkDir(p.dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			unread = append(unread, err)
			return nil
		}
		name, ok := strings.CutSuffix(e.Name(), suffix)
		uid, err := strconv.ParseInt(name, 10, 64)
		if !ok || err != nil || !e.Type().IsRegular() {
			return nil // not a user's file
		}
		return visit(uid)
	})
	return errors.Join(append(unread, err)...)
}

func (p *files) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// close lets no new use begin, waits until no file is in use, and closes them all. If ctx
// ends first, it returns an error and may be called again.
func (p *files) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	for i := range cap(p.slots) {
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			for range i {
				<-p.slots
			}
			return fmt.Errorf("the storage is still in use: %w", ctx.Err())
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	errs := p.retireAll(ctx)
	clear(p.open)
	errs = append(errs, p.index.close())
	for range cap(p.slots) {
		<-p.slots
	}
	return errors.Join(errs...)
}

// closeAtOnce is how many files are closed at once: each waits for the disk.
const closeAtOnce = 16

// retireAll retires all open files. The caller holds p.mu, and has all slots.
func (p *files) retireAll(ctx context.Context) (errs []error) {
	next := make(chan *file)
	failed := make(chan error)
	for range closeAtOnce {
		go func() {
			var errs []error
			for f := range next {
				errs = append(errs, p.retire(ctx, f))
			}
			failed <- errors.Join(errs...)
		}()
	}
	for _, f := range p.open {
		next <- f
	}
	close(next)
	for range closeAtOnce {
		errs = append(errs, <-failed)
	}
	return errs
}
