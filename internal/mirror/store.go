package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
)

// Synced is what an engine on this package is to the sync manager.
type Synced interface {
	engine.Engine
	engine.Watcher
	engine.Notifier
	engine.Counter
	engine.Troubled
	engine.Clearer
	io.Closer
	// Watch yields what changes from now on; see [Store.Watch].
	Watch(ctx context.Context) iter.Seq[engine.Change]
}

// Store is an open store of records of type R, which must go through encoding/json to an
// object and back. Fields of a record that R does not have stay as they are. It is safe
// for concurrent use.
type Store[R any] struct {
	*core
	kind   Kind[R]
	fields fieldSet
}

// Kind tells a Store about its type of records.
type Kind[R any] struct {
	// Fields are all that R may write, "entry.name" for one of an object within the
	// record: one of them that R leaves out is taken away from the record.
	Fields []string
	// ID is where R has its ID.
	ID func(*R) *engine.ID
	// NewID makes the ID of a new record; nil: engine.NewID.
	NewID func(random io.Reader) engine.ID
	// Complete checks what the user wants to keep, and fills in what follows from it;
	// old is the record as it was, nil for a new one. nil: nothing is to be done.
	Complete func(r, old *R) error
	// Merge, if not nil, becomes Rules.Merge: where both sides of a record changed, it
	// returns what is to stand. base is their common past, or nil. Fields that R does
	// not have are merged field by field. If it panics, that is how it fails.
	Merge func(base *R, local, remote R) R
}

// Open opens the store at c.Path, and creates it when it is not there.
func Open[R any](ctx context.Context, rules Rules, kind Kind[R], c engine.StoreConfig) (*Store[R], error) {
	if c.Path == "" || c.Now == nil || c.Rand == nil {
		return nil, fmt.Errorf("%s: the configuration needs Path, Now and Rand", rules.Collection)
	}
	if kind.NewID == nil {
		kind.NewID = engine.NewID
	}
	s := &Store[R]{kind: kind, fields: newFieldSet(kind.Fields)}
	if kind.Merge != nil {
		rules.Merge = s.merge
	}
	var err error
	if s.core, err = open(ctx, rules, options{StoreConfig: c}); err != nil {
		return nil, fmt.Errorf("%s: %w", rules.Collection, err)
	}
	return s, nil
}

// merge is Rules.Merge by the kind's.
func (s *Store[R]) merge(b Both) (payload []byte, err error) {
	defer Recovered(&err, "merging it")
	var base *R
	if b.Base != nil {
		r, err := decodeRecord[R](b.Base)
		if err != nil {
			return nil, err
		}
		base = &r
	}
	local, err := decodeRecord[R](b.Local)
	if err != nil {
		return nil, err
	}
	remote, err := decodeRecord[R](b.Remote)
	if err != nil {
		return nil, err
	}
	id := *s.kind.ID(&remote)
	merged := s.kind.Merge(base, local, remote)
	*s.kind.ID(&merged) = id
	written, err := json.Marshal(merged)
	if err != nil {
		return nil, err
	}
	return patch(b.Fields, written, s.fields)
}

// Recovered makes an error of a panic in what an app supplied, where it is deferred:
// so one record fails and no sync. A value that is no runtime error may hold a
// secret: its type alone is told.
func Recovered(err *error, doing string) {
	switch p := recover().(type) {
	case nil:
	case runtime.Error:
		*err = fmt.Errorf("%s panicked: %w", doing, p)
	default:
		*err = fmt.Errorf("%s panicked with a %T", doing, p)
	}
}

// Add adds a new record, and returns it as it was kept: with an ID if it had none.
// *DuplicateError names the record that has its ID or its content already.
func (s *Store[R]) Add(ctx context.Context, r R) (R, error) {
	err := s.Edit(ctx, func(e *Records[R]) error { return e.Add(&r) })
	return r, err
}

// Update changes the record that has r's ID to r, and returns it as it was kept.
func (s *Store[R]) Update(ctx context.Context, r R) (R, error) {
	err := s.Edit(ctx, func(e *Records[R]) error { return e.Update(&r) })
	return r, err
}

// Delete deletes the record, here and with the next sync everywhere, or returns
// ErrNotFound.
func (s *Store[R]) Delete(ctx context.Context, id engine.ID) error {
	return s.Edit(ctx, func(e *Records[R]) error { return e.Delete(id) })
}

// Get returns the record that the user has under id, or ErrNotFound.
func (s *Store[R]) Get(ctx context.Context, id engine.ID) (r R, err error) {
	payload, err := s.get(ctx, id)
	if err != nil {
		return r, err
	}
	return decodeRecord[R](payload)
}

