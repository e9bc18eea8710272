package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

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

// The case's writers come at once, so many to each of its users.
const (
	firstContested = 100
	contestants    = 4
)

// oneWriterWins does what the service does for X-If-Unmodified-Since.
func oneWriterWins(e *env) {
	modified := errors.New("modified since")
	for round := range int64(5) {
		uid := firstContested + round
		for range 2 { // an empty storage, and one that has records
			since := e.modified(uid, "c", "")
			start := make(chan struct{})
			var results [contestants]error
			var writers sync.WaitGroup
			for i := range results {
				writers.Go(func() {
					<-start
					results[i] = e.b.Update(e.Context(), uid, storage.Durable, func(tx storage.Tx) error {
						at, err := tx.Modified("c", "")
						if err != nil {
							return err
						}
						if at > since {
							return modified
						}
						return tx.Put("c", []storage.Change{change("a", fmt.Sprint(i))})
					})
				})
			}
			close(start)
			writers.Wait()
			var winners []int
			for i, err := range results {
				switch {
				case err == nil:
					winners = append(winners, i)
				case !errors.Is(err, modified) && !errors.Is(err, storage.ErrBusy):
					e.Error(err)
				}
			}
			if len(winners) != 1 {
				e.Fatalf("%d writers won", len(winners))
			}
			e.view(uid, func(v storage.View) error {
				r, err := v.Record("c", "a")
				if r == nil || string(r.Payload) != fmt.Sprint(winners[0]) {
					e.Errorf("writer %d won, and stored is %+v", winners[0], r)
				}
				return err
			})
		}
	}
}

func reopened(e *env) {
	expires := bso.TimestampOf(e.now.Add(time.Hour))
	e.put(1, weighing(change("durable", "x"), 3), expiring(change("b", "x"), 60))
	e.ok(e.b.Update(e.Context(), 1, storage.Deferred, func(tx storage.Tx) error {
		e.ok(tx.StartBatch("c", "t", expires))
		_, err := tx.AppendBatch("c", "t", []storage.Change{change("batched", "x")})
		return err
	}))
	at := e.modified(1, "", "")
	e.reopen()
	e.equal("a record", e.record("durable"), "x, 3")
	e.equal("the time", e.modified(1, "", ""), at)
	e.update(1, func(tx storage.Tx) error { _, err := tx.CommitBatch("c", "t"); return err })
	e.reopen()
	e.equal("listed", e.ids(1, storage.Query{}), "[b durable batched]")
	e.now = e.now.Add(time.Minute)
	e.equal("after a TTL that began before", e.ids(1, storage.Query{}), "[durable batched]")

	e.update(1, storage.Tx.DeleteAll)
	at = e.modified(1, "", "")
	e.reopen()
	e.equal("the time of a storage without records", e.modified(1, "", ""), at)
}

func contexts(e *env) {
	e.put(1, change("a", "x"))
	ended, cancel := context.WithCancel(e.Context())
	cancel()
	called := errors.New("f was called")
	for what, err := range map[string]error{
		"a view":    e.b.View(ended, 1, func(storage.View) error { return called }),
		"an update": e.b.Update(ended, 1, storage.Durable, func(storage.Tx) error { return called }),
		"a listing": e.b.States(ended, func(storage.State) error { return nil }),
		"a purge":   e.b.Purge(ended),
	} {
		if !errors.Is(err, context.Canceled) {
			e.Fatalf("%s whose context has ended: %v", what, err)
		}
	}

	// A call that waits for its turn does not wait on.
	e.update(1, func(storage.Tx) error {
		impatient, cancel := context.WithCancel(e.Context())
		result := make(chan error, 1)
		go func() {
			result <- e.b.Update(impatient, 1, storage.Durable, func(storage.Tx) error { return called })
		}()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			e.Errorf("an update that waits while its context ends: %v", err)
		}
		return nil
	})

	// A call whose context ends meanwhile does all or nothing, and says which.
	meanwhile, cancel := context.WithCancel(e.Context())
	err := e.b.Update(meanwhile, 1, storage.Durable, func(tx storage.Tx) error {
		err := tx.Put("c", []storage.Change{change("b", "x")})
		cancel()
		return err
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		e.Errorf("an update whose context ends meanwhile: %v", err)
	}
	e.equal("it is in force", e.modified(1, "c", "b") != 0, err == nil)
	e.put(1, change("a", "y"))
	e.equal("afterwards", e.record("a"), "y")
}

func closeWaits(e *env) {
	e.put(1, change("a", "x"))
	ended, cancel := context.WithCancel(e.Context())
	cancel()
	e.view(1, func(v storage.View) error {
		if err := e.b.Close(ended); !errors.Is(err, context.Canceled) {
			e.Errorf("closed under a view: %v", err)
		}
		err := e.b.View(e.Context(), 1, func(storage.View) error { return nil })
		if !errors.Is(err, storage.ErrClosed) {
			e.Errorf("a view after that: %v", err)
		}
		r, err := v.Record("c", "a")
		if r == nil {
			e.Error("the view has lost its state")
		}
		return err
	})
	e.reopen()

	e.update(1, func(tx storage.Tx) error {
		if err := e.b.Close(ended); !errors.Is(err, context.Canceled) {
			e.Errorf("closed under an update: %v", err)
		}
		return tx.Put("c", []storage.Change{change("b", "x")})
	})
	e.reopen()
	e.equal("what was written meanwhile", e.ids(1, storage.Query{}), "[a b]")

	left := make(chan struct{})
	result := make(chan error, 1)
	e.view(1, func(v storage.View) error {
		go func() {
			err := e.b.Close(e.Context())
			select {
			case <-left:
			default:
				err = errors.Join(err, errors.New("it did not wait"))
			}
			result <- err
		}()
		_, err := v.Record("c", "a")
		close(left)
		return err
	})
	if err := <-result; err != nil {
		e.Errorf("closed under a view that ends: %v", err)
	}
}
