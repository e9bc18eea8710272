package passwords

import (
	"context"
	"errors"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// bulkPage is how many logins one transaction of a bulk edit holds: syncs and other edits
// wait no longer than for that.
const bulkPage = 256

// Added is what became of one login of [Engine.AddMany].
type Added struct {
	// Login is the login as it was saved, or as it was given where Err is set.
	Login Login
	// Err is why the login was not added: an [engine.InvalidError] or an
	// [engine.DuplicateError]. nil: it was.
	Err error
}

// AddMany adds logins as Add does, quicker than one by one. One that cannot be added stops
// no other. The result has as many elements as logins, in their order, unless there is an
// error; then it has those that were dealt with before.
func (e *Engine) AddMany(ctx context.Context, logins []Login) (all []Added, err error) {
	for page := range slices.Chunk(logins, bulkPage) {
		var added []Added
		err := e.store.Edit(ctx, func(tx *mirror.Tx[Login]) error {
			added = nil
			for _, l := range page {
				given := l
				dated(&l, e.now())
				err := tx.Add(&l)
				switch {
				case err == nil:
					added = append(added, Added{Login: l})
				case errors.Is(err, engine.ErrInvalid), errors.Is(err, engine.ErrDuplicate):
					added = append(added, Added{Login: given, Err: err})
				default:
					return err
				}
			}
			return nil
		})
		if err != nil {
			return all, err
		}
		all = append(all, added...)
	}
	return all, nil
}

// DeleteMany deletes logins, here and with the next sync everywhere, quicker than one by
// one. It returns the IDs of those that it deleted: one that is not here is passed over.
// With an error, they are those that were deleted before.
func (e *Engine) DeleteMany(ctx context.Context, ids []engine.ID) (all []engine.ID, err error) {
	for page := range slices.Chunk(ids, bulkPage) {
		var deleted []engine.ID
		err := e.store.Edit(ctx, func(tx *mirror.Tx[Login]) error {
			deleted = nil
			for _, id := range page {
				switch err := tx.Delete(id); {
				case err == nil:
					deleted = append(deleted, id)
				case !errors.Is(err, engine.ErrNotFound):
					return err
				}
			}
			return nil
		})
		if err != nil {
			return all, err
		}
		all = append(all, deleted...)
	}
	return all, nil
}
