package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite/internal/journal"
)

// A Durable step is on the disk in one of two ways. The usual one is together: the step is in the
// journal that all users share, and there it waits for the disk with the steps of others. The other is alone: the
// commit waits for the user's own file. A step goes alone
//   - if the journal cannot describe it: batches are on the disk only once, copies are not in it;
//   - if the file has Deferred steps, which are not in the journal, since their commit;
//   - if it is the first of a file, so that a file whose user the journal knows is on the disk.
//
// The append comes before the commit, within the transaction: what a reader sees is on the disk, so
// that no last-modified time that anybody was told is given out again.

// JournalFolder is the name of the journal's folder below the storage's folder.
const JournalFolder = "journal"

// unsynced counts the Deferred steps of a file, to know whether all are on the disk. A step
// counts in its turn, as the file's writers follow each other.
type unsynced struct{ deferred, synced atomic.Int64 }

func (u *unsynced) any() bool { return u.deferred.Load() > u.synced.Load() }

// write runs a step.
func (b *Backend) write(ctx context.Context, uid int64, d storage.Durability, f func(*transaction) error) error {
	return b.use(ctx, uid, func(file *file) error {
		if d == storage.Deferred {
			return file.db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
				file.unsynced.deferred.Add(1)
				return f(b.transaction(tx))
			})
		}
		if b.journal.Room() && !file.goesAlone.Load() {
			if err := b.together(ctx, file, f); !errors.Is(err, errAlone) {
				return err
			}
		}
		return b.alone(ctx, file, f)
	})
}

// use calls f with the file of a user, to write to it.
func (b *Backend) use(ctx context.Context, uid int64, f func(*file) error) error {
	if err := b.journal.Err(); err != nil {
		return b.explain(uid, err)
	}
	file, err := b.files.acquire(ctx, uid)
	if err != nil {
		return b.explain(uid, err)
	}
	defer b.files.release(file)
	file.unlisted.Store(true)
	return b.explain(uid, f(file))
}

func (b *Backend) transaction(tx *sqlite.Tx) *transaction {
	return &transaction{tx: tx, now: bso.TimestampOf(b.now())}
}

// alone runs a step whose commit waits for the user's own file, with all that was committed before.
func (b *Backend) alone(ctx context.Context, file *file, f func(*transaction) error) error {
	var deferred int64
	err := file.db.UpdateDurably(ctx, func(tx *sqlite.Tx) error {
		deferred = file.unsynced.deferred.Load()
		t := b.transaction(tx)
		t.redo = &redo{unread: true}
		err := f(t)
		file.goesAlone.Store(t.redo.alone)
		return err
	})
	if err == nil {
		file.unsynced.noteSynced(deferred)
	}
	return err
}

func (u *unsynced) noteSynced(deferred int64) {
	for {
		have := u.synced.Load()
		if have >= deferred || u.synced.CompareAndSwap(have, deferred) {
			return
		}
	}
}

// keptRedo is how many bytes of memory a file keeps for its next step.
const keptRedo = 8 << 10

// errAlone means that a step was undone, to be run again alone.
var errAlone = errors.New("the step needs a commit of its own")

// together runs a step that the journal gets. It returns errAlone if that cannot be.
func (b *Backend) together(ctx context.Context, file *file, f func(*transaction) error) error {
	var step journal.Step
	var entry journal.Entry
	appended := false
	err := file.db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		if file.unsynced.any() {
			return errAlone
		}
		t := b.transaction(tx)
		t.redo = &redo{step: file.redo[:0]}
		err := f(t)
		if file.redo = t.redo.step; cap(file.redo) > keptRedo {
			file.redo = nil
		}
		if t.redo.alone {
			return errAlone
		}
		if err != nil || len(t.redo.step) == 0 {
			return err
		}
		entry = journal.Entry{User: file.uid, Before: int64(t.last), After: int64(t.time), Step: t.redo.step}
		began := b.now()
		step, err = b.journal.Append(entry)
		b.waited(b.now().Sub(began))
		appended = err == nil
		return err
	})
	if !appended {
		return err
	}
	defer step.Done()
	if err != nil { // the commit failed, such as when the client is gone
		b.void(context.WithoutCancel(ctx), file, entry)
	}
	return err
}

