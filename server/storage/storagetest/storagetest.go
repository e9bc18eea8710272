// Package storagetest runs the contract of [storage.Backend] against a backend: ours and anybody's.
package storagetest

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

// Open opens an empty storage of its own, which goes by the clock. The suite closes it.
type Open func(t testing.TB, now func() time.Time) storage.Backend

// Run runs all cases, each as a subtest with a storage of its own.
func Run(t *testing.T, open Open) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) { c.Run(t, open) })
	}
}

// Case is one promise of the contract.
type Case struct {
	Name string
	// Run fails t where the backend breaks the promise.
	Run func(t testing.TB, open Open)
}

// Cases are all promises that the suite knows.
func Cases() []Case {
	return []Case{
		{"TimesGrow", with(timesGrow)},
		{"AFailedUpdateLeavesNothing", with(atomic)},
		{"ViewIsOneState", with(oneState)},
		{"ABatchIsInvisibleUntilItsCommit", with(batchInvisible)},
		{"BatchesAreBounded", with(batchesBounded)},
		{"ExpiredRecordsAreNotThere", with(expiry)},
		{"PurgeRemovesWhatExpired", with(purge)},
		{"DeletionsTakeWhatTheyName", with(deletions)},
		{"ListingsAreSortedAndBounded", with(listings)},
		{"SizesAreThoseOfTheContent", with(sizes)},
		{"UsersAreIsolated", with(isolated)},
		{"AClosedStorageSaysSo", with(closed)},
	}
}

// env is one storage and its clock.
type env struct {
	testing.TB
	b   storage.Backend
	now time.Time
}

func with(f func(*env)) func(testing.TB, Open) {
	return func(t testing.TB, open Open) {
		e := &env{TB: t, now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
		e.b = open(t, func() time.Time { return e.now })
		defer func() { _ = e.b.Close(t.Context()) }()
		f(e)
	}
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) equal(what string, got, want any) {
	e.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		e.Errorf("%s: %v, want %v", what, got, want)
	}
}

func (e *env) update(uid int64, f func(storage.Tx) error) {
	e.Helper()
	e.ok(e.b.Update(e.Context(), uid, storage.Durable, f))
}

func (e *env) put(uid int64, changes ...storage.Change) {
	e.Helper()
	e.update(uid, func(tx storage.Tx) error { return tx.Put("c", changes) })
}

func (e *env) view(uid int64, f func(storage.View) error) {
	e.Helper()
	e.ok(e.b.View(e.Context(), uid, f))
}

func (e *env) modified(uid int64, collection string, id bso.ID) (at bso.Timestamp) {
	e.Helper()
	e.view(uid, func(v storage.View) (err error) { at, err = v.Modified(collection, id); return err })
	return at
}

// ids lists the IDs that a query selects in the collection c.
func (e *env) ids(uid int64, q storage.Query) (all []bso.ID) {
	e.Helper()
	q.Collection, q.IDsOnly = "c", true
	if q.Older == 0 {
		q.Older = storage.AnyTime
	}
	e.view(uid, func(v storage.View) error {
		return v.Records(q, func(r *storage.Record) error { all = append(all, r.ID); return nil })
	})
	return all
}

func change(id bso.ID, payload string) storage.Change {
	return storage.Change{ID: id, Fields: storage.FieldPayload, Payload: []byte(payload)}
}

func expiring(id bso.ID, seconds int64) storage.Change {
	c := change(id, "x")
	c.Fields |= storage.FieldTTL
	c.TTL = sql.Null[int64]{V: seconds, Valid: true}
	return c
}

func timesGrow(e *env) {
	e.equal("at first", e.modified(1, "", ""), bso.Timestamp(0))
	last := bso.Timestamp(0)
	grown := func(what string) {
		e.Helper()
		at := e.modified(1, "", "")
		if at <= last {
			e.Errorf("%s: %v after %v", what, at, last)
		}
		last = at
	}
	for range 3 {
		e.put(1, change("a", "x"))
		grown("a write")
		e.equal("the record's time", e.modified(1, "c", "a"), last)
		e.equal("the collection's time", e.modified(1, "c", ""), last)
		e.now = e.now.Add(-time.Hour)
	}
	e.update(1, func(tx storage.Tx) error { _, err := tx.DeleteCollection("c"); return err })
	grown("a deletion")
	e.update(1, storage.Tx.DeleteAll)
	grown("a wipe")
}

