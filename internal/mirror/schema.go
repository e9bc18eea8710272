package mirror

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// Schema is all that an engine gives: how a record is an R, which records are valid and
// which are the same thing, and how two versions of one come together. R must go through
// encoding/json to an object and back.
//
// Where R has an UnmarshalJSON of its own, that must refuse what is not an object. Errors
// of it and of the functions here are kept and shown, so they must hold no secrets. A
// panic in Check, ReadOnly or Merge counts as an error with that record; the other
// functions must not panic.
type Schema[R any] struct {
	// Collection is the collection's name on the server.
	Collection string
	// Version is the storage version of the records.
	Version int
	// TTL is how many seconds the server keeps a record that this device uploads; 0:
	// for ever.
	TTL int

	// Fields are all that R may write, "entry.name" for one of an object within the
	// record, and "rooms.[].name" for one of each object in a list; see [Elements] and
	// [Values]. A field that R leaves out is removed from the record. Fields of a record
	// that are not listed stay as they are.
	Fields []string
	// ID is where R has its ID.
	ID func(*R) *engine.ID
	// NewID makes the ID of a new record; nil: engine.NewID.
	NewID func(random io.Reader) engine.ID
	// Complete checks what the user wants to keep, and fills in what follows from it;
	// old is the record as it was, nil for a new one. nil: nothing is done.
	Complete func(r, old *R) error

	// Check returns why an R is not a record of the collection, or its keys. It sees
	// incoming records and the user's edits. An incoming record that is not one may be good
	// for a newer version of the program: it stays on the server as it is, and what the user
	// does here with the record is held until a version reads it. nil: every R is a record,
	// and has no keys.
	Check func(*R) (Keys, error)
	// Dedupe returns [Keys].Dedupe of a record that Check accepts, in the place of Check's.
	// nil: Check returns it.
	Dedupe func(*R) []byte
	// Matches reports whether two records with one loose key are the same thing. A record
	// that only this device has gives way to one that it matches; two that the account
	// has stay two. nil: they never are.
	Matches func(a, b *R) bool
	// Lookup returns the words by which [Store.Lookup] finds a record: where it belongs,
	// what it is about. A file that is encrypted holds a MAC of each. nil: there are none.
	Lookup func(*R) []string
	// LookupVersion is from 1 on, and changes with the words that Lookup returns: files that
	// have those of another version are entered again when they are opened.
	LookupVersion int
	// ReadOnly returns why the user cannot edit a valid record, or nil: a newer version
	// of the program wrote it. It is kept and sent back as it is, and can be deleted.
	ReadOnly func(*R) error

	// Nested are the fields whose values are objects to merge field by field.
	Nested []Nested
	// Sets are the fields whose values are lists without an order: what either side
	// added or removed is added or removed.
	Sets []string
	// Sticky names fields that some clients neither write nor keep: when one is
	// missing in a record from the server, it has not been deleted.
	Sticky []string
	// Required names fields that a record always has, null at least: when one is missing
	// in a record from the server, the client that wrote it did not know the field. It
	// has not been deleted, and is sent again.
	Required []string

	// Resolve decides a field that both sides changed: its value, nil for none. ok
	// is false where it has no opinion: then the newer side's value stands, as it does
	// without Resolve. engine.Start.Prefer goes before.
	Resolve func(Conflict) (value []byte, ok bool)
	// Merge, if not nil, is asked in place of Resolve where both sides of a record
	// changed, and returns what is to stand; Fork must be set then. base is their common
	// past, or nil, and merged is what a comparison field by field makes of the two. Fields
	// that R does not have are merged field by field.
	// engine.Start.Prefer goes before, and lets one side stand whole. Where Merge
	// panics, or what it returns is not valid, the record counts as failed and both
	// sides stay, as with Fork.
	Merge func(base *R, local, remote, merged R) R
	// NewerStands says that where both sides of a record changed, the newer one stands
	// whole: no record mixes what two devices wrote. It excludes Merge, and needs Fork.
	NewerStands bool
	// Fork says that where both sides changed the same field of one record and nothing
	// above decides, the server's record stands under its ID, and this device's becomes
	// a record of its own under a new one.
	Fork bool

	// Synced, if not nil, gets what a transaction of a sync changed for the user, after it
	// was committed. It must not call the store.
	Synced func([]Difference[R])

	// TooManyDeletions reports whether deleting so many of the user's total records in
	// one sync needs the user's confirmation. nil: never.
	TooManyDeletions func(deletions, total int) bool
}

// Keys tell which records are the same thing although their IDs differ. A file that is
// encrypted holds a MAC of each.
type Keys struct {
	// Dedupe is equal for two records that are the same thing; nil: the record is the same
	// as no other.
	Dedupe []byte
	// Loose is equal for two records that may be the same thing although their dedupe keys
	// differ, a login for any form and one for a certain form: [Schema.Matches] decides.
	Loose []byte
}

// Nested is a field that holds an object.
type Nested struct {
	Name string
	// Text says that the object is the JSON text in a string.
	Text bool
	// Nulls says that null is a value in it like any other, where it is otherwise the
	// same as an absent field.
	Nulls bool
}

