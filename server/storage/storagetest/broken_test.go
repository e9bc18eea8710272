package storagetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/test/long"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
	"github.com/syncmanager/syncmanager/server/storage/storagetest"
)

// broken is the SQLite backend that breaks one promise: where a function is set, it takes the place
// of the method.
type broken struct {
	storage.Backend
	now       func() time.Time
	view      func(ctx context.Context, uid int64, f func(storage.View) error) error
	update    func(ctx context.Context, uid int64, f func(storage.Tx) error) error
	delete    func(ctx context.Context, uid int64) error
	purge     func(ctx context.Context) error
	states    func(ctx context.Context, visit func(storage.State) error) error
	probe     func() error
	close     func(ctx context.Context) error
	fence     func(ctx context.Context, uid int64, on bool) error
	breakView func(*brokenView)
	breakTx   func(*brokenTx)
}

func (b *broken) Fence(ctx context.Context, uid int64, on bool) error {
	if b.fence != nil {
		return b.fence(ctx, uid, on)
	}
	return b.Backend.(storage.Fencer).Fence(ctx, uid, on)
}

func (b *broken) View(ctx context.Context, uid int64, f func(storage.View) error) error {
	if b.view != nil {
		return b.view(ctx, uid, f)
	}
	return b.Backend.View(ctx, uid, func(v storage.View) error {
		broken := &brokenView{View: v}
		if b.breakView != nil {
			b.breakView(broken)
		}
		return f(broken)
	})
}

func (b *broken) Update(ctx context.Context, uid int64, _ storage.Durability, f func(storage.Tx) error) error {
	if b.update != nil {
		return b.update(ctx, uid, f)
	}
	return b.step(ctx, uid, func(tx *brokenTx) error { return f(tx) })
}

// step is an Update. It never waits for the disk: no case takes the power away.
func (b *broken) step(ctx context.Context, uid int64, f func(*brokenTx) error) error {
	return b.Backend.Update(ctx, uid, storage.Deferred, func(tx storage.Tx) error {
		t := &brokenTx{Tx: tx}
		if b.breakTx != nil {
			b.breakTx(t)
		}
		return f(t)
	})
}

func (b *broken) Delete(ctx context.Context, uid int64) error {
	if b.delete != nil {
		return b.delete(ctx, uid)
	}
	return b.Backend.Delete(ctx, uid)
}

func (b *broken) Purge(ctx context.Context) error {
	if b.purge != nil {
		return b.purge(ctx)
	}
	return b.Backend.Purge(ctx)
}

func (b *broken) States(ctx context.Context, visit func(storage.State) error) error {
	if b.states != nil {
		return b.states(ctx, visit)
	}
	return b.Backend.States(ctx, visit)
}

func (b *broken) Probe(ctx context.Context) error {
	if b.probe != nil {
		return b.probe()
	}
	return b.Backend.Probe(ctx)
}

func (b *broken) Close(ctx context.Context) error {
	if b.close != nil {
		return b.close(ctx)
	}
	return b.Backend.Close(ctx)
}

type brokenView struct {
	storage.View
	modified    func(collection string, id bso.ID) (bso.Timestamp, error)
	collections func() ([]storage.Collection, error)
	page        func(q storage.Query) (storage.Page, error)
	records     func(q storage.Query, f func(*storage.Record) error) error
}

func (v *brokenView) Export(collection string, f func(*storage.Dated) error) error {
	return v.View.(storage.Exporter).Export(collection, f)
}

func (v *brokenView) Modified(collection string, id bso.ID) (bso.Timestamp, error) {
	if v.modified != nil {
		return v.modified(collection, id)
	}
	return v.View.Modified(collection, id)
}

func (v *brokenView) Collections() ([]storage.Collection, error) {
	if v.collections != nil {
		return v.collections()
	}
	return v.View.Collections()
}

func (v *brokenView) Page(q storage.Query) (storage.Page, error) {
	if v.page != nil {
		return v.page(q)
	}
	return v.View.Page(q)
}

func (v *brokenView) Records(q storage.Query, f func(*storage.Record) error) error {
	if v.records != nil {
		return v.records(q, f)
	}
	return v.View.Records(q, f)
}

type brokenTx struct {
	storage.Tx
	modified         func(collection string, id bso.ID) (bso.Timestamp, error)
	startBatch       func(collection, token string, expires bso.Timestamp) error
	appendBatch      func(collection, token string, changes []storage.Change) (storage.BatchSize, error)
	bound            func() error
	deleteCollection func(collection string) (bool, error)
	put              func(collection string, changes []storage.Change) error
	imports          func(collection string, modified bso.Timestamp, records []storage.Dated) error
}

