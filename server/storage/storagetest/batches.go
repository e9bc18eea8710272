package storagetest

import (
	"errors"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

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

func batchMerges(e *env) {
	e.put(1, weighing(change("a", "old"), 1), change("b", "old"))
	before := e.modified(1, "c", "b")
	e.now = e.now.Add(time.Minute)
	e.update(1, func(tx storage.Tx) error {
		e.ok(tx.StartBatch("c", "t", bso.TimestampOf(e.now.Add(time.Hour))))
		var size storage.BatchSize
		for _, post := range [][]storage.Change{
			{weighing(only("a"), 8), change("new", "one")},
			{weighing(only("a"), 9), expiring(only("b"), 90)},
			{expiring(only("a"), 60), change("new", "two")},
		} {
			var err error
			size, err = tx.AppendBatch("c", "t", post)
			e.ok(err)
		}
		e.equal("the batch's size", size, storage.BatchSize{Records: 6, Bytes: 6})
		return nil
	})
	e.now = e.now.Add(time.Minute)
	e.update(1, func(tx storage.Tx) error {
		n, err := tx.CommitBatch("c", "t")
		e.equal("committed", n, 3)
		return err
	})
	at := e.modified(1, "c", "")
	e.equal("a record whose sortindex changed", e.record("a"), "old, 9")
	e.equal("its time", e.modified(1, "c", "a"), at)
	e.equal("a record whose TTL changed", e.record("b"), "old")
	e.equal("its time", e.modified(1, "c", "b"), before)
	e.equal("a new record", e.record("new"), "two")
	// A TTL begins with the commit.
	e.now = e.now.Add(59 * time.Second)
	e.equal("before the TTL", e.record("a"), "old, 9")
	e.now = e.now.Add(time.Second)
	e.equal("after the TTL", e.record("a"), "none")

	e.update(1, func(tx storage.Tx) error {
		e.ok(tx.StartBatch("c", "u", bso.TimestampOf(e.now.Add(time.Hour))))
		_, err := tx.AppendBatch("c", "u", []storage.Change{weighing(only("a"), 3)})
		e.ok(err)
		_, err = tx.CommitBatch("c", "u")
		return err
	})
	e.equal("where a record has expired", e.record("a"), ", 3")
}

func batchExpires(e *env) {
	add := func() error {
		return e.b.Update(e.Context(), 1, storage.Deferred, func(tx storage.Tx) error {
			_, err := tx.AppendBatch("c", "t", []storage.Change{change("a", "x")})
			return err
		})
	}
	e.update(1, func(tx storage.Tx) error { return tx.StartBatch("c", "t", bso.TimestampOf(e.now.Add(time.Hour))) })
	e.now = e.now.Add(time.Hour - time.Second)
	e.ok(add())
	e.now = e.now.Add(time.Second)
	if err := add(); !errors.Is(err, storage.ErrNoBatch) {
		e.Errorf("an expired batch that is added to: %v", err)
	}
	err := e.b.Update(e.Context(), 1, storage.Durable, func(tx storage.Tx) error { _, err := tx.CommitBatch("c", "t"); return err })
	if !errors.Is(err, storage.ErrNoBatch) {
		e.Errorf("an expired batch that is committed: %v", err)
	}
	e.update(1, func(tx storage.Tx) error {
		n, err := tx.DropExpired(10)
		e.equal("records dropped with the batch", n, 0)
		e.ok(err)
		without, err := tx.Usage("")
		e.ok(err)
		with, err := tx.Usage("t")
		e.equal("usage with the batch, which was dropped", with, without)
		e.ok(err)
		return tx.StartBatch("c", "t", bso.TimestampOf(e.now.Add(time.Hour))) // the token is free again
	})
}
