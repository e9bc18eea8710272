package enginetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
)

// notes is the smallest honest engine: all state is one JSON file that is
// replaced whole. A record is {"id","name","text"}; two of one name are the same.
type notes struct {
	mu   sync.Mutex
	path string
	disk
	engine.Bell
}

type disk struct {
	Association engine.Association
	Since       engine.Timestamp
	Notes       map[engine.ID]*note
	Staged      map[engine.ID]staged
	Sent        map[engine.ID]sent
	Attempts    map[engine.ID]int
}

type note struct {
	Local   json.RawMessage // nil: deleted
	Mirror  json.RawMessage // nil: not known to be on the server
	Changes int
	Refused int
}

type staged struct {
	Payload json.RawMessage
	Err     string
}

type sent struct {
	Payload json.RawMessage
	Changes int
}

func openNotes(path string) (*notes, error) {
	n := &notes{path: path}
	n.clear()
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return nil, err
	}
	return n, json.Unmarshal(raw, &n.disk)
}

func (n *notes) clear() {
	n.disk = disk{Notes: map[engine.ID]*note{}, Staged: map[engine.ID]staged{}, Sent: map[engine.ID]sent{}, Attempts: map[engine.ID]int{}}
}

// do runs f as a transaction.
func (n *notes) do(ctx context.Context, f func() error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	raw, err := json.Marshal(n.disk)
	if err != nil {
		return err
	}
	return os.WriteFile(n.path, raw, 0o600)
}

func (n *notes) Collection() string { return "notes" }
func (n *notes) Version() int       { return 1 }

func (n *notes) Association(ctx context.Context) (a engine.Association, err error) {
	err = n.do(ctx, func() error { a = n.disk.Association; return nil })
	return a, err
}

func (n *notes) Reset(ctx context.Context, a engine.Association) error {
	return n.do(ctx, func() error {
		kept := n.Notes
		n.clear()
		n.disk.Association = a
		for id, x := range kept {
			if x.Local != nil {
				n.Notes[id] = &note{Local: x.Local, Changes: 1}
			}
		}
		return nil
	})
}

func (n *notes) Wipe(ctx context.Context) error {
	return n.do(ctx, func() error { n.clear(); return nil })
}

func (n *notes) Changes(ctx context.Context) (count int, err error) {
	err = n.do(ctx, func() error {
		for _, x := range n.Notes {
			if x.due() {
				count++
			}
		}
		return nil
	})
	return count, err
}

func (x *note) due() bool { return x.Changes > 0 && x.Changes != x.Refused }

func (n *notes) Begin(ctx context.Context, start engine.Start) (engine.Session, error) {
	s := &session{n: n, prefer: start.Prefer}
	err := n.do(ctx, func() error {
		clear(n.Staged)
		for id, attempts := range n.Attempts {
			if attempts < 3 {
				s.retry = append(s.retry, id)
			}
		}
		return nil
	})
	return s, err
}

// edit runs f as a transaction of the user's.
func (n *notes) edit(ctx context.Context, f func() error) error {
	if err := n.do(ctx, f); err != nil {
		return err
	}
	n.Ring()
	return nil
}

func (n *notes) put(ctx context.Context, id engine.ID, payload []byte) error {
	return n.edit(ctx, func() error {
		x := n.Notes[id]
		if x == nil {
			x = &note{}
			n.Notes[id] = x
		}
		x.Local = payload
		x.Changes++
		return nil
	})
}

func (n *notes) delete(ctx context.Context, id engine.ID) error {
	return n.edit(ctx, func() error { n.remove(id); return nil })
}

func (n *notes) remove(id engine.ID) {
	x := n.Notes[id]
	s, maybe := n.Sent[id]
	switch {
	case x.Mirror == nil && maybe:
		x.Mirror = s.Payload
	case x.Mirror == nil:
		delete(n.Notes, id)
		return
	}
	x.Local = nil
	x.Changes++
}

type session struct {
	n      *notes
	prefer engine.Side
	retry  []engine.ID
	out    []engine.Outgoing
}

func (s *session) Since() engine.Timestamp {
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	return s.n.disk.Since
}

func (s *session) Retry() []engine.ID { return s.retry }

func (s *session) Stage(ctx context.Context, page []engine.Incoming) error {
	return s.n.do(ctx, func() error {
		for _, in := range page {
			x := staged{Payload: bytes.Clone(in.Payload)}
			if in.Err != nil {
				x.Err = in.Err.Error()
			} else if in.Payload != nil && field(in.Payload, "name") == "" {
				x = staged{Err: "it has no name"}
			}
			s.n.Staged[in.ID] = x
		}
		return nil
	})
}

func (s *session) Merge(ctx context.Context, at engine.Timestamp) (m engine.Merged, err error) {
	n := s.n
	err = n.do(ctx, func() error {
		for _, id := range s.retry {
			if _, ok := n.Staged[id]; !ok {
				n.Attempts[id]++
			}
		}
		for _, id := range slices.Sorted(maps.Keys(n.Staged)) {
			s.one(id, n.Staged[id], &m)
		}
		clear(n.Staged)
		clear(n.Sent)
		for _, id := range slices.Sorted(maps.Keys(n.Notes)) {
			if x := n.Notes[id]; x.due() {
				n.Sent[id] = sent{x.Local, x.Changes}
				s.out = append(s.out, engine.Outgoing{ID: id, Payload: x.Local})
			}
		}
		m.Outgoing = len(s.out)
		n.disk.Since = max(n.disk.Since, at)
		return nil
	})
	return m, err
}