// Many returns those of the records that the user has, in no order.
func (s *Store[R]) Many(ctx context.Context, ids []engine.ID) ([]R, error) {
	payloads, err := s.many(ctx, ids)
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

// List yields the user's records in the order in which they came. Nothing is held while
// the caller works on one: a record that is changed meanwhile may come as it was or as it
// is.
func (s *Store[R]) List(ctx context.Context) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for payload, err := range s.list(ctx) {
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

// Decode reads a record that came from elsewhere. Its error names the field, and
// nothing that the record holds.
func Decode[R any](payload []byte) (r R, err error) {
	err = json.Unmarshal(payload, &r)
	var field *json.UnmarshalTypeError
	switch {
	case err == nil:
		return r, nil
	case errors.As(err, &field) && field.Field != "":
		return r, fmt.Errorf("its %s is not what it should be", field.Field)
	}
	return r, errors.New("it is not what it should be")
}

// Check makes a Rules.Check of one that takes a decoded record. What cannot be decoded is
// not a record.
func Check[R any](check func(*R) (Keys, error)) func(payload []byte) (Keys, error) {
	return func(payload []byte) (Keys, error) {
		r, err := Decode[R](payload)
		if err != nil {
			return Keys{}, err
		}
		return check(&r)
	}
}

// Edit runs f in the store's one write transaction, and keeps what it did if it returns
// nil. f must be quick: a sync and other edits wait for it.
func (s *Store[R]) Edit(ctx context.Context, f func(*Records[R]) error) error {
	return s.change(ctx, func(e *userTx) error { return f(&Records[R]{e, s}) })
}

// Records is a transaction of the user's changes to records of type R. All of them
// are kept, or none.
type Records[R any] struct {
	*userTx
	store *Store[R]
}

// Get returns the record that the user has under id, or ErrNotFound.
func (e *Records[R]) Get(id engine.ID) (r R, err error) {
	payload, err := e.get(id)
	if err != nil {
		return r, err
	}
	return decodeRecord[R](payload)
}

// Loose returns the records that have the loose key; see [Keys].
func (e *Records[R]) Loose(key []byte) ([]R, error) {
	payloads, err := e.loose(key)
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

// Add adds r as a new record, under a new ID if it has none.
func (e *Records[R]) Add(r *R) error {
	kind := &e.store.kind
	if kind.Complete != nil {
		if err := kind.Complete(r, nil); err != nil {
			return &engine.InvalidError{Reason: err}
		}
	}
	id := kind.ID(r)
	if *id == "" {
		*id = kind.NewID(e.store.random)
	}
	payload, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return e.add(*id, payload)
}

// Update changes the record that has r's ID to r.
func (e *Records[R]) Update(r *R) error {
	kind := &e.store.kind
	id := *kind.ID(r)
	was, err := e.get(id)
	if err != nil {
		return err
	}
	if kind.Complete != nil {
		old, err := decodeRecord[R](was)
		if err != nil {
			return err
		}
		if err := kind.Complete(r, &old); err != nil {
			return &engine.InvalidError{Reason: err}
		}
	}
	written, err := json.Marshal(r)
	if err != nil {
		return err
	}
	payload, err := patch(was, written, e.store.fields)
	if err != nil {
		return err
	}
	return e.put(id, payload)
}

// Put adds r under its ID, or changes the record there to r.
func (e *Records[R]) Put(r *R) error {
	err := e.Update(r)
	if errors.Is(err, engine.ErrNotFound) {
		return e.Add(r)
	}
	return err
}

// A fieldSet names fields of an object, each with those of the object that it
// holds; nil: all that it holds.
type fieldSet map[string]fieldSet

func newFieldSet(names []string) fieldSet {
	set := make(fieldSet)
	for _, name := range names {
		at := set
		for {
			first, rest, nested := strings.Cut(name, ".")
			if !nested {
				at[first] = nil
				break
			}
			if at[first] == nil {
				at[first] = make(fieldSet)
			}
			at, name = at[first], rest
		}
	}
	return set
}

// patch writes the fields over old. A value that means the same keeps its text,
// and a field that is not one of fields stays.
func patch(old, written []byte, fields fieldSet) ([]byte, error) {
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
		within, ours := fields[m.name]
		switch {
		case !given && ours:
			continue
		case !given || equal(have.get(m.name), want.get(m.name)):
		case within != nil:
			if patched, err := patch(m.value, want[i].value, within); err == nil {
				m.value = patched
				break
			}
			m = want[i] // one of the two is no object
		default:
			m = want[i]
		}
		out = append(out, m)
	}
	for _, m := range want {
		if _, there := have.find(m.name); !there {
			out = append(out, m)
		}
	}
	return out.append(nil), nil
}
