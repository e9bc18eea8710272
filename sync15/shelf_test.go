package sync15_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"github.com/syncmanager/syncmanager/engine"
)

// shelf is an engine in memory: texts by ID, the newer one wins. It fulfils the contract, and
// has a hook for tests at each step.
type shelf struct {
	mu         sync.Mutex
	collection string
	version    int
	assoc      engine.Association
	since      engine.Timestamp
	items      map[engine.ID]string
	dirty      map[engine.ID]int
	gone       map[engine.ID]bool
	refused    map[engine.ID]bool
	retry      map[engine.ID]bool
	resets     int
	wipes      int
	receipts   []engine.Receipt
	ended      []error
	start      engine.Start // of the last session
	// broken has payloads that are uploaded unchanged.
	broken map[engine.ID]string
	// at, if set, is called at each step of a session.
	at func(step string) error
}

func newShelf(collection string) *shelf {
	return &shelf{
		collection: collection, version: 1, items: map[engine.ID]string{}, dirty: map[engine.ID]int{}, gone: map[engine.ID]bool{},
		refused: map[engine.ID]bool{}, retry: map[engine.ID]bool{},
	}
}

func (s *shelf) put(id engine.ID, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[id] = text
	s.dirty[id]++
	delete(s.gone, id)
	delete(s.refused, id)
}

func (s *shelf) drop(id engine.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.items, id)
	s.gone[id] = true
	s.dirty[id]++
}

func (s *shelf) content() map[engine.ID]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.items)
}

func (s *shelf) Collection() string { return s.collection }
func (s *shelf) Version() int       { return s.version }
func (s *shelf) Association(context.Context) (engine.Association, error) {
	return s.assoc, nil
}
func (s *shelf) Reset(_ context.Context, a engine.Association) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assoc, s.since, s.resets = a, 0, s.resets+1
	for id := range s.items {
		s.dirty[id] = max(s.dirty[id], 1)
	}
	return nil
}
func (s *shelf) Wipe(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.items)
	clear(s.dirty)
	clear(s.gone)
	s.assoc, s.since, s.wipes = engine.Association{}, 0, s.wipes+1
	return nil
}
func (s *shelf) Begin(_ context.Context, start engine.Start) (engine.Session, error) {
	s.start = start
	if err := s.step("begin"); err != nil {
		return nil, err
	}
	return &shelfSession{s: s, staged: map[engine.ID]engine.Incoming{}}, nil
}

func (s *shelf) step(name string) error {
	if s.at == nil {
		return nil
	}
	return s.at(name)
}

type shelfSession struct {
	s        *shelf
	staged   map[engine.ID]engine.Incoming
	snapshot []engine.Outgoing
	counters map[engine.ID]int
	next     int
}

func (x *shelfSession) Since() engine.Timestamp { return x.s.since }
func (x *shelfSession) Retry() []engine.ID      { return slices.Sorted(maps.Keys(x.s.retry)) }
func (x *shelfSession) Stage(_ context.Context, page []engine.Incoming) error {
	for _, in := range page {
		in.Payload = bytes.Clone(in.Payload)
		x.staged[in.ID] = in
	}
	return x.s.step("stage")
}

func (x *shelfSession) Merge(_ context.Context, at engine.Timestamp) (engine.Merged, error) {
	if err := x.s.step("merge"); err != nil {
		return engine.Merged{}, err
	}
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	var m engine.Merged
	for id, in := range x.staged {
		switch {
		case in.Err != nil:
			m.Failed++
			m.Problems = append(m.Problems, engine.Problem{ID: id, Err: in.Err})
			s.retry[id] = true
			continue
		case s.dirty[id] > 0 && !s.gone[id]:
			if text, _ := shelfText(in.Payload); in.Payload != nil && text == s.items[id] {
				delete(s.dirty, id)
			}
			m.Reconciled++
		case in.Tombstone():
			delete(s.items, id)
			delete(s.dirty, id)
			m.Applied++
		default:
			text, err := shelfText(in.Payload)
			if err != nil {
				m.Failed++
				continue
			}
			s.items[id] = text
			delete(s.gone, id)
			delete(s.dirty, id)
			m.Applied++
		}
		delete(s.retry, id)
	}
	s.since = at
	x.counters = map[engine.ID]int{}
	for _, id := range slices.Sorted(maps.Keys(s.dirty)) {
		if s.refused[id] {
			continue
		}
		x.counters[id] = s.dirty[id]
		out := engine.Outgoing{ID: id}
		if !s.gone[id] {
			out.Payload, _ = json.Marshal(map[string]string{"id": string(id), "text": s.items[id]})
			if payload, is := s.broken[id]; is {
				out.Payload = []byte(payload)
			}
		}
		x.snapshot = append(x.snapshot, out)
	}
	m.Outgoing = len(x.snapshot)
	return m, nil
}

func shelfText(payload []byte) (string, error) {
	var r struct{ Text string }
	err := json.Unmarshal(payload, &r)
	return r.Text, err
}

func (x *shelfSession) Outgoing(_ context.Context, max int) ([]engine.Outgoing, error) {
	if err := x.s.step("outgoing"); err != nil {
		return nil, err
	}
	n := min(max, len(x.snapshot)-x.next)
	page := x.snapshot[x.next : x.next+n]
	x.next += n
	return page, nil
}

func (x *shelfSession) Uploaded(ctx context.Context, r engine.Receipt) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receipts = append(s.receipts, r)
	for _, id := range r.Stored {
		if s.dirty[id] -= x.counters[id]; s.dirty[id] <= 0 {
			delete(s.dirty, id)
			delete(s.gone, id)
		}
	}
	for _, refusal := range r.Refused {
		s.refused[refusal.ID] = refusal.Permanent
	}
	s.since = cmp.Or(r.At, s.since)
	return nil
}

func (x *shelfSession) End(_ context.Context, cause error) error {
	x.s.ended = append(x.s.ended, cause)
	return x.s.step("end")
}
