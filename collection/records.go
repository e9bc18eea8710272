package collection

import (
	"context"
	"io"
	"iter"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// ID identifies a record within its collection.
type ID = engine.ID

// Add adds a new record and returns it as stored, with an ID if it had none. The error is,
// among others, an [engine.DuplicateError] or an [engine.InvalidError].
func (e *Engine[R]) Add(ctx context.Context, r R) (R, error) { return e.store.Add(ctx, r) }

// Update changes the record that has r's ID to r, or returns engine.ErrNotFound. Fields
// that R does not have stay as they are.
func (e *Engine[R]) Update(ctx context.Context, r R) (R, error) { return e.store.Update(ctx, r) }

// Put updates the record that has r's ID, or adds r if there is none.
func (e *Engine[R]) Put(ctx context.Context, r R) (R, error) {
	err := e.Edit(ctx, func(tx *Tx[R]) error { return tx.Put(&r) })
	return r, err
}

// Delete deletes the record on this device, and on the others with the next sync. It returns
// [engine.ErrNotFound] if there is none.
func (e *Engine[R]) Delete(ctx context.Context, id ID) error {
	return e.store.Delete(ctx, id)
}

// Get returns the record, or [engine.ErrNotFound].
func (e *Engine[R]) Get(ctx context.Context, id ID) (R, error) {
	return e.store.Get(ctx, id)
}

// List yields all records in the order in which they were added to this device. Nothing is
// locked, so the loop may edit. An error ends the sequence.
func (e *Engine[R]) List(ctx context.Context) iter.Seq2[R, error] { return e.store.List(ctx) }

// Find yields the records that match, in the order of List.
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

// Tx is a transaction of the user's changes; see [Engine.Edit].
type Tx[R any] struct {
	records *mirror.Tx[R]
	same    func(R) string
}

// Get returns the record, or [engine.ErrNotFound].
func (tx *Tx[R]) Get(id ID) (R, error) { return tx.records.Get(id) }

// Same returns the record with the same key as r, by [Options].Same, or [engine.ErrNotFound].
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

// Add adds r as a new record, with a new ID if it has none.
func (tx *Tx[R]) Add(r *R) error { return tx.records.Add(r) }

// Update changes the record that has r's ID to r.
func (tx *Tx[R]) Update(r *R) error { return tx.records.Update(r) }

// Put updates the record that has r's ID, or adds r if there is none.
func (tx *Tx[R]) Put(r *R) error { return tx.records.Put(r) }

// Delete deletes the record, or returns engine.ErrNotFound.
func (tx *Tx[R]) Delete(id ID) error { return tx.records.Delete(id) }

// Watch yields what changes from now on, by the user or by a sync, so that a window can show
// it. Changes during a pass of the loop are combined in one [engine.Change], so a slow loop
// delays neither edits nor syncs. The sequence ends with ctx or Close, and can be used by one
// loop only.
func (e *Engine[R]) Watch(ctx context.Context) iter.Seq[engine.Change] { return e.store.Watch(ctx) }

// Log lists the syncs that changed or deleted records, and the commands of other devices
// to start over, the newest first.
func (e *Engine[R]) Log(ctx context.Context) ([]engine.LogEntry, error) { return e.store.Log(ctx) }

// Undo restores the records that a sync changed or deleted, as an edit that the next sync
// uploads. Records that were edited since stay as they are. An empty run means the last sync
// that was not undone.
func (e *Engine[R]) Undo(ctx context.Context, run string) (engine.Undone, error) {
	return e.store.Undo(ctx, run)
}

// Import adds the records of a source. A record that exists already, by its ID or by
// [Options].Same, gets the values that it does not have; different values are kept, and the
// report lists them. Invalid records are skipped and listed in the report; item returns the
// name for it, and nil stands for the ID. Records that were imported before an error stay, and the report includes them.
func (e *Engine[R]) Import(ctx context.Context, source iter.Seq2[R, error], item func(*R) string, o importing.Options) (importing.Report, error) {
	return e.store.Import(ctx, source, item, o)
}

// Export writes all records as a JSON array, as they go over the wire, for Import. What the
// file encrypts is readable in it.
func (e *Engine[R]) Export(ctx context.Context, w io.Writer) error {
	return mirror.Export(w, e.List(ctx))
}

// Count is the number of records on this device.
func (e *Engine[R]) Count(ctx context.Context) (int, error) { return e.store.Count(ctx) }

// Changes counts the records with changes that are not on the server yet.
func (e *Engine[R]) Changes(ctx context.Context) (int, error) { return e.store.Changes(ctx) }

// Rekey encrypts the file with another local key; zero: not any more. It is one transaction:
// killed meanwhile, the file is as it was, and opens with the key from before. Edits and
// syncs wait for it and go on with the new key, with which the file is opened from then on.
func (e *Engine[R]) Rekey(ctx context.Context, key [32]byte) error { return e.store.Rekey(ctx, key) }

// Close closes the file. Records cannot be used afterwards.
func (e *Engine[R]) Close() error { return e.store.Close() }

// Unreadable yields the records on the server that this version of the program cannot read;
// see [engine.UnreadableRecord].
func (e *Engine[R]) Unreadable(ctx context.Context) iter.Seq2[engine.UnreadableRecord, error] {
	return e.store.Unreadable(ctx)
}

// The methods that the sync manager calls; see package engine.

// Collection is the collection's name on the server.
func (e *Engine[R]) Collection() string { return e.store.Collection() }

// Version is the storage version of the records.
func (e *Engine[R]) Version() int { return e.store.Version() }

// Association tells which sync IDs the engine last synced with.
func (e *Engine[R]) Association(ctx context.Context) (engine.Association, error) {
	return e.store.Association(ctx)
}

// Reset forgets the sync state and keeps the records; see [engine.Engine].
func (e *Engine[R]) Reset(ctx context.Context, a engine.Association) error {
	return e.store.Reset(ctx, a)
}

// Wipe forgets the records of this device, the log of what syncs did, and all sync state.
func (e *Engine[R]) Wipe(ctx context.Context) error { return e.store.Wipe(ctx) }

// Clear takes away what the account had; see [engine.Clearer].
func (e *Engine[R]) Clear(ctx context.Context, start engine.Start) error {
	return e.store.Clear(ctx, start)
}

// Begin starts a sync.
func (e *Engine[R]) Begin(ctx context.Context, start engine.Start) (engine.Session, error) {
	return e.store.Begin(ctx, start)
}

// Troubles counts the records that are stuck, and names the first max of each kind.
func (e *Engine[R]) Troubles(ctx context.Context, max int) (engine.Troubles, error) {
	return e.store.Troubles(ctx, max)
}

// OnChange sets what is called after each change by the user; see [engine.Notifier].
func (e *Engine[R]) OnChange(changed func()) { e.store.OnChange(changed) }
