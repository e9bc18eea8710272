package storage

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// maxWaiting is the default of Config.MaxBatches.
	maxWaiting = 4096
	// abandonedAfter is how long after the last addition a batch may be dropped to make room
	// for others. A client sends the posts of a batch one right after the other.
	abandonedAfter = 10 * time.Minute
	// sweepStep is how many batches one request drops at most.
	sweepStep = 16
)

// batchID names a batch.
type batchID struct {
	uid        int64
	collection string
	token      string
}

// waiting counts the batches of all users that wait for their commit. It knows those
// that were started or added to since the process started; a purge removes older ones when
// they expire. A batch that another request of its user dropped counts
// until it is taken for abandoned. It is safe for concurrent use.
type waiting struct {
	most int
	room func() int64 // nil: any number of bytes
	now  func() time.Time

	mu    sync.Mutex
	bytes int64
	all   map[batchID]*waiter
}

// waiter is one batch. Bytes include the Overhead of the batch and of each record.
type waiter struct {
	bytes int64
	used  time.Time
	busy  int // requests that are adding to it
}

func newWaiting(most int, room func() int64, now func() time.Time) *waiting {
	return &waiting{most: cmp.Or(most, maxWaiting), room: room, now: now, all: make(map[batchID]*waiter)}
}

// grant is room for what one request adds to a batch. Call end when the request is done.
type grant struct {
	w     *waiting
	id    batchID
	bytes int64
}

// begin takes room for n bytes in a batch. An unknown batch counts as a new one.
// A request that commits is never refused, since it makes room.
func (w *waiting) begin(id batchID, n int64, commits bool) (*grant, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.all[id]
	if b == nil {
		n += Overhead
	}
	if !commits && (b == nil && len(w.all) >= w.most || w.room != nil && w.bytes+n > w.room()) {
		return nil, false
	}
	if b == nil {
		b = &waiter{}
		w.all[id] = b
	}
	b.busy++
	b.used = w.now()
	b.bytes += n
	w.bytes += n
	return &grant{w, id, n}, true
}

// end ends the grant. If the request was done, the batch has that size now. Otherwise it is
// as before. A batch that is gone is no longer counted.
func (g *grant) end(done, gone bool, size BatchSize) {
	w := g.w
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.all[g.id]
	b.busy--
	was := b.bytes
	switch {
	case !done:
		b.bytes -= g.bytes
	case b.busy == 0:
		b.bytes = size.Bytes + Overhead*(size.Records+1)
	}
	w.bytes += b.bytes - was
	if b.busy == 0 && (gone || b.bytes <= 0) {
		w.bytes -= b.bytes
		delete(w.all, g.id)
	}
}

// BatchBytes returns what the batches take, overhead included, that were started or added to
// since the Service was made and wait for their commit.
func (s *Service) BatchBytes() int64 {
	s.waiting.mu.Lock()
	defer s.waiting.mu.Unlock()
	return s.waiting.bytes
}

// forget stops counting the batches of a user, in one collection unless it is "".
func (w *waiting) forget(uid int64, collection string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, b := range w.all {
		if id.uid == uid && (collection == "" || id.collection == collection) && b.busy == 0 {
			w.bytes -= b.bytes
			delete(w.all, id)
		}
	}
}

// abandoned forgets up to sweepStep batches to which nothing was added for abandonedAfter,
// and returns them, the one unused longest first.
func (w *waiting) abandoned() []batchID {
	w.mu.Lock()
	defer w.mu.Unlock()
	limit := w.now().Add(-abandonedAfter)
	ids := slices.SortedFunc(maps.Keys(w.all), func(a, b batchID) int { return w.all[a].used.Compare(w.all[b].used) })
	ids = slices.DeleteFunc(ids, func(id batchID) bool { return w.all[id].busy > 0 || w.all[id].used.After(limit) })
	ids = ids[:min(len(ids), sweepStep)]
	for _, id := range ids {
		w.bytes -= w.all[id].bytes
		delete(w.all, id)
	}
	return ids
}

// makeBatchRoom takes room for an upload in a batch. If there is none, it drops abandoned
// batches; their clients are told that the batches do not exist, and start again.
func (s *Service) makeBatchRoom(ctx context.Context, id batchID, commits bool, u *upload) (*grant, error) {
	n := int64(len(u.changes)) * Overhead
	for i := range u.changes {
		n += int64(len(u.changes[i].Payload))
	}
	for {
		if g, ok := s.waiting.begin(id, n, commits); ok {
			return g, nil
		}
		dropped := s.waiting.abandoned()
		if len(dropped) == 0 {
			return nil, ErrBatches
		}
		for _, old := range dropped {
			err := s.backend.Update(ctx, old.uid, Deferred, func(tx Tx) error { return tx.DropBatch(old.token) })
			if err != nil { // such as a damaged file, which must not keep other users from storing
				s.log.ErrorContext(ctx, "cannot drop an abandoned batch", "uid", old.uid, "err", err)
			}
		}
	}
}
