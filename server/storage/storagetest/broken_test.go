package storagetest_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
	"github.com/syncmanager/syncmanager/server/storage/storagetest"
)

// broken is the SQLite backend with one promise not kept.
type broken struct {
	storage.Backend
	view   func(ctx context.Context, uid int64, f func(storage.View) error) error
	update func(ctx context.Context, uid int64, f func(storage.Tx) error) error
	purge  func() error
	states func(visit func(storage.State) error) error
	probe  func() error
	tx     func(*brokenTx)
}

func (b *broken) View(ctx context.Context, uid int64, f func(storage.View) error) error {
	if b.view != nil {
		return b.view(ctx, uid, f)
	}
	return b.Backend.View(ctx, uid, f)
}

func (b *broken) Update(ctx context.Context, uid int64, d storage.Durability, f func(storage.Tx) error) error {
	if b.update != nil {
		return b.update(ctx, uid, f)
	}
	return b.Backend.Update(ctx, uid, d, func(tx storage.Tx) error {
		t := &brokenTx{Tx: tx}
		if b.tx != nil {
			b.tx(t)
		}
		return f(t)
	})
}

func (b *broken) Purge(ctx context.Context) error {
	if b.purge != nil {
		return b.purge()
	}
	return b.Backend.Purge(ctx)
}

func (b *broken) States(ctx context.Context, visit func(storage.State) error) error {
	if b.states != nil {
		return b.states(visit)
	}
	return b.Backend.States(ctx, visit)
}

func (b *broken) Probe(ctx context.Context) error {
	if b.probe != nil {
		return b.probe()
	}
	return b.Backend.Probe(ctx)
}

type brokenTx struct {
	storage.Tx
	appendBatch func(collection string, changes []storage.Change) (storage.BatchSize, error)
	bound       func() error
	deleteAll   func() error
	put         func(collection string, changes []storage.Change) error
}

func (t *brokenTx) AppendBatch(collection, token string, changes []storage.Change) (storage.BatchSize, error) {
	if t.appendBatch != nil {
		return t.appendBatch(collection, changes)
	}
	return t.Tx.AppendBatch(collection, token, changes)
}

func (t *brokenTx) BoundBatches(token string, number int, bytes int64) error {
	if t.bound != nil {
		return t.bound()
	}
	return t.Tx.BoundBatches(token, number, bytes)
}

func (t *brokenTx) DeleteAll() error {
	if t.deleteAll != nil {
		return t.deleteAll()
	}
	return t.Tx.DeleteAll()
}

func (t *brokenTx) Put(collection string, changes []storage.Change) error {
	if t.put != nil {
		return t.put(collection, changes)
	}
	return t.Tx.Put(collection, changes)
}

// constantView says that nothing ever changed.
type constantView struct{ storage.View }

func (constantView) Modified(string, bso.ID) (bso.Timestamp, error) { return 7, nil }

// oldestView lists the oldest first, whatever is asked for.
type oldestView struct{ storage.View }

func (v oldestView) Records(q storage.Query, f func(*storage.Record) error) error {
	q.Sort = storage.SortOldest
	return v.View.Records(q, f)
}

