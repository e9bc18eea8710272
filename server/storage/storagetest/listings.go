package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

func listings(e *env) {
	for i, id := range []bso.ID{"b", "A", "a"} {
		e.put(1, weighing(change(id, "x"), int64(i%2)))
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

func pages(e *env) {
	// Several records share a time, and several a sortindex or the lack of one.
	for i := range 5 {
		var changes []storage.Change
		for j := range 5 {
			c := change(bso.ID(fmt.Sprint(j, i)), "x")
			if j > 1 {
				c = weighing(c, int64(j%3-1))
			}
			changes = append(changes, c)
		}
		e.put(1, changes...)
		e.now = e.now.Add(time.Second)
	}
	for name, order := range map[string]storage.Sort{"oldest": storage.SortOldest, "newest": storage.SortNewest, "by sortindex": storage.SortIndex} {
		whole := storage.Query{Collection: "c", Sort: order, Older: storage.AnyTime}
		want := e.ids(1, whole)
		e.equal(name+", all", len(want), 25)
		e.view(1, func(v storage.View) error {
			page, err := v.Page(whole)
			e.equal(name+", all on one page", []any{page.Records, page.Next == nil}, []any{25, true})
			return err
		})
		for _, limit := range []int64{1, 7, 25} {
			q := whole
			q.Limit = limit
			var got []bso.ID
			for n := int64(0); n < 25; n += limit {
				e.view(1, func(v storage.View) error {
					page, err := v.Page(q)
					e.ok(err)
					e.equal(fmt.Sprintf("%s, records after %d of 25 in pages of %d", name, n, limit), page.Records, min(limit, 25-n))
					e.equal("there is a next page", page.Next != nil, n+limit < 25)
					records := int64(0)
					err = v.Records(q, func(r *storage.Record) error {
						records++
						got = append(got, r.ID)
						return nil
					})
					e.equal("records listed", records, page.Records)
					if reader, ok := v.(storage.ListReader); ok && order != storage.SortIndex {
						e.listing(v, reader, q)
					}
					q.After = page.Next
					return err
				})
				if q.After == nil {
					break
				}
			}
			e.equal(fmt.Sprintf("%s, in pages of %d", name, limit), got, want)
		}
	}
}

// listing fails if a ListReader lists something else for q than the View does.
func (e *env) listing(v storage.View, reader storage.ListReader, q storage.Query) {
	e.Helper()
	for _, collection := range []string{q.Collection, "none"} {
		q.Collection = collection
		at, err := v.Modified(collection, "")
		e.ok(err)
		var all, listed []string
		take := func(into *[]string) func(*storage.Record) error {
			return func(r *storage.Record) error {
				*into = append(*into, fmt.Sprintf("%+v", *r))
				return nil
			}
		}
		e.ok(v.Records(q, take(&all)))
		var times []bso.Timestamp
		e.ok(reader.List(q, func(at bso.Timestamp) error {
			times = append(times, at)
			e.equal("records before the time", len(listed), 0)
			return nil
		}, take(&listed)))
		e.equal("the time of a listing", times, []bso.Timestamp{at})
		e.equal("a listing with its time", listed, all)
		stop := errors.New("stop")
		err = reader.List(q, func(bso.Timestamp) error { return stop }, func(*storage.Record) error { return errors.New("a record came") })
		if !errors.Is(err, stop) {
			e.Errorf("a listing whose time is refused: %v", err)
		}
	}
}

// measuring keeps two cases from counting each other's memory.
var measuring sync.Mutex

// lazyListings looks at the memory of the process while a listing is under way.
func lazyListings(e *env) {
	const number, size = 64, 64 << 10
	measuring.Lock()
	defer measuring.Unlock()
	payload := string(bytes.Repeat([]byte{'x'}, size))
	for i := range number / 8 {
		var changes []storage.Change
		for j := range 8 {
			changes = append(changes, weighing(change(bso.ID(fmt.Sprint(i, "-", j)), payload), int64(j)))
		}
		e.put(1, changes...)
	}
	for name, q := range map[string]storage.Query{
		"the oldest first": {Sort: storage.SortOldest},
		"the newest first": {Sort: storage.SortNewest},
		"by sortindex":     {Sort: storage.SortIndex},
		"a page":           {Sort: storage.SortOldest, Limit: number},
	} {
		q.Collection, q.Older = "c", storage.AnyTime
		before, n := heap(), 0
		e.view(1, func(v storage.View) error {
			return v.Records(q, func(r *storage.Record) error {
				if n++; len(r.Payload) != size {
					e.Errorf("%s: a payload of %d bytes", name, len(r.Payload))
				}
				if n == 1 || n == number {
					if held := heap() - before; held > number*size/2 {
						e.Errorf("%s: the listing holds %d bytes at record %d of %d bytes each", name, held, n, size)
					}
				}
				return nil
			})
		})
		e.equal(name+": listed", n, number)

		stop := errors.New("stop")
		n = 0
		err := e.b.View(e.Context(), 1, func(v storage.View) error {
			return v.Records(q, func(*storage.Record) error { n++; return stop })
		})
		if !errors.Is(err, stop) || n != 1 {
			e.Errorf("%s: a listing that is stopped goes on to record %d: %v", name, n, err)
		}
	}
}

// heap is the number of bytes in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