func (t *brokenTx) Export(collection string, f func(*storage.Dated) error) error {
	return t.Tx.(storage.Exporter).Export(collection, f)
}

func (t *brokenTx) Import(collection string, modified bso.Timestamp, records []storage.Dated) error {
	if t.imports != nil {
		return t.imports(collection, modified, records)
	}
	return t.Tx.(storage.Importer).Import(collection, modified, records)
}

func (t *brokenTx) ImportModified(modified bso.Timestamp) error {
	return t.Tx.(storage.Importer).ImportModified(modified)
}

func (t *brokenTx) Modified(collection string, id bso.ID) (bso.Timestamp, error) {
	if t.modified != nil {
		return t.modified(collection, id)
	}
	return t.Tx.Modified(collection, id)
}

func (t *brokenTx) StartBatch(collection, token string, expires bso.Timestamp) error {
	if t.startBatch != nil {
		return t.startBatch(collection, token, expires)
	}
	return t.Tx.StartBatch(collection, token, expires)
}

func (t *brokenTx) AppendBatch(collection, token string, changes []storage.Change) (storage.BatchSize, error) {
	if t.appendBatch != nil {
		return t.appendBatch(collection, token, changes)
	}
	return t.Tx.AppendBatch(collection, token, changes)
}

func (t *brokenTx) BoundBatches(token string, number int, bytes int64) error {
	if t.bound != nil {
		return t.bound()
	}
	return t.Tx.BoundBatches(token, number, bytes)
}

func (t *brokenTx) DeleteCollection(collection string) (bool, error) {
	if t.deleteCollection != nil {
		return t.deleteCollection(collection)
	}
	return t.Tx.DeleteCollection(collection)
}

func (t *brokenTx) Put(collection string, changes []storage.Change) error {
	if t.put != nil {
		return t.put(collection, changes)
	}
	return t.Tx.Put(collection, changes)
}

// edited returns changes with each of them edited. The caller's stay as they are.
func edited(changes []storage.Change, edit func(*storage.Change)) []storage.Change {
	changes = slices.Clone(changes)
	for i := range changes {
		edit(&changes[i])
	}
	return changes
}