func (s *session) one(id engine.ID, in staged, m *engine.Merged) {
	n := s.n
	if in.Err != "" {
		m.Failed++
		if n.Attempts[id]++; n.Attempts[id] == 1 {
			m.NewFailed++
		}
		m.Problems = append(m.Problems, engine.Problem{ID: id, Err: errors.New(in.Err)})
		return
	}
	delete(n.Attempts, id)
	x := n.Notes[id]
	if in.Payload == nil {
		switch {
		case x == nil:
		case x.Local != nil && x.Changes > 0:
			x.Mirror = nil
		default:
			if x.Local != nil {
				m.Applied++
			}
			delete(n.Notes, id)
		}
		return
	}
	if x == nil {
		x = &note{}
		for other, y := range n.Notes {
			if y.Local != nil && field(y.Local, "name") == field(in.Payload, "name") {
				n.remove(other)
			}
		}
		n.Notes[id] = x
	}
	base := x.Mirror
	if s, ok := n.Sent[id]; ok && bytes.Equal(s.Payload, in.Payload) {
		base = in.Payload
	}
	unchanged := x.Changes == 0 || bytes.Equal(x.Local, in.Payload)
	theirs := !bytes.Equal(base, in.Payload)
	x.Mirror = in.Payload
	if unchanged || theirs && s.prefer != engine.PreferLocal {
		if !bytes.Equal(x.Local, in.Payload) {
			m.Applied++
		}
		x.Local, x.Changes, x.Refused = in.Payload, 0, 0
	}
}

func (s *session) Outgoing(ctx context.Context, max int) ([]engine.Outgoing, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	page := s.out[:min(max, len(s.out))]
	s.out = s.out[len(page):]
	return page, nil
}

func (s *session) Uploaded(ctx context.Context, r engine.Receipt) error {
	n := s.n
	return n.do(ctx, func() error {
		for _, id := range r.Stored {
			x, up := n.Notes[id], n.Sent[id]
			x.Mirror, x.Refused = up.Payload, 0
			x.Changes -= up.Changes
			if x.Local == nil && x.Changes == 0 {
				delete(n.Notes, id)
			}
			delete(n.Sent, id)
		}
		for _, refusal := range r.Refused {
			if refusal.Permanent {
				n.Notes[refusal.ID].Refused = n.Sent[refusal.ID].Changes
			}
		}
		n.disk.Since = max(n.disk.Since, r.At)
		return nil
	})
}

func (s *session) End(ctx context.Context, _ error) error {
	return s.n.do(ctx, func() error { clear(s.n.Staged); return nil })
}

func field(payload []byte, name string) string {
	var o map[string]any
	if json.Unmarshal(payload, &o) != nil {
		return ""
	}
	text, _ := o[name].(string)
	return text
}

// base is the engine behind whatever a test wrapped around it.
func base(e engine.Engine) *notes {
	for {
		switch x := e.(type) {
		case *notes:
			return x
		case *broken:
			e = x.Engine
		}
	}
}

func harness() enginetest.Harness {
	return enginetest.Harness{
		Open: func(t testing.TB, dir string) engine.Engine {
			n, err := openNotes(filepath.Join(dir, "notes.json"))
			if err != nil {
				t.Fatal(err)
			}
			return n
		},
		Close: func(testing.TB, engine.Engine) {},
		Incoming: func(i, version int) engine.Incoming {
			id := engine.ID(fmt.Sprintf("remote-%06d", i))
			return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","name":"%d","text":"%d"}`, id, i, version)}
		},
		Add: func(ctx context.Context, e engine.Engine, i int) (engine.ID, error) {
			id := engine.ID(fmt.Sprintf("local-%06d", i))
			return id, base(e).put(ctx, id, fmt.Appendf(nil, `{"id":"%s","name":"%d","text":"0"}`, id, i))
		},
		Edit: func(ctx context.Context, e engine.Engine, id engine.ID, version int) error {
			n := base(e)
			n.mu.Lock()
			var o map[string]json.RawMessage
			err := json.Unmarshal(n.Notes[id].Local, &o)
			n.mu.Unlock()
			if err != nil {
				return err
			}
			o["text"] = fmt.Appendf(nil, `"%d"`, version)
			payload, err := json.Marshal(o)
			if err != nil {
				return err
			}
			return n.put(ctx, id, payload)
		},
		Delete: func(ctx context.Context, e engine.Engine, id engine.ID) error { return base(e).delete(ctx, id) },
		Versions: func(_ context.Context, e engine.Engine) (map[engine.ID]int, error) {
			n := base(e)
			n.mu.Lock()
			defer n.mu.Unlock()
			all := make(map[engine.ID]int)
			for id, x := range n.Notes {
				if x.Local != nil {
					var version int
					if _, err := fmt.Sscan(field(x.Local, "text"), &version); err != nil {
						return nil, err
					}
					all[id] = version
				}
			}
			return all, nil
		},
		Invalid:    []byte(`{"id":"remote-000000"}`),
		Duplicates: true,
		Unknown:    true,
		Many:       150, // each transaction writes the whole file
	}
}

func TestReferenceEngineKeepsTheContract(t *testing.T) { enginetest.Run(t, harness()) }
