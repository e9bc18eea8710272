package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

// survey goes through the files of all users. It opens only those that changed since the
// index has their summary, and adds what it reads to the index.
type survey struct {
	files *files
	known map[int64]entry // what the index has
	fresh map[int64]entry // what it lacks
}

// surveyStep is how many entries are added to the index at once.
const surveyStep = 500

// survey calls visit for each user's file. If the file cannot be read, err says why, and s is
// not valid.
func (b *Backend) survey(ctx context.Context, visit func(uid, size int64, s summary, err error) error) error {
	known, err := b.files.index.all(ctx)
	if err != nil {
		known = nil // it is a cache
	}
	all := &survey{files: b.files, known: known, fresh: make(map[int64]entry)}
	err = b.files.users(func(uid int64) error {
		size, s, err := all.look(ctx, uid)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(all.fresh) >= surveyStep {
			all.note(ctx)
		}
		return visit(uid, size, s, b.explain(uid, err))
	})
	all.note(ctx)
	return err
}

func (s *survey) note(ctx context.Context) {
	s.files.index.note(ctx, s.fresh)
	clear(s.fresh)
}

// look returns the size of a user's file and its summary.
func (s *survey) look(ctx context.Context, uid int64) (size int64, _ summary, err error) {
	path := s.files.path(uid)
	id, settled, err := identify(path)
	if err != nil {
		return 0, summary{}, err
	}
	if e, ok := s.known[uid]; ok && settled && e.identity == id {
		return id.size, e.summary, nil
	}
	f, err := s.files.acquire(ctx, uid)
	if err != nil {
		return id.size, summary{}, err
	}
	defer s.files.release(f)
	read, err := summarize(ctx, f.db)
	if err != nil {
		return id.size, summary{}, err
	}
	if now, still, err := identify(path); err == nil && settled && still && now == id {
		s.fresh[uid] = entry{id, read}
	} else {
		f.unlisted.Store(true)
	}
	return id.size, read, nil
}

// States implements [storage.Backend].
func (b *Backend) States(ctx context.Context, visit func(storage.State) error) error {
	return b.survey(ctx, func(uid, size int64, s summary, err error) error {
		return visit(storage.State{UID: uid, Bytes: s.Bytes, Disk: size, Modified: s.Modified, Err: err})
	})
}

// purgeStep is how many records a purge drops in one transaction: a writer of the user waits for
// one transaction at most.
const purgeStep = 1000

// Purge implements [storage.Backend]. It writes only to files in which something has expired.
func (b *Backend) Purge(ctx context.Context) error {
	var errs []error
	now := bso.TimestampOf(b.now())
	err := b.survey(ctx, func(uid, _ int64, s summary, err error) error {
		if err == nil && s.Expires.Valid && s.Expires.V <= now {
			err = b.purge(ctx, uid)
		}
		if err != nil && !errors.Is(err, storage.ErrFenced) && ctx.Err() == nil {
			// The other users' files are purged nevertheless.
			errs = append(errs, &storage.UserError{UID: uid, Err: fmt.Errorf("cannot purge user %d: %w", uid, err)})
		}
		return ctx.Err()
	})
	return errors.Join(append(errs, err)...)
}

func (b *Backend) purge(ctx context.Context, uid int64) error {
	for n := purgeStep; n == purgeStep; {
		err := b.Update(ctx, uid, storage.Durable, func(tx storage.Tx) (err error) {
			n, err = tx.DropExpired(purgeStep)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