// breaks are backends that break one promise each, by the case that fails.
var breaks = map[string]func(b *broken){
	// The time goes back with the clock.
	"TimesGrow": func(b *broken) {
		b.breakView = func(v *brokenView) {
			v.modified = func(collection string, id bso.ID) (bso.Timestamp, error) {
				at, err := v.View.Modified(collection, id)
				if collection == "" {
					at = min(at, bso.TimestampOf(b.now()))
				}
				return at, err
			}
		}
	},
	// It commits in any case.
	"AFailedUpdateLeavesNothing": func(b *broken) {
		b.update = func(ctx context.Context, uid int64, f func(storage.Tx) error) error {
			var failed error
			err := b.step(ctx, uid, func(tx *brokenTx) error { failed = f(tx); return nil })
			return errors.Join(failed, err)
		}
	},
	// A view reads the time anew.
	"ViewIsOneState": func(b *broken) {
		b.view = func(ctx context.Context, uid int64, f func(storage.View) error) error {
			return b.Backend.View(ctx, uid, func(v storage.View) error {
				return f(&brokenView{View: v, modified: func(collection string, id bso.ID) (at bso.Timestamp, err error) {
					if collection != "" {
						return v.Modified(collection, id)
					}
					err = b.Backend.View(ctx, uid, func(v storage.View) (err error) { at, err = v.Modified("", ""); return err })
					return at, err
				}})
			})
		}
	},
	// A step reads the time before its turn has come.
	"OfTwoWritersOneWins": func(b *broken) {
		var mu sync.Mutex
		read := make(map[int64]int)
		all := make(map[int64]chan struct{})
		b.update = func(ctx context.Context, uid int64, f func(storage.Tx) error) error {
			if uid < storagetest.FirstContested {
				return b.step(ctx, uid, func(tx *brokenTx) error { return f(tx) })
			}
			var at bso.Timestamp
			err := b.Backend.View(ctx, uid, func(v storage.View) (err error) { at, err = v.Modified("c", ""); return err })
			if err != nil {
				return err
			}
			// All writers read before one of them writes.
			mu.Lock()
			if read[uid]%storagetest.Contestants == 0 {
				all[uid] = make(chan struct{})
			}
			read[uid]++
			wait := all[uid]
			if read[uid]%storagetest.Contestants == 0 {
				close(wait)
			}
			mu.Unlock()
			<-wait
			return b.step(ctx, uid, func(tx *brokenTx) error {
				tx.modified = func(string, bso.ID) (bso.Timestamp, error) { return at, nil }
				return f(tx)
			})
		}
	},
	// A record is lost when it closes.
	"WritesOutliveAReopen": func(b *broken) {
		b.close = func(ctx context.Context) error {
			_ = b.Backend.Update(ctx, 1, storage.Durable, func(tx storage.Tx) error { return tx.DeleteRecords("c", []bso.ID{"durable"}) })
			return b.Backend.Close(ctx)
		}
	},
	// A user goes with a neighbour.
	"UsersAreIsolated": func(b *broken) {
		b.delete = func(ctx context.Context, uid int64) error {
			return errors.Join(b.Backend.Delete(ctx, uid), b.Backend.Delete(ctx, uid+1))
		}
	},
	// A change without a payload takes the stored one away.
	"FieldsThatAreNotSentStay": func(b *broken) {
		b.breakTx = func(t *brokenTx) {
			t.put = func(collection string, changes []storage.Change) error {
				return t.Tx.Put(collection, edited(changes, func(c *storage.Change) { c.Fields |= storage.FieldPayload }))
			}
		}
	},
	// A payload ends at a NUL.
	"BytesStayAsTheyAre": func(b *broken) {
		b.breakTx = func(t *brokenTx) {
			t.put = func(collection string, changes []storage.Change) error {
				return t.Tx.Put(collection, edited(changes, func(c *storage.Change) { c.Payload, _, _ = bytes.Cut(c.Payload, []byte{0}) }))
			}
		}
	},
	// A listing takes half as many IDs.
	"ManyRecordsAtOnce": func(b *broken) {
		b.breakView = func(v *brokenView) {
			v.records = func(q storage.Query, f func(*storage.Record) error) error {
				if q.IDs != nil {
					q.IDs = q.IDs[:min(len(q.IDs), storage.MaxIDs/2)]
				}
				return v.View.Records(q, f)
			}
		}
	},
	// Expired records are counted until a purge.
	"ExpiredRecordsAreNotThere": func(b *broken) {
		put := 0
		b.breakTx = func(t *brokenTx) {
			t.put = func(collection string, changes []storage.Change) error {
				put += len(changes)
				return t.Tx.Put(collection, changes)
			}
		}
		b.breakView = func(v *brokenView) {
			v.collections = func() ([]storage.Collection, error) {
				all, err := v.View.Collections()
				for i := range all {
					all[i].Records = int64(put)
				}
				return all, err
			}
		}
	},
	"PurgeRemovesWhatExpired": func(b *broken) { b.purge = func(ctx context.Context) error { return ctx.Err() } },
	// A collection stays, without its records.
	"DeletionsTakeWhatTheyName": func(b *broken) {
		b.breakTx = func(t *brokenTx) {
			t.deleteCollection = func(collection string) (bool, error) {
				var ids []bso.ID
				q := storage.Query{Collection: collection, Older: storage.AnyTime, IDsOnly: true}
				err := t.Records(q, func(r *storage.Record) error { ids = append(ids, r.ID); return nil })
				return true, errors.Join(err, t.DeleteRecords(collection, ids))
			}
		}
	},
	"SizesAreThoseOfTheContent": func(b *broken) {
		b.states = func(ctx context.Context, visit func(storage.State) error) error {
			return b.Backend.States(ctx, func(st storage.State) error { st.Bytes = 0; return visit(st) })
		}
	},
	// A listing begins with the oldest record, whatever is asked for.
	"ListingsAreSortedAndBounded": func(b *broken) {
		b.breakView = func(v *brokenView) {
			v.records = func(q storage.Query, f func(*storage.Record) error) error {
				q.Newer = 0
				return v.View.Records(q, f)
			}
		}
	},
	// A page that is full is the last.
	"PagesMakeUpTheListing": func(b *broken) {
		b.breakView = func(v *brokenView) {
			v.page = func(q storage.Query) (storage.Page, error) {
				p, err := v.View.Page(q)
				p.Next = nil
				return p, err
			}
		}
	},
	// A listing is read whole before its first record is passed on.
	"ListingsAreReadAsTheyAreTaken": func(b *broken) {
		b.breakView = func(v *brokenView) {
			v.records = func(q storage.Query, f func(*storage.Record) error) error {
				var all []storage.Record
				err := v.View.Records(q, func(r *storage.Record) error {
					c := *r
					c.Payload = bytes.Clone(r.Payload)
					all = append(all, c)
					return nil
				})
				for i := range all {
					if err == nil {
						err = f(&all[i])
					}
				}
				return err
			}
		}
	},
	// New records in a batch can be seen at once.
	"ABatchIsInvisibleUntilItsCommit": func(b *broken) {
		b.breakTx = func(t *brokenTx) {
			t.appendBatch = func(collection, token string, changes []storage.Change) (storage.BatchSize, error) {
				size, err := t.Tx.AppendBatch(collection, token, changes)
				if err == nil {
					isOld := func(c storage.Change) bool { return c.Fields != storage.FieldPayload }
					err = t.Tx.Put(collection, slices.DeleteFunc(slices.Clone(changes), isOld))
				}
				return size, err
			}
		}
	},
	// A change in a batch sets all fields.
	"ABatchMergesItsFields": func(b *broken) {
		b.breakTx = func(t *brokenTx) {
			t.appendBatch = func(collection, token string, changes []storage.Change) (storage.BatchSize, error) {
				return t.Tx.AppendBatch(collection, token, edited(changes, func(c *storage.Change) {
					c.Fields = storage.FieldPayload | storage.FieldSortIndex | storage.FieldTTL
				}))
			}
		}
	},
	"ABatchExpires": func(b *broken) {
		b.breakTx = func(t *brokenTx) {
			t.startBatch = func(collection, token string, _ bso.Timestamp) error {
				return t.Tx.StartBatch(collection, token, storage.AnyTime)
			}
		}
	},
	"BatchesAreBounded": func(b *broken) { b.breakTx = func(t *brokenTx) { t.bound = func() error { return nil } } },
	// A copy forgets when records expire.
	"ACopyIsExact": func(b *broken) {
		b.breakTx = func(t *brokenTx) {
			t.imports = func(collection string, modified bso.Timestamp, records []storage.Dated) error {
				records = slices.Clone(records)
				for i := range records {
					records[i].Expires = 0
				}
				return t.Tx.(storage.Importer).Import(collection, modified, records)
			}
		}
	},
	"AFencedUserIsNotWritten": func(b *broken) { b.fence = func(context.Context, int64, bool) error { return nil } },
	"ACallEndsWithItsContext": func(b *broken) {
		b.update = func(ctx context.Context, uid int64, f func(storage.Tx) error) error {
			return b.step(context.WithoutCancel(ctx), uid, func(tx *brokenTx) error { return f(tx) })
		}
	},
	// It says that it closed while a call is under way.
	"CloseWaitsForCallsUnderWay": func(b *broken) {
		b.close = func(ctx context.Context) error {
			_ = b.Backend.Close(ctx)
			return nil
		}
	},
	"AClosedStorageSaysSo": func(b *broken) { b.probe = func() error { return nil } },
}