func atomic(e *env) {
	e.put(1, change("a", "x"))
	before := e.modified(1, "", "")
	stop := errors.New("stop")
	err := e.b.Update(e.Context(), 1, storage.Durable, func(tx storage.Tx) error {
		e.ok(tx.Put("c", []storage.Change{change("b", "x")}))
		e.ok(tx.DeleteRecords("c", []bso.ID{"a"}))
		at, err := tx.Modified("c", "b")
		if e.ok(err); at == 0 {
			e.Error("a step does not see what it wrote")
		}
		return stop
	})
	if !errors.Is(err, stop) {
		e.Errorf("the error of f is %v", err)
	}
	e.equal("left", e.ids(1, storage.Query{}), "[a]")
	e.equal("the time", e.modified(1, "", ""), before)
}

func oneState(e *env) {
	e.put(1, change("a", "x"))
	e.view(1, func(v storage.View) error {
		before, err := v.Modified("", "")
		e.ok(err)
		e.put(1, change("b", "x")) // it does not wait for the view
		after, err := v.Modified("", "")
		e.ok(err)
		e.equal("the time in a view", after, before)
		r, err := v.Record("c", "b")
		if r != nil {
			e.Error("a view shows what was written after it began")
		}
		return err
	})
	e.equal("after the view", e.ids(1, storage.Query{}), "[a b]")
}

func batchInvisible(e *env) {
	expires := bso.TimestampOf(e.now.Add(time.Hour))
	e.ok(e.b.Update(e.Context(), 1, storage.Deferred, func(tx storage.Tx) error {
		e.ok(tx.StartBatch("c", "t", expires))
		_, err := tx.AppendBatch("c", "t", []storage.Change{change("a", "xx"), change("b", "x")})
		return err
	}))
	e.equal("before the commit", e.ids(1, storage.Query{}), "[]")
	e.equal("the time before the commit", e.modified(1, "", ""), bso.Timestamp(0))
	e.update(1, func(tx storage.Tx) error {
		_, err := tx.AppendBatch("d", "t", nil)
		if !errors.Is(err, storage.ErrNoBatch) {
			e.Errorf("a batch of another collection: %v", err)
		}
		n, err := tx.CommitBatch("c", "t")
		e.equal("committed", n, 2)
		return err
	})
	e.equal("after the commit", e.ids(1, storage.Query{}), "[a b]")
	err := e.b.Update(e.Context(), 1, storage.Durable, func(tx storage.Tx) error { _, err := tx.CommitBatch("c", "t"); return err })
	if !errors.Is(err, storage.ErrNoBatch) {
		e.Errorf("a second commit: %v", err)
	}
}

func batchesBounded(e *env) {
	expires := bso.TimestampOf(e.now.Add(time.Hour))
	e.update(1, func(tx storage.Tx) error {
		for _, token := range []string{"1", "2", "3"} {
			e.ok(tx.StartBatch("c", token, expires))
		}
		return tx.BoundBatches("1", 2, 1<<20)
	})
	for token, kept := range map[string]bool{"1": true, "2": false, "3": true} {
		err := e.b.Update(e.Context(), 1, storage.Durable, func(tx storage.Tx) error { _, err := tx.AppendBatch("c", token, nil); return err })
		e.equal("batch "+token+" is there", !errors.Is(err, storage.ErrNoBatch), kept)
	}
}

func expiry(e *env) {
	e.put(1, expiring("a", 60), change("b", "x"))
	e.now = e.now.Add(59 * time.Second)
	e.equal("before", e.ids(1, storage.Query{}), "[a b]")
	e.now = e.now.Add(time.Second)
	e.equal("after", e.ids(1, storage.Query{}), "[b]")
	e.equal("the time of what expired", e.modified(1, "c", "a"), bso.Timestamp(0))
	e.view(1, func(v storage.View) error {
		all, err := v.Collections()
		if len(all) != 1 || all[0].Records != 1 || all[0].Bytes != 1 {
			e.Errorf("collections: %+v", all)
		}
		return err
	})
}

