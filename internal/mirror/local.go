package mirror

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// Get returns the record that the user has under id, or [engine.ErrNotFound].
func (t *Tx[R]) Get(id engine.ID) (r R, err error) {
	payload, err := t.payload(id)
	if err != nil {
		return r, err
	}
	return decodeStored[R](payload)
}

// payload is Get of the record as it is in the file.
func (t *Tx[R]) payload(id engine.ID) ([]byte, error) {
	r, err := t.row(sqlRow, id)
	if err != nil {
		return nil, err
	}
	if r == nil || r.deleted {
		return nil, engine.ErrNotFound
	}
	return r.content(), nil
}

// Find returns the ID of the record that has the dedupe key, or "".
func (t *Tx[R]) Find(key []byte) (engine.ID, error) {
	return t.holder(t.store.stored(key))
}

// Same returns the record that has the dedupe key of r, by [Schema.Dedupe], or
// [engine.ErrNotFound].
func (t *Tx[R]) Same(r *R) (same R, err error) {
	key := t.store.schema.dedupe(r)
	if key == nil {
		return same, engine.ErrNotFound
	}
	id, err := t.Find(key)
	if err == nil && id == "" {
		err = engine.ErrNotFound
	}
	if err != nil {
		return same, err
	}
	return t.Get(id)
}

// holder is the record whose dedupe key is in the file as stored.
func (t *Tx[R]) holder(stored []byte) (engine.ID, error) {
	r, err := t.row(sqlByKey, stored)
	if err != nil || r == nil {
		return "", err
	}
	return r.id, nil
}

