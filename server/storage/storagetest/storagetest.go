// Package storagetest is the conformance suite for any [storage.Backend]: one case for each promise
// of its contract. The package's own tests break each promise once, and see that its case fails.
package storagetest

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

// Open opens the storage that dir names, on the given clock. The first call for a dir opens an empty
// storage; a later one, after the storage was closed, opens the same storage again. dir is the
// path of an empty folder that nothing else uses: a backend that keeps its data elsewhere
// may use the path as a name. The suite closes what it opens.
type Open func(t testing.TB, dir string, now func() time.Time) storage.Backend

// Run runs all cases, each as a subtest with a storage of its own.
func Run(t *testing.T, open Open) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) { c.Run(t, open) })
	}
}

// Case tests one promise of the contract.
type Case struct {
	Name string
	// Run fails t if the backend breaks the promise.
	Run func(t testing.TB, open Open)
}

// Cases returns all cases.
func Cases() []Case {
	return []Case{
		{"TimesGrow", with(timesGrow)},
		{"AFailedUpdateLeavesNothing", with(atomic)},
		{"ViewIsOneState", with(oneState)},
		{"OfTwoWritersOneWins", with(oneWriterWins)},
		{"WritesOutliveAReopen", with(reopened)},
		{"UsersAreIsolated", with(isolated)},
		{"FieldsThatAreNotSentStay", with(fieldsStay)},
		{"BytesStayAsTheyAre", with(anyBytes)},
		{"ManyRecordsAtOnce", with(manyRecords)},
		{"ExpiredRecordsAreNotThere", with(expiry)},
		{"PurgeRemovesWhatExpired", with(purge)},
		{"DeletionsTakeWhatTheyName", with(deletions)},
		{"SizesAreThoseOfTheContent", with(sizes)},
		{"ListingsAreSortedAndBounded", with(listings)},
		{"PagesMakeUpTheListing", with(pages)},
		{"ListingsAreReadAsTheyAreTaken", with(lazyListings)},
		{"ABatchIsInvisibleUntilItsCommit", with(batchInvisible)},
		{"ABatchMergesItsFields", with(batchMerges)},
		{"ABatchExpires", with(batchExpires)},
		{"BatchesAreBounded", with(batchesBounded)},
		{"ACopyIsExact", with(copies)},
		{"AFencedUserIsNotWritten", with(fences)},
		{"ACallEndsWithItsContext", with(contexts)},
		{"CloseWaitsForCallsUnderWay", with(closeWaits)},
		{"AClosedStorageSaysSo", with(closed)},
	}
}

// env is one storage and its clock.
type env struct {
	testing.TB
	open Open
	dir  string
	b    storage.Backend
	now  time.Time
}

func with(f func(*env)) func(testing.TB, Open) {
	return func(t testing.TB, open Open) {
		e := &env{TB: t, open: open, dir: t.TempDir(), now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
		e.start()
		defer func() { _ = e.b.Close(t.Context()) }()
		f(e)
	}
}

// start opens the storage, which is not open.
func (e *env) start() {
	e.Helper()
	e.b = e.open(e.TB, e.dir, func() time.Time { return e.now })
}

func (e *env) reopen() {
	e.Helper()
	e.ok(e.b.Close(e.Context()))
	e.start()
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

// put stores changes in the collection c.
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

// record describes a record of the collection c of user 1: its payload and sortindex.
func (e *env) record(id bso.ID) (text string) {
	e.Helper()
	e.view(1, func(v storage.View) error {
		r, err := v.Record("c", id)
		switch {
		case r == nil:
			text = "none"
		case r.SortIndex.Valid:
			text = fmt.Sprintf("%s, %d", r.Payload, r.SortIndex.V)
		default:
			text = string(r.Payload)
		}
		return err
	})
	return text
}

func change(id bso.ID, payload string) storage.Change {
	return storage.Change{ID: id, Fields: storage.FieldPayload, Payload: []byte(payload)}
}

// only returns a change without a payload.
func only(id bso.ID) storage.Change { return storage.Change{ID: id, Payload: []byte{}} }

// weighing returns c with a sortindex.
func weighing(c storage.Change, sortIndex int64) storage.Change {
	c.Fields |= storage.FieldSortIndex
	c.SortIndex = sql.Null[int64]{V: sortIndex, Valid: true}
	return c
}

// expiring returns c with a TTL.
func expiring(c storage.Change, seconds int64) storage.Change {
	c.Fields |= storage.FieldTTL
	c.TTL = sql.Null[int64]{V: seconds, Valid: true}
	return c
}