func purge(e *env) {
	e.put(1, expiring("a", 60), change("b", "x"))
	before := e.modified(1, "", "")
	e.now = e.now.Add(time.Hour)
	e.ok(e.b.Purge(e.Context()))
	e.equal("the time", e.modified(1, "", ""), before)
	e.update(1, func(tx storage.Tx) error {
		n, err := tx.DropExpired(10)
		e.equal("left to drop", n, 0)
		return err
	})
	e.equal("left", e.ids(1, storage.Query{}), "[b]")
}

func deletions(e *env) {
	e.put(1, change("a", "x"), change("b", "x"))
	e.update(1, func(tx storage.Tx) error { return tx.Put("d", []storage.Change{change("a", "x")}) })
	e.update(1, func(tx storage.Tx) error { return tx.DeleteRecords("c", []bso.ID{"a", "none"}) })
	e.equal("by ID", e.ids(1, storage.Query{}), "[b]")
	e.update(1, func(tx storage.Tx) error {
		there, err := tx.DeleteCollection("c")
		e.equal("the collection was there", there, true)
		return err
	})
	e.equal("the collection", e.modified(1, "c", ""), bso.Timestamp(0))
	if e.modified(1, "d", "a") == 0 {
		e.Error("another collection is gone")
	}
	e.update(1, storage.Tx.DeleteAll)
	e.equal("everything", e.modified(1, "d", "a"), bso.Timestamp(0))
}

func listings(e *env) {
	for i, id := range []bso.ID{"b", "A", "a"} {
		c := change(id, "x")
		c.Fields |= storage.FieldSortIndex
		c.SortIndex = sql.Null[int64]{V: int64(i % 2), Valid: true}
		e.put(1, c)
		e.now = e.now.Add(time.Second)
	}
	first := e.modified(1, "c", "b")
	e.equal("oldest", e.ids(1, storage.Query{Sort: storage.SortOldest}), "[b A a]")
	e.equal("newest", e.ids(1, storage.Query{Sort: storage.SortNewest}), "[a A b]")
	e.equal("by sortindex", e.ids(1, storage.Query{Sort: storage.SortIndex}), "[A b a]")
	e.equal("newer", e.ids(1, storage.Query{Sort: storage.SortOldest, Newer: first}), "[A a]")
	e.equal("older", e.ids(1, storage.Query{Sort: storage.SortOldest, Older: first + 1}), "[b]")
	e.equal("limited", e.ids(1, storage.Query{Sort: storage.SortOldest, Limit: 2}), "[b A]")
	e.equal("by ID", e.ids(1, storage.Query{Sort: storage.SortOldest, IDs: []bso.ID{"a", "none"}}), "[a]")
}

func sizes(e *env) {
	e.put(1, change("a", "four"), change("b", "x"))
	e.update(1, func(tx storage.Tx) error {
		u, err := tx.Usage("")
		e.equal("usage", u, storage.Usage{Bytes: 5 + 3*storage.Overhead, Collections: 1})
		return err
	})
	e.ok(e.b.States(e.Context(), func(st storage.State) error {
		e.equal("the operator sees", []any{st.UID, st.Bytes, st.Err}, []any{1, 5, nil})
		return nil
	}))
}

func isolated(e *env) {
	e.put(1, change("a", "x"))
	e.put(2, change("b", "x"))
	e.equal("user 1", e.ids(1, storage.Query{}), "[a]")
	e.ok(e.b.Delete(e.Context(), 1))
	e.equal("a deleted user's time", e.modified(1, "", ""), bso.Timestamp(0))
	e.equal("user 2", e.ids(2, storage.Query{}), "[b]")
}

func closed(e *env) {
	e.ok(e.b.Probe(e.Context()))
	e.ok(e.b.Close(e.Context()))
	err := e.b.Update(e.Context(), 1, storage.Durable, func(storage.Tx) error { return nil })
	if !errors.Is(err, storage.ErrClosed) {
		e.Errorf("an update: %v", err)
	}
	if err := e.b.Probe(e.Context()); !errors.Is(err, storage.ErrClosed) {
		e.Errorf("a probe: %v", err)
	}
}
