package storagetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

func fieldsStay(e *env) {
	e.put(1, expiring(weighing(change("a", "first"), 5), 100))
	e.now = e.now.Add(time.Second)
	e.put(1, weighing(only("a"), 7))
	e.equal("after its sortindex changed", e.record("a"), "first, 7")
	at := e.modified(1, "c", "a")
	e.equal("its time", at, e.modified(1, "c", ""))
	e.now = e.now.Add(time.Second)
	e.put(1, expiring(only("a"), 50))
	e.equal("after its TTL changed", e.record("a"), "first, 7")
	e.equal("its time", e.modified(1, "c", "a"), at)
	if e.modified(1, "c", "") <= at {
		e.Error("a changed TTL does not stamp the collection")
	}
	e.now = e.now.Add(49 * time.Second)
	e.put(1, change("a", "second"))
	e.equal("after its payload changed", e.record("a"), "second, 7")
	e.now = e.now.Add(time.Second)
	e.equal("after the TTL that it kept", e.record("a"), "none")

	none := only("b")
	none.Fields = storage.FieldSortIndex
	e.put(1, weighing(only("a"), 1), weighing(change("b", "x"), 2))
	e.equal("where a record has expired", e.record("a"), ", 1")
	e.put(1, none)
	e.equal("without its sortindex", e.record("b"), "x")
	e.put(1, expiring(only("b"), 10))
	forever := only("b")
	forever.Fields = storage.FieldTTL
	e.put(1, forever)
	e.now = e.now.Add(time.Hour)
	e.equal("without its TTL", e.record("b"), "x")
}

// oddIDs are valid, and differ from each other.
var oddIDs = []bso.ID{
	" ", "a", "A", "a ", " a", "'", `"`, "%", "_", "a%", `\`, "\\'", "--", "/", ",", "<", "&", "a,b", "[1]", "{}", "?1", "1", "01", "1.0", "1e0", "null", "~",
	bso.ID(strings.Repeat("~", bso.MaxIDLength)), bso.ID(strings.Repeat("~", bso.MaxIDLength-1)),
}

// oddPayloads are strings that text types change.
var oddPayloads = []string{
	"", "\x00", "a\x00b", " ", "\r\n", "null", "1", "1.0", `\u0000`, `"`, "'", "\u2028", "é", "e\u0301", "\U0001f511", "\ufffd", "\xff\xfe",
}

func anyBytes(e *env) {
	var changes []storage.Change
	want := make(map[bso.ID]string)
	for i, id := range oddIDs {
		want[id] = oddPayloads[i%len(oddPayloads)]
		changes = append(changes, change(id, want[id]))
	}
	e.put(1, changes...)
	for id, payload := range want {
		e.equal(fmt.Sprintf("the payload of %q", id), fmt.Sprintf("%q", e.record(id)), fmt.Sprintf("%q", payload))
		e.equal(fmt.Sprintf("%q, asked for by its ID", id), e.ids(1, storage.Query{IDs: []bso.ID{id}}), []bso.ID{id})
	}
	e.equal("listed", len(e.ids(1, storage.Query{})), len(want))

	for _, id := range []bso.ID{"%", "A", "1"} {
		e.update(1, func(tx storage.Tx) error { return tx.DeleteRecords("c", []bso.ID{id}) })
		delete(want, id)
		e.equal(fmt.Sprintf("left without %q", id), len(e.ids(1, storage.Query{})), len(want))
	}

	for i, name := range []string{"-", "C", "c.", "C.", "1"} {
		e.update(1, func(tx storage.Tx) error { return tx.Put(name, []storage.Change{change("a", strings.Repeat("x", i))}) })
		e.view(1, func(v storage.View) error {
			r, err := v.Record(name, "a")
			if r == nil || len(r.Payload) != i {
				e.Errorf("the collection %q does not have its record", name)
			}
			return err
		})
	}
}

func manyRecords(e *env) {
	// Each name is as long as it can be.
	ids := make([]bso.ID, storage.MaxIDs)
	for i := range ids {
		ids[i] = bso.ID(fmt.Sprintf("%0*d", bso.MaxIDLength, i))
	}
	posts := bso.DefaultLimits().MaxPostRecords
	e.update(1, func(tx storage.Tx) error {
		e.ok(tx.StartBatch("c", "t", bso.TimestampOf(e.now.Add(time.Hour))))
		for post := range 10 {
			changes := make([]storage.Change, posts)
			for i := range changes {
				changes[i] = change(bso.ID(fmt.Sprint(post, "-", i)), "x")
			}
			_, err := tx.AppendBatch("c", "t", changes)
			e.ok(err)
		}
		n, err := tx.CommitBatch("c", "t")
		e.equal("committed", n, 10*posts)
		return err
	})
	changes := make([]storage.Change, len(ids))
	for i, id := range ids {
		changes[i] = change(id, "x")
	}
	e.put(1, changes...)
	e.equal("listed", len(e.ids(1, storage.Query{})), 10*posts+len(ids))
	e.equal("asked for by their IDs", e.ids(1, storage.Query{IDs: ids}), ids)
	e.update(1, func(tx storage.Tx) error { return tx.DeleteRecords("c", ids) })
	e.equal("after their deletion", len(e.ids(1, storage.Query{})), 10*posts)
}

func expiry(e *env) {
	e.put(1, expiring(change("a", "x"), 60), change("b", "x"))
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
	e.put(1, expiring(change("a", "x"), 60), change("b", "x"))
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
