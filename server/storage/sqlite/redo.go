package sqlite

import (
	"database/sql"
	"encoding/binary"
	"errors"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

// A step in the journal is the time at which it ran, in hundredths of a second as a varint, and its
// calls. A call is one of these bytes and its arguments; see the append functions.
const (
	redoPut              = 1
	redoDeleteRecords    = 2
	redoDeleteCollection = 3
	redoDeleteAll        = 4
)

// redo is a step as the journal has it.
type redo struct {
	step   []byte
	alone  bool // the journal cannot have it
	unread bool // the journal does not get it
}

// note adds a call to the step.
func (r *redo) note(now bso.Timestamp, call func(step []byte) []byte) {
	if r == nil || r.unread || r.alone {
		return
	}
	if len(r.step) == 0 {
		r.step = binary.AppendVarint(r.step, int64(now))
	}
	r.step = call(r.step)
}

// leave says that the journal cannot have the step. It goes on, to be undone: its caller gets no error that
// the contract does not name.
func (r *redo) leave() {
	if r != nil {
		r.alone = true
	}
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendNumber appends a number that may be missing.
func appendNumber(b []byte, n sql.Null[int64]) []byte {
	if !n.Valid {
		return append(b, 0)
	}
	return binary.AppendVarint(append(b, 1), n.V)
}

func appendPut(b []byte, collection string, changes []storage.Change) []byte {
	b = appendText(append(b, redoPut), collection)
	b = binary.AppendUvarint(b, uint64(len(changes)))
	for i := range changes {
		c := &changes[i]
		b = append(appendText(b, string(c.ID)), byte(c.Fields))
		b = appendNumber(appendNumber(b, c.SortIndex), c.TTL)
		b = append(binary.AppendUvarint(b, uint64(len(c.Payload))), c.Payload...)
	}
	return b
}

func appendDeleteRecords(b []byte, collection string, ids []bso.ID) []byte {
	b = appendText(append(b, redoDeleteRecords), collection)
	b = binary.AppendUvarint(b, uint64(len(ids)))
	for _, id := range ids {
		b = appendText(b, string(id))
	}
	return b
}

func appendDeleteCollection(b []byte, collection string) []byte {
	return appendText(append(b, redoDeleteCollection), collection)
}

// errRedo means that a step in the journal is not what this program writes.
var errRedo = errors.New("the journal has a step that this version of the program does not know")

// redoReader takes a step apart. After a failure its methods return zeros.
type redoReader struct {
	rest   []byte
	failed bool
}

func (r *redoReader) fail() { r.rest, r.failed = nil, true }

func (r *redoReader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *redoReader) size() int {
	n, read := binary.Uvarint(r.rest)
	if read <= 0 || n > uint64(len(r.rest)-read) { // each thing that is counted has a byte at least
		r.fail()
		return 0
	}
	r.rest = r.rest[read:]
	return int(n)
}

func (r *redoReader) bytes() []byte {
	n := r.size()
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *redoReader) varint() int64 {
	n, read := binary.Varint(r.rest)
	if read <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[read:]
	return n
}

func (r *redoReader) number() sql.Null[int64] {
	if r.byte() == 0 {
		return sql.Null[int64]{}
	}
	return sql.Null[int64]{V: r.varint(), Valid: true}
}

func (r *redoReader) changes() []storage.Change {
	changes := make([]storage.Change, 0, min(r.peek(), 1000))
	for range r.size() {
		c := storage.Change{ID: bso.ID(r.bytes()), Fields: storage.Fields(r.byte()), SortIndex: r.number(), TTL: r.number(), Payload: r.bytes()}
		if r.failed {
			return nil
		}
		changes = append(changes, c)
	}
	return changes
}

// peek returns what size would.
func (r *redoReader) peek() int {
	again := *r
	return again.size()
}

func (r *redoReader) ids() []bso.ID {
	ids := []bso.ID{}
	for range r.size() {
		if ids = append(ids, bso.ID(r.bytes())); r.failed {
			return nil
		}
	}
	return ids
}

// repeat does again what a step did; t has the step's times.
func (t *transaction) repeat(step []byte) error {
	r := &redoReader{rest: step}
	t.now = bso.Timestamp(r.varint())
	for len(r.rest) > 0 {
		call, err := r.byte(), error(nil)
		switch call {
		case redoPut:
			collection, changes := string(r.bytes()), r.changes()
			err = r.then(func() error { return t.Put(collection, changes) })
		case redoDeleteRecords:
			collection, ids := string(r.bytes()), r.ids()
			err = r.then(func() error { return t.DeleteRecords(collection, ids) })
		case redoDeleteCollection:
			collection := string(r.bytes())
			err = r.then(func() error { _, err := t.DeleteCollection(collection); return err })
		case redoDeleteAll:
			err = t.DeleteAll()
		default:
			r.fail()
		}
		if err != nil {
			return err
		}
	}
	return r.then(func() error { return nil })
}

// then calls f, unless what was read for it is not there.
func (r *redoReader) then(f func() error) error {
	if r.failed {
		return errRedo
	}
	return f()
}