// Each promise, broken, makes its case fail. With -long the other cases run too, and pass.
func TestBrokenPromisesAreNoticed(t *testing.T) {
	t.Parallel()
	for _, c := range storagetest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			change := breaks[c.Name]
			if change == nil {
				t.Fatal("there is no broken backend for this case")
			}
			open := func(t testing.TB, dir string, now func() time.Time) storage.Backend {
				files, err := sqlite.New(sqlite.Config{Dir: dir, Now: now})
				if err != nil {
					t.Fatal(err)
				}
				b := &broken{Backend: files, now: now}
				change(b)
				return b
			}
			for _, other := range storagetest.Cases() {
				if other.Name != c.Name && long.Of(0, 1) == 0 {
					continue
				}
				r := &recorder{TB: t}
				done := make(chan struct{})
				go func() {
					defer close(done)
					other.Run(r, open)
				}()
				<-done
				switch {
				case other.Name == c.Name && !r.failed:
					t.Error("the case does not notice the broken backend")
				case other.Name != c.Name && r.failed:
					t.Errorf("%s fails too: %s", other.Name, r.says)
				}
			}
		})
	}
}

// recorder is a testing.TB that notes a failure instead of failing.
type recorder struct {
	testing.TB
	failed bool
	says   string
}

func (r *recorder) fail(text string) {
	if !r.failed {
		r.failed, r.says = true, text
	}
}

func (r *recorder) Helper()                           {}
func (r *recorder) Errorf(format string, args ...any) { r.fail(fmt.Sprintf(format, args...)) }
func (r *recorder) Error(args ...any)                 { r.fail(fmt.Sprint(args...)) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	runtime.Goexit()
}
