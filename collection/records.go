package collection

import (
	"context"
	"iter"

	"github.com/syncmanager/syncmanager/engine"
)

// ID identifies a record within its collection.
type ID = engine.ID

// Put updates the record that has r's ID, or adds r if there is none.
func (e *Engine[R]) Put(ctx context.Context, r R) (R, error) {
	err := e.Edit(ctx, func(tx *Tx[R]) error { return tx.Put(&r) })
	return r, err
}

// Find yields the records that match, in the order of List.
func (e *Engine[R]) Find(ctx context.Context, match func(R) bool) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for r, err := range e.List(ctx) {
			if (err != nil || match(r)) && !yield(r, err) {
				return
			}
		}
	}
}

// Put updates the record that has r's ID, or adds r if there is none.
func (tx *Tx[R]) Put(r *R) error { return tx.records.Put(r) }

// Same returns the record with the same key as r, by [Options].Same, or [engine.ErrNotFound].
func (tx *Tx[R]) Same(r R) (R, error) { return tx.records.Same(r) }