// Each promise, broken, is noticed by the case that is about it.
func TestBrokenPromisesAreNoticed(t *testing.T) {
	t.Parallel()
	breaks := map[string]func(b *broken){
		"TimesGrow": func(b *broken) {
			b.view = func(ctx context.Context, uid int64, f func(storage.View) error) error {
				return b.Backend.View(ctx, uid, func(v storage.View) error { return f(constantView{v}) })
			}
		},
		"AFailedUpdateLeavesNothing": func(b *broken) {
			b.update = func(ctx context.Context, uid int64, f func(storage.Tx) error) error {
				var failed error
				err := b.Backend.Update(ctx, uid, storage.Durable, func(tx storage.Tx) error { failed = f(tx); return nil })
				return errors.Join(err, failed)
			}
		},
		"ViewIsOneState": func(b *broken) {
			b.view = func(ctx context.Context, uid int64, f func(storage.View) error) error {
				return f(&loose{b.Backend, ctx, uid})
			}
		},
		"ABatchIsInvisibleUntilItsCommit": func(b *broken) {
			b.tx = func(t *brokenTx) {
				t.appendBatch = func(c string, changes []storage.Change) (s storage.BatchSize, err error) {
					return s, t.Tx.Put(c, changes)
				}
			}
		},
		"BatchesAreBounded": func(b *broken) { b.tx = func(t *brokenTx) { t.bound = func() error { return nil } } },
		"ExpiredRecordsAreNotThere": func(b *broken) {
			b.tx = func(t *brokenTx) {
				t.put = func(c string, changes []storage.Change) error {
					for i := range changes {
						changes[i].Fields &^= storage.FieldTTL
						changes[i].TTL.Valid = false
					}
					return t.Tx.Put(c, changes)
				}
			}
		},
		"PurgeRemovesWhatExpired":   func(b *broken) { b.purge = func() error { return nil } },
		"DeletionsTakeWhatTheyName": func(b *broken) { b.tx = func(t *brokenTx) { t.deleteAll = func() error { return nil } } },
		"SizesAreThoseOfTheContent": func(b *broken) {
			b.states = func(visit func(storage.State) error) error { return visit(storage.State{UID: 1}) }
		},
		"ListingsAreSortedAndBounded": func(b *broken) {
			b.view = func(ctx context.Context, uid int64, f func(storage.View) error) error {
				return b.Backend.View(ctx, uid, func(v storage.View) error { return f(oldestView{v}) })
			}
		},
		"UsersAreIsolated": func(b *broken) {
			b.view = func(ctx context.Context, _ int64, f func(storage.View) error) error { return b.Backend.View(ctx, 1, f) }
			b.update = func(ctx context.Context, _ int64, f func(storage.Tx) error) error {
				return b.Backend.Update(ctx, 1, storage.Durable, f)
			}
		},
		"AClosedStorageSaysSo": func(b *broken) { b.probe = func() error { return nil } },
	}
	for _, c := range storagetest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			change := breaks[c.Name]
			if change == nil {
				t.Fatal("there is no broken backend for this case")
			}
			open := func(t testing.TB, now func() time.Time) storage.Backend {
				files, err := sqlite.New(sqlite.Config{Dir: t.TempDir(), Now: now})
				if err != nil {
					t.Fatal(err)
				}
				b := &broken{Backend: files}
				change(b)
				return b
			}
			r := &recorder{TB: t}
			done := make(chan struct{})
			go func() {
				defer close(done)
				c.Run(r, open)
			}()
			if <-done; !r.failed {
				t.Error("the case does not notice the broken backend")
			}
		})
	}
}

// loose is a View that looks at the storage again for each call.
type loose struct {
	b   storage.Backend
	ctx context.Context
	uid int64
}

func (l *loose) Modified(c string, id bso.ID) (at bso.Timestamp, err error) {
	err = l.b.View(l.ctx, l.uid, func(v storage.View) (err error) { at, err = v.Modified(c, id); return err })
	return at, err
}

func (l *loose) Collections() (all []storage.Collection, err error) {
	err = l.b.View(l.ctx, l.uid, func(v storage.View) (err error) { all, err = v.Collections(); return err })
	return all, err
}

func (l *loose) Record(c string, id bso.ID) (r *storage.Record, err error) {
	err = l.b.View(l.ctx, l.uid, func(v storage.View) (err error) { r, err = v.Record(c, id); return err })
	return r, err
}

func (l *loose) Page(q storage.Query) (p storage.Page, err error) {
	err = l.b.View(l.ctx, l.uid, func(v storage.View) (err error) { p, err = v.Page(q); return err })
	return p, err
}

func (l *loose) Records(q storage.Query, f func(*storage.Record) error) error {
	return l.b.View(l.ctx, l.uid, func(v storage.View) error { return v.Records(q, f) })
}

// recorder is a testing.TB that notes a failure instead of failing.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Error(...any)          { r.failed = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true; runtime.Goexit() }
func (r *recorder) Fatal(...any)          { r.failed = true; runtime.Goexit() }
