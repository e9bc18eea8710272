package storagetest

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

// exact describes all that a copy of a user's storage must keep.
func (e *env) exact(uid int64) string {
	e.Helper()
	var b strings.Builder
	e.view(uid, func(v storage.View) error {
		at, err := v.Modified("", "")
		e.ok(err)
		fmt.Fprintln(&b, at)
		all, err := v.Collections()
		e.ok(err)
		for _, c := range all {
			fmt.Fprintln(&b, c.Name, c.Modified)
			e.ok(v.(storage.Exporter).Export(c.Name, func(r *storage.Dated) error {
				fmt.Fprintf(&b, "%q %v %v %v %q\n", r.ID, r.Modified, r.SortIndex, r.Expires, r.Payload)
				return nil
			}))
		}
		return nil
	})
	return b.String()
}

// imports runs a step that imports.
func (e *env) imports(uid int64, f func(storage.Importer) error) {
	e.Helper()
	e.update(uid, func(tx storage.Tx) error { return f(tx.(storage.Importer)) })
}

// copy copies what user from has to user to, a few records at a time.
func (e *env) copy(from, to int64) {
	e.Helper()
	e.view(from, func(v storage.View) error {
		at, err := v.Modified("", "")
		e.ok(err)
		e.imports(to, func(tx storage.Importer) error { return tx.ImportModified(at) })
		all, err := v.Collections()
		e.ok(err)
		for _, c := range all {
			var some []storage.Dated
			send := func() {
				e.imports(to, func(tx storage.Importer) error { return tx.Import(c.Name, c.Modified, some) })
				some = nil
			}
			e.ok(v.(storage.Exporter).Export(c.Name, func(r *storage.Dated) error {
				kept := *r
				kept.Payload = append([]byte{}, r.Payload...)
				if some = append(some, kept); len(some) == 2 {
					send()
				}
				return nil
			}))
			send()
		}
		return nil
	})
}

// copies says what a copy keeps, and what comes after it.
func copies(e *env) {
	e.view(1, func(v storage.View) error {
		if _, ok := v.(storage.Exporter); !ok {
			e.Skip("this backend cannot be copied from")
		}
		return nil
	})
	e.put(1, expiring(change("gone", "x"), 1))
	e.now = e.now.Add(time.Minute)
	e.put(1, change("b", "\x00\xff"), change("B", ""))
	e.now = e.now.Add(time.Minute)
	e.put(1, expiring(weighing(change("a", "some more"), -5), 3600), weighing(change("~", "x"), 0))
	e.update(1, func(tx storage.Tx) error { return tx.DeleteRecords("empty", []bso.ID{"none"}) })
	last := e.modified(1, "empty", "") + 7 // as if a later collection had been deleted
	e.imports(1, func(tx storage.Importer) error { return tx.ImportModified(last) })
	e.now = e.now.Add(time.Minute)
	want := e.exact(1)

	// A copy is exact, and a second one changes nothing.
	e.copy(1, 2)
	e.equal("the copy", e.exact(2), want)
	e.copy(1, 2)
	e.equal("the copy of the same again", e.exact(2), want)
	e.reopen()
	e.equal("the copy after a reopen", e.exact(2), want)

	// What follows is later, wherever the clock is.
	e.now = e.now.Add(-time.Hour)
	e.put(2, change("b", "next"))
	if at := e.modified(2, "c", "b"); at <= last {
		e.Errorf("a write after the copy has the time %v, the copy %v", at, last)
	}
	e.now = e.now.Add(time.Hour)

	// An import takes the place of the records that it names, in their collection's sizes too, and moves
	// no time of the storage back.
	last = e.modified(2, "", "")
	old := storage.Dated{Record: storage.Record{ID: "a", Modified: 7, Payload: []byte("replaced")}}
	e.imports(2, func(tx storage.Importer) error { return tx.Import("c", 9, []storage.Dated{old}) })
	e.equal("the storage's time", e.modified(2, "", ""), last)
	e.equal("the collection's time", e.modified(2, "c", ""), bso.Timestamp(9))
	e.equal("the record's time", e.modified(2, "c", "a"), bso.Timestamp(7))
	e.now = e.now.Add(2 * time.Hour) // it does not expire as the one before
	e.equal("left", e.ids(2, storage.Query{}), "[a B ~ b]")
	e.update(2, func(tx storage.Tx) error {
		u, err := tx.Usage("") // of the collections c and empty
		e.equal("sizes", u, storage.Usage{Bytes: int64(len("replaced"+"next"+""+"x")) + (4+2)*storage.Overhead, Collections: 2})
		return err
	})

	// The latest time counts, if it is a record's.
	late := storage.Dated{Record: storage.Record{ID: "x", Modified: last + 500, SortIndex: sql.Null[int64]{V: 1, Valid: true}, Payload: []byte{}}}
	e.imports(2, func(tx storage.Importer) error { return tx.Import("late", 3, []storage.Dated{late}) })
	e.equal("the storage's time", e.modified(2, "", ""), last+500)

	// A storage that was wiped has its time alone.
	e.update(1, storage.Tx.DeleteAll)
	e.copy(1, 3)
	e.equal("the copy of a wiped storage", e.exact(3), e.exact(1))
	e.manyCopied()
}