// MoreThanHalf is a [Schema.TooManyDeletions]: more than ten, and more than half of all.
// Another device's user may have meant it, or its disk may have died.
func MoreThanHalf(deletions, total int) bool { return deletions > 10 && deletions > total/2 }

var (
	errNotObject = errors.New("the record is not a JSON object")
	errOtherID   = errors.New("it has two fields for its id")
)

// decode reads a record that came from elsewhere. Its error names the field, and
// nothing that the record holds.
func (s *Schema[R]) decode(payload []byte) (r R, err error) {
	if own, ok := any(&r).(json.Unmarshaler); ok {
		err = own.UnmarshalJSON(payload)
	} else {
		err = decodeFields(payload, &r)
	}
	if err == nil && s.ID != nil {
		// encoding/json takes "ID" for "id", and the later of the two stands.
		var id engine.ID
		if id, err = recordID(payload); err == nil && id != *s.ID(&r) {
			err = errOtherID
		}
	}
	if err != nil && !isObject(payload) {
		err = errNotObject
	}
	return r, err
}

func decodeFields(payload []byte, r any) error {
	err := json.Unmarshal(payload, r)
	var field *json.UnmarshalTypeError
	switch {
	case errors.As(err, &field) && field.Field != "":
		return &engine.FieldError{Field: field.Field, Reason: fmt.Errorf("its %s is not what it should be", field.Field)}
	case err != nil:
		return errors.New("it is not what it should be")
	}
	return nil
}

// recordID is the text in a record's field "id", or "".
func recordID(payload []byte) (id engine.ID, err error) {
	err = rawjson.Object(payload, func(name, value []byte) error {
		if string(name) == "id" {
			text, _ := rawjson.Unquoted(value)
			id = engine.ID(text)
		}
		return nil
	})
	return id, err
}

func isObject(raw []byte) bool {
	return rawjson.Object(raw, func(_, _ []byte) error { return nil }) == nil
}

// decodeStored reads a record of the file.
func decodeStored[R any](payload []byte) (r R, err error) {
	if err := json.Unmarshal(payload, &r); err != nil {
		return r, fmt.Errorf("a stored record cannot be read: %w", err)
	}
	return r, nil
}

// check returns why a payload is not a record of the collection, or its keys.
func (s *Schema[R]) check(payload []byte) (k Keys, err error) {
	defer recovered(&err, "its check")
	r, err := s.decode(payload)
	if err == nil && s.Check != nil {
		k, err = s.Check(&r)
	}
	if err == nil && s.Dedupe != nil {
		k.Dedupe = s.Dedupe(&r)
	}
	return k, err
}

// dedupe is the dedupe key of a record that need not be valid, or nil.
func (s *Schema[R]) dedupe(r *R) []byte {
	if s.Dedupe == nil {
		return nil
	}
	return s.Dedupe(r)
}

// readOnly returns why the user cannot edit a record, or nil.
func (s *Schema[R]) readOnly(payload []byte) (err error) {
	if s.ReadOnly == nil {
		return nil
	}
	defer recovered(&err, "ReadOnly")
	r, err := s.decode(payload)
	if err != nil {
		return err
	}
	if err := s.ReadOnly(&r); err != nil {
		return &engine.ReadOnlyError{Reason: err}
	}
	return nil
}

// matches reports whether two records with one loose key are the same thing.
func (s *Schema[R]) matches(a, b []byte) bool {
	if s.Matches == nil {
		return false
	}
	x, err := s.decode(a)
	if err != nil {
		return false
	}
	y, err := s.decode(b)
	return err == nil && s.Matches(&x, &y)
}

// merge asks Merge for what is to stand of two sides, with the fields that R does not
// have as a comparison field by field left them.
func (s *Store[R]) mergeByApp(base, local, remote, fields []byte) (payload []byte, err error) {
	defer recovered(&err, "merging it")
	var was *R
	if base != nil {
		r, err := decodeStored[R](base)
		if err != nil {
			return nil, err
		}
		was = &r
	}
	ours, err := decodeStored[R](local)
	if err != nil {
		return nil, err
	}
	theirs, err := decodeStored[R](remote)
	if err != nil {
		return nil, err
	}
	both, err := decodeStored[R](fields)
	if err != nil {
		return nil, err
	}
	id := *s.schema.ID(&theirs)
	stands := s.schema.Merge(was, ours, theirs, both)
	*s.schema.ID(&stands) = id
	text, err := json.Marshal(stands)
	if err != nil {
		return nil, err
	}
	return s.patch(fields, text)
}

// recovered makes an error of a panic in what an app supplied, where it is deferred:
// so one record fails and no sync. A value that is not a runtime error may hold a
// secret, so only its type is named.
func recovered(err *error, doing string) {
	switch p := recover().(type) {
	case nil:
	case runtime.Error:
		*err = fmt.Errorf("%s panicked: %w", doing, p)
	default:
		*err = fmt.Errorf("%s panicked with a %T", doing, p)
	}
}