// Loose returns the user's records that have the loose key; see [Keys].
func (t *Tx[R]) Loose(key []byte) ([]R, error) {
	found, err := t.loose(t.store.stored(key))
	if err != nil {
		return nil, err
	}
	records := make([]R, len(found))
	for i, other := range found {
		if records[i], err = decodeStored[R](other.content()); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// Now is the time of the store's clock.
func (t *Tx[R]) Now() time.Time { return t.store.now() }

// Undated says that what follows comes from elsewhere, and nobody knows how old it is:
// it is not newer than anything that another device wrote.
func (t *Tx[R]) Undated() { t.undated = true }

// Add adds r as a new record, under a new ID if it has none. An [engine.DuplicateError]
// names the record that has its ID or its dedupe key already.
func (t *Tx[R]) Add(r *R) error {
	schema := &t.store.schema
	if schema.Complete != nil {
		if err := schema.Complete(r, nil); err != nil {
			return &engine.InvalidError{Reason: err}
		}
	}
	id := schema.ID(r)
	if *id == "" {
		*id = schema.NewID(t.store.random)
	}
	payload, err := t.store.encode(r)
	if err != nil {
		return err
	}
	return t.add(*id, payload)
}

// Update changes the record that has r's ID to r, or returns [engine.ErrNotFound].
func (t *Tx[R]) Update(r *R) error {
	schema := &t.store.schema
	id := *schema.ID(r)
	was, err := t.payload(id)
	if err != nil {
		return err
	}
	if schema.Complete != nil {
		old, err := decodeStored[R](was)
		if err != nil {
			return err
		}
		if err := schema.Complete(r, &old); err != nil {
			return &engine.InvalidError{Reason: err}
		}
	}
	text, err := t.store.encode(r)
	if err != nil {
		return err
	}
	payload, err := t.store.patch(was, text)
	if err != nil {
		return err
	}
	return t.put(id, payload)
}

// encode writes a record, and returns an error if [Schema.Fields] does not list all of it:
// what is not listed could never be removed again.
func (s *Store[R]) encode(r *R) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if !isObject(text) {
		return nil, errNotObject
	}
	if name := s.written.unlisted(text); name != "" {
		return nil, fmt.Errorf("a record has the field %q, which the engine's schema does not list", name)
	}
	return text, nil
}

// patch writes what R wrote over a record; see [Schema.Fields].
func (s *Store[R]) patch(old, written []byte) ([]byte, error) {
	var seen []byte
	if s.lists {
		r, err := decodeStored[R](old)
		if err != nil {
			return nil, err
		}
		if seen, err = json.Marshal(r); err != nil {
			return nil, err
		}
	}
	return patch(old, seen, written, s.written)
}

// Put adds r under its ID, or changes the record there to r.
func (t *Tx[R]) Put(r *R) error {
	err := t.Update(r)
	if errors.Is(err, engine.ErrNotFound) {
		return t.Add(r)
	}
	return err
}

// Delete deletes the user's record, or returns [engine.ErrNotFound].
func (t *Tx[R]) Delete(id engine.ID) error {
	r, err := t.row(sqlRow, id)
	if err != nil {
		return err
	}
	if r == nil || r.deleted {
		return engine.ErrNotFound
	}
	t.changed = append(t.changed, id)
	return t.remove(r)
}

// add adds a new record. It is the quick way: one statement, where put takes three.
func (t *Tx[R]) add(id engine.ID, payload []byte) error {
	in, err := t.store.checked(id, payload)
	if err != nil {
		return err
	}
	if in.keys.Loose != nil {
		if err := t.noTwin(id, in, nil); err != nil {
			return err
		}
	}
	sealed, err := t.store.seal(id, in.payload)
	if err != nil {
		return err
	}
	n, err := t.exec(sqlAdd, id, sealed, t.moment(), in.keys.Dedupe, in.keys.Loose)
	if err != nil || n == 1 {
		t.changed = append(t.changed, id)
		return err
	}
	r, err := t.row(sqlRow, id)
	if err != nil {
		return err
	}
	if r != nil && !r.deleted {
		return &engine.DuplicateError{ID: id}
	}
	return t.put(id, in.payload) // under the ID of one that was deleted, or a duplicate
}

// put adds the record, or changes the one with its ID. Nothing happens if it
// says what is there already. An [engine.DuplicateError] names the record that has the
// same dedupe key.
func (t *Tx[R]) put(id engine.ID, payload []byte) error {
	in, err := t.store.checked(id, payload)
	if err != nil {
		return err
	}
	r, err := t.row(sqlRow, id)
	if err != nil {
		return err
	}
	if err := t.noTwin(id, in, r); err != nil {
		return err
	}
	if r != nil && !r.deleted {
		if same(r.content(), in.payload) {
			return nil
		}
		if err := t.store.schema.readOnly(r.content()); err != nil {
			return err
		}
	}
	sealed, err := t.store.seal(id, in.payload)
	if err != nil {
		return err
	}
	t.changed = append(t.changed, id)
	if r == nil {
		_, err = t.exec(sqlAdd, id, sealed, t.moment(), in.keys.Dedupe, in.keys.Loose)
		return err
	}
	edited := r.edited
	if !t.undated {
		// The edit is of what the server had then, whatever the two clocks say.
		edited = max(t.moment(), int64(r.modified)*10+1)
	}
	_, err = t.exec(sqlEdit, r.n, sealed, edited, in.keys.Dedupe, in.keys.Loose)
	return err
}

// moment is when the user made a change, in Unix milliseconds; 0: nobody knows.
func (t *Tx[R]) moment() int64 {
	if t.undated {
		return 0
	}
	return t.store.now().UnixMilli()
}

// noTwin returns an [engine.DuplicateError] where a record other than id is the same thing.
// One that r, the record under id as it is, was the same as already, is not counted.
func (t *Tx[R]) noTwin(id engine.ID, in content, r *row) error {
	if in.keys.Dedupe != nil {
		other, err := t.holder(in.keys.Dedupe)
		if err != nil {
			return err
		}
		if other != "" && other != id {
			return &engine.DuplicateError{ID: other}
		}
	}
	if in.keys.Loose == nil {
		return nil
	}
	if r != nil && !r.deleted {
		if was, _ := t.store.check(r.content()); bytes.Equal(in.keys.Dedupe, was.Dedupe) {
			return nil
		}
	}
	found, err := t.loose(in.keys.Loose)
	if err != nil {
		return err
	}
	for _, other := range found {
		if other.id != id && t.store.schema.matches(in.payload, other.content()) {
			return &engine.DuplicateError{ID: other.id}
		}
	}
	return nil
}

// content is what a record says, and its keys as they stand in the file.
type content struct {
	payload []byte
	keys    Keys
}

// checked returns a payload with its ID in it, and its keys.
func (s *Store[R]) checked(id engine.ID, payload []byte) (c content, err error) {
	if !id.Valid() {
		return c, &engine.InvalidError{Reason: fmt.Errorf("%.70q cannot be a record's id", id)}
	}
	if c.payload, err = withID(payload, id); err != nil {
		return c, err
	}
	if c.keys, err = s.check(c.payload); err != nil {
		return c, &engine.InvalidError{Reason: err}
	}
	return c, nil
}