// manyCopied imports more records than one statement has parameters for.
func (e *env) manyCopied() {
	many := make([]storage.Dated, 3000)
	for i := range many {
		many[i] = storage.Dated{Record: storage.Record{
			ID: bso.ID(fmt.Sprint(i)), Modified: bso.Timestamp(1 + i*7919%1000), Payload: []byte(fmt.Sprint("payload ", i)),
		}}
	}
	e.imports(4, func(tx storage.Importer) error { return tx.Import("c", 1000, many) })
	e.equal("records", len(e.ids(4, storage.Query{})), len(many))
	e.copy(4, 5)
	e.equal("the copy of many", e.exact(5), e.exact(4))
}

// fences says what a fence lets through.
func fences(e *env) {
	fencer, ok := e.b.(storage.Fencer)
	if !ok {
		e.Skip("this backend has no fences")
	}
	e.put(1, expiring(change("a", "x"), 60), change("b", "x"))
	before := e.exact(1)

	// An update that is under way ends before the fence is there, and its writes are in force.
	fenced := make(chan error, 1)
	e.update(1, func(tx storage.Tx) error {
		go func() { fenced <- fencer.Fence(e.Context(), 1, true) }()
		return tx.Put("c", []storage.Change{change("c", "x")})
	})
	e.ok(<-fenced)
	if after := e.exact(1); after == before {
		e.Error("the update before the fence is lost")
	} else {
		before = after
	}

	refused := func() {
		e.Helper()
		for _, d := range []storage.Durability{storage.Durable, storage.Deferred} {
			err := e.b.Update(e.Context(), 1, d, func(tx storage.Tx) error { return tx.Put("c", []storage.Change{change("d", "x")}) })
			if !errors.Is(err, storage.ErrFenced) {
				e.Errorf("an update of a fenced user: %v", err)
			}
		}
		e.equal("the fenced user's storage", e.exact(1), before)
	}
	refused()
	e.put(2, change("a", "x"))
	e.reopen()
	fencer = e.b.(storage.Fencer)
	refused()
	e.ok(fencer.Fence(e.Context(), 1, true)) // once more
	e.now = e.now.Add(time.Hour)
	e.ok(e.b.Purge(e.Context()))
	e.equal("after a purge", e.ids(1, storage.Query{}), "[b c]")

	e.ok(fencer.Fence(e.Context(), 1, false))
	e.put(1, change("d", "x"))
	e.equal("after the fence", e.ids(1, storage.Query{}), "[b c d]")

	// A deletion takes the fence away, also that of a user who never wrote.
	for _, uid := range []int64{1, 3} {
		e.ok(fencer.Fence(e.Context(), uid, true))
		e.ok(e.b.Delete(e.Context(), uid))
		e.put(uid, change("a", "x"))
	}
}