// void tells the journal that an entry's step was not taken, unless another one was in its place: that one says so.
// If the journal cannot be told, a loss of power brings a step back that nobody was told of.
func (b *Backend) void(ctx context.Context, file *file, entry journal.Entry) {
	_ = file.db.UpdateCached(ctx, func(tx *sqlite.Tx) error { // in its turn: no other step of the user is under way
		var modified int64
		if err := tx.QueryRow(sqlModified).Scan(&modified); err != nil || modified != entry.Before {
			return err
		}
		step, err := b.journal.Append(journal.Entry{User: file.uid, Before: modified, After: modified})
		if err == nil {
			step.Done()
		}
		return err
	})
}

// past is what an earlier process left in the journal.
type past struct {
	mu  sync.Mutex
	log *journal.Log
}

// openJournal opens the journal, and brings the files up to date that lack some of its steps. The
// others go on if one cannot be; its user gets the error until the storage is opened again.
func (b *Backend) openJournal(dir string, o journal.Options) (err error) {
	settled := o.Settle // for tests
	o.Settle = func(uid int64) error {
		err := b.files.sync(uid)
		if err == nil && settled != nil {
			err = settled(uid)
		}
		return err
	}
	b.journal, b.past.log, err = journal.Open(filepath.Join(dir, JournalFolder), o)
	if err != nil {
		return err
	}
	var users []int64
	for uid := range b.past.log.Users {
		users = append(users, uid)
	}
	for _, uid := range users {
		if _, err := os.Stat(b.files.path(uid)); errors.Is(err, fs.ErrNotExist) {
			b.past.forget(uid)
			continue
		}
		if f, err := b.files.acquire(context.Background(), uid); err == nil {
			f.unlisted.Store(true)
			b.files.release(f)
		}
	}
	if len(b.past.log.Users) > 0 {
		return nil // the journal keeps what they need
	}
	if err := b.journal.Drop(); err != nil {
		return errors.Join(err, b.journal.Close(false))
	}
	return nil
}

func (p *past) forget(uid int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.log.Users, uid)
}

func (p *past) of(uid int64) (log *journal.Log, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known = p.log.Users[uid]
	return p.log, known
}

// catchUp gives a file that was opened the steps that it lacks. Then all of it is on the disk.
func (b *Backend) catchUp(ctx context.Context, uid int64, db *sqlite.DB) error {
	log, known := b.past.of(uid)
	if !known {
		return nil
	}
	err := db.UpdateDurably(ctx, func(tx *sqlite.Tx) error {
		var modified int64
		if err := tx.QueryRow(sqlModified).Scan(&modified); err != nil {
			return err
		}
		for _, e := range log.Missing(uid, modified) {
			t := &transaction{tx: tx, last: bso.Timestamp(e.Before), time: bso.Timestamp(e.After)}
			if err := t.repeat(e.Step); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = b.files.sync(uid) // what was there may not be
	}
	if err != nil {
		return fmt.Errorf("cannot bring %s up to date from the journal: %w", db.Path(), err)
	}
	b.past.forget(uid)
	return nil
}

// forget returns when the journal has nothing of a user whose file is gone.
func (b *Backend) forget(uid int64) error {
	b.past.forget(uid)
	return b.explain(uid, b.journal.Remove(uid))
}

// Pending is what the journal of a storage has, read without changing anything: steps that were
// answered, and that the users' files may lack after a loss of power.
type Pending struct{ log *journal.Log }

// ReadPending reads the journal of the storage in the folder dir, which may be in use. Files that are read
// later have all that has been settled.
func ReadPending(dir string) (*Pending, error) {
	log, err := journal.Read(filepath.Join(dir, JournalFolder))
	if err != nil {
		return nil, err
	}
	return &Pending{log}, nil
}

// Empty reports whether the journal knows no user.
func (p *Pending) Empty() bool { return len(p.log.Users) == 0 }

// Missing reports whether a user's file lacks steps that has this last-modified time.
func (p *Pending) Missing(uid int64, modified bso.Timestamp) bool {
	return len(p.log.Missing(uid, int64(modified))) > 0
}

// Journal returns a file for the storage's folder, and its name there: with it, [New] gives the files of
// these users the steps that they lack. The files have these last-modified times.
func (p *Pending) Journal(users map[int64]bso.Timestamp) (name string, content []byte) {
	var steps []journal.Entry
	for _, uid := range slices.Sorted(maps.Keys(users)) {
		steps = append(steps, p.log.Missing(uid, int64(users[uid]))...)
	}
	name, content = journal.Segment(steps)
	return filepath.Join(JournalFolder, name), content
}
