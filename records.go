package syncmanager

import (
	"context"
	"errors"
	"iter"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/sync15"
)

// Record is a record on the server, with its decrypted content.
type Record = sync15.Record

// Collection describes a collection on the server.
type Collection = sync15.Collection

// Records reads and writes what the service stores, record by record, for repair
// and inspection: any collection, known to this app or not, decrypted or as it is
// stored. No engine is asked: an engine downloads what was written here with the next
// Sync, as if another device had written it.
//
// It shares the manager's token, keys and backoff with Sync, and only one of them runs
// at a time: each call returns ErrBusy while a Sync runs, and Sync returns ErrBusy while
// a List runs. It sets nothing up: for an account that never synced it returns
// ErrNoStorage.
//
// It also writes to meta, crypto and clients, on which every device of the account
// depends: a wrong record there stops all of them from syncing.
type Records struct{ m *Manager }

// Errors of [Records]. After ErrExists and ErrChanged, nothing was written or deleted.
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
	err = r.withRecords(ctx, func(ctx context.Context, rs *sync15.Records) error {
		list, err = rs.Collections(ctx)
		return err
	})
	return list, err
}

// List yields the records of a collection, the oldest first. It keeps one page in
// memory, however large the collection is. With sealed the records stay encrypted; else
// each is decrypted, and one that cannot be has its Err set and does not stop the list.
// An error ends the list: ErrNoCollection, or ErrChanged when another device wrote to
// the collection meanwhile.
func (r Records) List(ctx context.Context, collection string, sealed bool) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		left := false
		err := r.withRecords(ctx, func(ctx context.Context, rs *sync15.Records) error {
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

// Get reads one record, decrypted unless sealed is set. The error wraps ErrNoRecord or
// ErrNoCollection when it is not there. A record that cannot be decrypted is returned
// with its Err set.
func (r Records) Get(ctx context.Context, collection string, id engine.ID, sealed bool) (rec Record, err error) {
	err = r.withRecords(ctx, func(ctx context.Context, rs *sync15.Records) error {
		rec, err = rs.Get(ctx, collection, id, sealed)
		return err
	})
	return rec, err
}

// Put writes a record and returns its new time. rec.Cleartext is encrypted, with
// rec.ID as its "id" where it has none; where it is nil, rec.Sealed goes up as it
// is. If the record changed after since, nothing is written and the error is ErrChanged.
// With a since of zero the record must be new: if there is one, the error is ErrExists.
func (r Records) Put(ctx context.Context, collection string, rec Record, since engine.Timestamp) (at engine.Timestamp, err error) {
	err = r.withRecords(ctx, func(ctx context.Context, rs *sync15.Records) error {
		at, err = rs.Put(ctx, collection, rec, since)
		return err
	})
	return at, err
}

// Delete removes a record from the server. If the record changed after since, the error
// is ErrChanged; if it is not there, ErrNoRecord. A device that has the record keeps it,
// and is not told: to delete it everywhere, Put a tombstone, {"deleted":true}.
func (r Records) Delete(ctx context.Context, collection string, id engine.ID, since engine.Timestamp) error {
	return r.withRecords(ctx, func(ctx context.Context, rs *sync15.Records) error { return rs.Delete(ctx, collection, id, since) })
}

// DeleteCollection removes a collection from the server with all its records, as
// Delete does one.
func (r Records) DeleteCollection(ctx context.Context, collection string) error {
	return r.withRecords(ctx, func(ctx context.Context, rs *sync15.Records) error { return rs.DeleteCollection(ctx, collection) })
}

// DeleteAll deletes everything that the account has on the server: all records of all
// collections and devices. Nothing is deleted on the devices. The storage starts afresh, with new
// keys and new sync IDs: each device reconciles what it has with the empty storage at its next
// sync, and uploads it again. What no device has is lost. Declined engines stay declined.
//
// It is for an account whose data on the server is damaged, or has to go because a device was
// lost. seen is what Collections returned, and so what the user agreed to delete: if anything was
// written since then, nothing is deleted and the error is ErrChanged.
func (r Records) DeleteAll(ctx context.Context, seen []Collection) error {
	return r.withRecords(ctx, func(ctx context.Context, rs *sync15.Records) error {
		return rs.StartOver(ctx, seen, sync15.Choice{Engines: r.m.registered()})
	})
}

// withRecords calls do while no Sync runs, and saves what it changed of the protocol's
// state: a new token, a request to wait.
func (r Records) withRecords(ctx context.Context, do func(context.Context, *sync15.Records) error) error {
	m := r.m
	if err := m.tryLock(ctx); err != nil {
		return err
	}
	defer m.unlock()
	ctx, done := m.untilClosed(ctx)
	defer done()
	if err := m.refused(); err != nil {
		return err
	}
	m.client.StartRun()
	rs, err := m.client.OpenRecords(ctx)
	if err == nil {
		err = do(ctx, rs)
	}
	m.noteRefusal(err)
	m.mu.Lock()
	m.saved.Backoff = m.state.NextAllowed(m.cfg.Now())
	m.mu.Unlock()
	return errors.Join(err, m.keep(ctx))
}
