package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/syncmanager/syncmanager/engine"
)

// Store is Core with records of type R, which must go through encoding/json to an
// object and back. Fields of a record that R does not have stay as they are.
type Store[R any] struct {
	*Core
	fields map[string]bool
}

// NewStore returns a face of core. fields names all that R may write: one of them
// that R leaves out is taken away from the record.
func NewStore[R any](core *Core, fields ...string) *Store[R] {
	return &Store[R]{core, set(fields)}
}

// Get returns the record that the user has under id, or ErrNotFound.
func (s *Store[R]) Get(ctx context.Context, id engine.ID) (r R, err error) {
	payload, err := s.Core.Get(ctx, id)
	if err != nil {
		return r, err
	}
	return decodeRecord[R](payload)
}

// Many returns those of the records that the user has, in no order.
func (s *Store[R]) Many(ctx context.Context, ids []engine.ID) ([]R, error) {
	payloads, err := s.Core.Many(ctx, ids)
	if err != nil {
		return nil, err
	}
	records := make([]R, len(payloads))
	for i := range payloads {
		if records[i], err = decodeRecord[R](payloads[i]); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// List yields the user's records; see Core.List.
func (s *Store[R]) List(ctx context.Context) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for payload, err := range s.Core.List(ctx) {
			var r R
			if err == nil {
				r, err = decodeRecord[R](payload)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func decodeRecord[R any](payload []byte) (r R, err error) {
	if err := json.Unmarshal(payload, &r); err != nil {
		return r, fmt.Errorf("a stored record cannot be read: %w", err)
	}
	return r, nil
}

// Update runs f in one transaction; see Core.Update.
func (s *Store[R]) Update(ctx context.Context, f func(*Records[R]) error) error {
	return s.Core.Update(ctx, func(e *Edit) error { return f(&Records[R]{e, s.fields}) })
}

// Records is an Edit with records of type R.
type Records[R any] struct {
	*Edit
	fields map[string]bool
}

// Get returns the record that the user has under id, or ErrNotFound.
func (e *Records[R]) Get(id engine.ID) (r R, err error) {
	payload, err := e.Edit.Get(id)
	if err != nil {
		return r, err
	}
	return decodeRecord[R](payload)
}

// Add adds r as a new record; see Edit.Add.
func (e *Records[R]) Add(id engine.ID, r R) error {
	payload, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return e.Edit.Add(id, payload)
}

// Put adds r under id, or changes the record there; see Edit.Put.
func (e *Records[R]) Put(id engine.ID, r R) error {
	written, err := json.Marshal(r)
	if err != nil {
		return err
	}
	old, err := e.Edit.Get(id)
	if errors.Is(err, ErrNotFound) {
		return e.Edit.Put(id, written)
	}
	if err != nil {
		return err
	}
	payload, err := patch(old, written, e.fields)
	if err != nil {
		return err
	}
	return e.Edit.Put(id, payload)
}

// patch writes the fields over old. A value that means the same keeps its text,
// and a field that is not one of fields stays.
func patch(old, written []byte, fields map[string]bool) ([]byte, error) {
	have, err := parse(old)
	if err != nil {
		return nil, err
	}
	want, err := parse(written)
	if err != nil {
		return nil, err
	}
	out := make(object, 0, len(have)+len(want))
	for _, m := range have {
		i, given := want.find(m.name)
		switch {
		case !given && fields[m.name]:
		case !given || equal(have.get(m.name), want.get(m.name)):
			out = append(out, m)
		default:
			out = append(out, want[i])
		}
	}
	for _, m := range want {
		if _, there := have.find(m.name); !there {
			out = append(out, m)
		}
	}
	return out.append(nil), nil
}
