package collection

import (
	"context"
	"iter"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// ID names a record within its collection.
type ID = engine.ID

// Add adds a new record and returns it as it was kept: with an ID if it had none.
// The error is, among others, an [engine.DuplicateError] or an
// [engine.InvalidError].
func (e *Engine[R]) Add(ctx context.Context, r R) (R, error) { return e.store.Add(ctx, r) }

// Update changes the record that has r's ID to r, or returns engine.ErrNotFound. Fields
// that R does not have stay as they are.
func (e *Engine[R]) Update(ctx context.Context, r R) (R, error) { return e.store.Update(ctx, r) }

// Put is Update, or Add where there is no record with r's ID.
func (e *Engine[R]) Put(ctx context.Context, r R) (R, error) {
	err := e.Edit(ctx, func(tx *Tx[R]) error { return tx.Put(&r) })
	return r, err
}

// Delete deletes the record, here and with the next sync everywhere, or returns
// [engine.ErrNotFound].
func (e *Engine[R]) Delete(ctx context.Context, id ID) error {
	return e.store.Delete(ctx, id)
}

// Get returns the record, or [engine.ErrNotFound].
func (e *Engine[R]) Get(ctx context.Context, id ID) (R, error) {
	return e.store.Get(ctx, id)
}

// List yields all records in the order in which they came to this device. Nothing
// is locked meanwhile: the loop may edit. An error ends it.
func (e *Engine[R]) List(ctx context.Context) iter.Seq2[R, error] { return e.store.List(ctx) }

// Find yields the records of List that match.
func (e *Engine[R]) Find(ctx context.Context, match func(R) bool) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for r, err := range e.store.List(ctx) {
			if (err != nil || match(r)) && !yield(r, err) {
				return
			}
		}
	}
}

// Edit runs f in one transaction, and keeps all it did if it returns nil, or
// nothing. f must be quick, and use tx alone: a sync and other edits wait for it. A panic
// of f keeps nothing, and goes on to the caller.
func (e *Engine[R]) Edit(ctx context.Context, f func(tx *Tx[R]) error) error {
	return e.store.Edit(ctx, func(records *mirror.Tx[R]) error { return f(&Tx[R]{records, e.same}) })
}

// Tx is a transaction of the user's changes; see Engine.Edit.
type Tx[R any] struct {
	records *mirror.Tx[R]
	same    func(R) string
}

// Get returns the record, or [engine.ErrNotFound].
func (tx *Tx[R]) Get(id ID) (R, error) { return tx.records.Get(id) }

// Same returns the record that is about the same as r by Options.Same, or
// [engine.ErrNotFound].
func (tx *Tx[R]) Same(r R) (same R, err error) {
	var key []byte
	if tx.same != nil {
		key = dedupeKey(tx.same(r))
	}
	if key == nil {
		return same, engine.ErrNotFound
	}
	id, err := tx.records.Find(key)
	if err == nil && id == "" {
		err = engine.ErrNotFound
	}
	if err != nil {
		return same, err
	}
	return tx.records.Get(id)
}

// Add adds r as a new record, under a new ID if it has none.
func (tx *Tx[R]) Add(r *R) error { return tx.records.Add(r) }

// Update changes the record that has r's ID to r.
func (tx *Tx[R]) Update(r *R) error { return tx.records.Update(r) }

// Put is Update, or Add where there is no record with r's ID.
func (tx *Tx[R]) Put(r *R) error { return tx.records.Put(r) }

// Delete deletes the record, or returns engine.ErrNotFound.
func (tx *Tx[R]) Delete(id ID) error { return tx.records.Delete(id) }

// Watch yields what changes from now on, by the user or by a sync, so that a window
// can show it. However slow the loop is, it holds up neither edits nor syncs: what
// happens meanwhile comes as one [engine.Change]. It ends with ctx, with Close, or when the
// loop is left, and serves one loop.
func (e *Engine[R]) Watch(ctx context.Context) iter.Seq[engine.Change] { return e.store.Watch(ctx) }

// Log lists the syncs that changed or deleted records, and the commands of other devices
// to start over, the newest first.
func (e *Engine[R]) Log(ctx context.Context) ([]engine.LogEntry, error) { return e.store.Log(ctx) }

// Undo brings back what a sync changed or deleted, as an edit that goes up with the next
// sync. What was edited since stays. An empty run means the last sync that stands.
func (e *Engine[R]) Undo(ctx context.Context, run string) (engine.Undone, error) {
	return e.store.Undo(ctx, run)
}

// Import adds the records of a source. One that is here already, by its ID or by
// Options.Same, gets what the source's has and it has not; what differs is kept, and
// named. One that cannot be kept is skipped, and stops no other;
// item names it for the report. What was imported before an error stays, and the
// report tells of it.
func (e *Engine[R]) Import(ctx context.Context, source iter.Seq2[R, error], item func(*R) string, o importing.Options) (importing.Report, error) {
	return e.store.Import(ctx, source, item, o)
}

// Count is the number of records on this device.
func (e *Engine[R]) Count(ctx context.Context) (int, error) { return e.synced.Count(ctx) }

// Changes counts the records with changes that are not on the server yet.
func (e *Engine[R]) Changes(ctx context.Context) (int, error) { return e.synced.Changes(ctx) }

// Close closes the file. Records cannot be used afterwards.
func (e *Engine[R]) Close() error { return e.synced.Close() }
