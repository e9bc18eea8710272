package syncmanager

import (
	"context"
	"errors"
	"iter"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/sync15"
)

// Record is a record as the service holds it, and what it says.
type Record = sync15.Record

// Collection tells what the service holds of a collection.
type Collection = sync15.Collection

// Records reads and writes what the service holds, record by record, for repair
// and for the curious: any collection, known to this app or not, opened or as it
// is stored. No engine is asked: one whose record was written here takes it up
// with the next Sync, as if another device had written it.
//
// It shares the manager's token, keys and waiting with Sync, and its turn too:
// each call is ErrBusy while a Sync runs, and a Sync is while a List does. It sets
// nothing up: an account that never synced is ErrNoStorage.
//
// Nothing keeps a caller from meta, crypto and clients, which hold the account
// together: a wrong record there stops every device.
type Records struct{ m *Manager }

// Errors of Records. ErrExists and ErrChanged mean that nothing was written or
// deleted.
var (
	ErrNoStorage    = sync15.ErrNoStorage
	ErrNoCollection = sync15.ErrNoCollection
	ErrNoRecord     = sync15.ErrNoRecord
	ErrExists       = sync15.ErrExists
	ErrChanged      = sync15.ErrChanged
)

// Records gives access to the records on the server.
func (m *Manager) Records() Records { return Records{m} }

// Collections lists what collections the account has, by name.
func (r Records) Collections(ctx context.Context) (list []Collection, err error) {
	err = r.look(ctx, func(ctx context.Context, rs *sync15.Records) error {
		list, err = rs.Collections(ctx)
		return err
	})
	return list, err
}

// List yields the records of a collection, the oldest first. However large that
// is, a page of it is held at a time. sealed leaves the records as they are; else
// each is opened, and one that cannot be has its Err and stops nothing. An error
// ends the list: ErrNoCollection, or ErrChanged when another device wrote to the
// collection meanwhile.
func (r Records) List(ctx context.Context, collection string, sealed bool) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		left := false
		err := r.look(ctx, func(ctx context.Context, rs *sync15.Records) error {
			for rec, err := range rs.List(ctx, collection, sealed) {
				if !yield(rec, err) {
					left = true
					break
				}
			}
			return nil
		})
		if err != nil && !left {
			yield(Record{}, err)
		}
	}
}

// Get reads one record, as it is or opened. The error wraps ErrNoRecord or
// ErrNoCollection when it is not there; a record that cannot be opened is no
// error, but has one.
func (r Records) Get(ctx context.Context, collection string, id engine.ID, sealed bool) (rec Record, err error) {
	err = r.look(ctx, func(ctx context.Context, rs *sync15.Records) error {
		rec, err = rs.Get(ctx, collection, id, sealed)
		return err
	})
	return rec, err
}

// Put writes a record and returns its new time. rec.Cleartext is sealed, with
// rec.ID as its "id" where it has none; where it is nil, rec.Sealed goes up as it
// is. Nothing is written unless the record is as it was at since: ErrChanged else.
// A since of zero wants a new record: ErrExists else.
func (r Records) Put(ctx context.Context, collection string, rec Record, since engine.Timestamp) (at engine.Timestamp, err error) {
	err = r.look(ctx, func(ctx context.Context, rs *sync15.Records) error {
		at, err = rs.Put(ctx, collection, rec, since)
		return err
	})
	return at, err
}

// Delete removes a record from the server, unless it changed since: ErrChanged;
// or is not there: ErrNoRecord. A device that has it keeps it, and does not hear of
// it: to delete it everywhere, Put a tombstone, {"deleted":true}.
func (r Records) Delete(ctx context.Context, collection string, id engine.ID, since engine.Timestamp) error {
	return r.look(ctx, func(ctx context.Context, rs *sync15.Records) error { return rs.Delete(ctx, collection, id, since) })
}

// DeleteCollection removes a collection from the server with all its records, as
// Delete does one.
func (r Records) DeleteCollection(ctx context.Context, collection string) error {
	return r.look(ctx, func(ctx context.Context, rs *sync15.Records) error { return rs.DeleteCollection(ctx, collection) })
}

// look does something with the records while no Sync runs, and remembers what was
// learned by it: a new token, a request to wait.
func (r Records) look(ctx context.Context, do func(context.Context, *sync15.Records) error) error {
	m := r.m
	if err := m.hold(); err != nil {
		return err
	}
	defer m.release()
	ctx, done := m.untilClosed(ctx)
	defer done()
	m.client.StartRun()
	rs, err := m.client.OpenRecords(ctx)
	if err == nil {
		err = do(ctx, rs)
	}
	m.mu.Lock()
	m.saved.Backoff = m.state.NextAllowed(m.cfg.Now())
	m.mu.Unlock()
	return errors.Join(err, m.keep(ctx))
}
