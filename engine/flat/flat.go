// Package flat is the store behind an engine of one's own: records that stand alone, each
// with its fields, in an SQLite file on this device, and all of package engine's contract:
// three-way merges field by field, an upload that an edit does not disturb, a log with undo,
// records of later versions kept as they are, encryption at rest.
//
// An engine is the type of its records and a [Schema], which says how a record is written,
// which records are valid and which are the same:
//
//	type Engine struct{ *flat.Engine[Article] }
//
//	func Open(ctx context.Context, c engine.StoreConfig) (*Engine, error) {
//		store, err := flat.Open(ctx, flat.Schema[Article]{
//			Collection: "example-articles",
//			Fields:     []string{"id", "url", "title", "state.read"},
//			ID:         func(a *Article) *engine.ID { return &a.ID },
//			Valid:      func(a Article) error { … },
//			Same:       func(a Article) string { return a.URL },
//		}, c)
//		if err != nil {
//			return nil, err
//		}
//		return &Engine{store}, nil
//	}
//
// Methods of the engine's own work in [Engine.Edit]. examples/flat is a whole engine.
//
// An app whose own struct is the format needs no Schema: package collection makes it from
// the struct. Use this package where the format is given by other programs, where the
// collection's ID, life or rules of merging are not collection's, or to publish an engine
// for others to use.
//
// # The record
//
// A record is a JSON object, at most some 2 MB large, with its ID in the field "id". R goes
// through encoding/json: where the format is not what R's tags say, R has MarshalJSON and
// UnmarshalJSON. UnmarshalJSON must set the ID, and refuse what is not an object; an
// [engine.FieldError] names the field that it cannot read.
//
// What a device does not know it keeps and sends back. So [Schema].Fields must list all that
// R can write, in the names of the wire: a field that is listed and left out by R is removed
// from the record, and one that is not listed stays as it was. Writing one that is not
// listed is an error.
package flat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/catalogue"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Rule says which value wins if two devices changed the same field of a record.
type Rule int

const (
	// NewerField chooses the value of the device that changed the record last.
	NewerField Rule = iota
	// NewerRecord chooses the whole record of that device, so that a record never mixes
	// values of two devices.
	NewerRecord
	// KeepBoth keeps both: the account's record, and this device's with a new ID.
	KeepBoth
)

// Schema is what an engine says of its records. Collection, Fields and ID must be set.
//
// A panic in Valid, Same, ReadOnly or Merge, or while a record is decoded, counts as an error
// with that record. The other functions must not panic.
type Schema[R any] struct {
	// Collection is the collection's name on the server, which never changes. All apps of
	// an account share the names, so begin your own with your app's name.
	Collection string
	// Version is the storage version; 0 means 1. A device with an older version does not sync
	// the collection, and the first device with a newer version replaces the account's
	// records with its own.
	Version int
	// TTL is how long the server keeps a record after its last upload, in whole seconds; 0:
	// for ever. Devices keep a record that expired there.
	TTL time.Duration

	// Fields are all that R can write: "title", "state.read" for one of an object within the
	// record, "rooms.[].name" for one of each object in a list ([Elements]), and
	// "rooms.{}.name" for one of each object in a map ([Values]). An object is named by its
	// fields, or alone, as a whole.
	Fields []string
	// ID returns where a record has its ID.
	ID func(*R) *engine.ID
	// NewID returns the ID of a new record that has none, made from what the record says, so
	// that each device gives it the same one. "", or nil: a random one.
	NewID func(R) engine.ID
	// Complete fills in what follows from a record that the user adds or updates, such as a
	// time, or returns why it cannot be kept. old is the record before, or nil for a new one.
	// nil: nothing is filled in.
	Complete func(r, old *R) error

	// Valid returns why a record cannot be one. It sees what the user saves and what other
	// devices send. Such a record of theirs stays on the server, and is named by the sync's
	// result and by [Engine.Unreadable]: a newer version of the app may have written it. What
	// the user does with an older copy on this device is held until a version of the app
	// takes the record. An [engine.FieldError] names the field. Its errors hold no secrets:
	// they are shown. nil: every R is valid.
	Valid func(R) error
	// Same returns a key that identifies duplicates: two records with the same key are the
	// same record, even if two devices added it with different IDs. "": the record has no
	// duplicates. nil: none has.
	Same func(R) string
	// ReadOnly returns why the user can only read and delete a record, for example because a
	// newer version of the app wrote it, or nil. An edit then returns [engine.ErrReadOnly].
	// nil: every record can be edited.
	ReadOnly func(R) error

	// Nested are the fields that hold objects to merge field by field. Any other field is
	// one value.
	Nested []Nested
	// Sets are the fields that hold lists without an order: what either side added or removed
	// is added or removed.
	Sets []string
	// Sticky are fields that some programs neither write nor keep: if one is missing in a
	// record from the server, it was not deleted, and stays as it is here.
	Sticky []string
	// Required are fields that a record always has, null at least: if one is missing in a
	// record from the server, the program that wrote it does not know the field. It was not
	// deleted, and is sent again.
	Required []string

	// OnConflict says which value wins if two devices changed the same field. If the result
	// is not valid, both records are kept.
	OnConflict Rule
	// Merge, if not nil, decides in place of OnConflict, and sees every record that
	// two devices changed. base is the record before both, or nil if they have no
	// common past. merged is what NewerField makes of the two: the function changes in it
	// what it knows better, and returns it, so that no field is lost. Given the same records
	// it must return the same, whichever device asks. The ID stays, and fields that R does
	// not have are merged by themselves. If it panics, or returns what is not valid, both
	// records are kept, and the result of the sync names the one.
	Merge func(base *R, local, remote, merged R) R

	// TooManyDeletions reports whether the user must confirm a sync that would delete so many
	// of the records on this device; see [engine.TooManyDeletionsError]. nil: never.
	TooManyDeletions func(deletions, total int) bool
}

// Elements and Values are names in [Schema].Fields for what a list holds, and for what an
// object holds whose every name is R's, as a map in Go.
const (
	Elements = mirror.Elements
	Values   = mirror.Values
)

// Nested is a field that holds an object to merge field by field.
type Nested struct {
	// Name is the field's.
	Name string
	// Text says that the object is JSON text in a string.
	Text bool
	// Nulls says that null is a value in it like any other; otherwise it means that the
	// field is absent.
	Nulls bool
}

// Engine stores the user's records of one collection on this device. It is safe for
// concurrent use. Register it, or what embeds it, with a
// [github.com/syncmanager/syncmanager.Manager].
type Engine[R any] struct {
	store *mirror.Store[R]
}

//go:generate go run github.com/syncmanager/syncmanager/internal/mirror/storemethods -generic -type R -one "a record" -many records

// Open opens the records in c.Path. Without c.Key the file is not encrypted.
func Open[R any](ctx context.Context, s Schema[R], c engine.StoreConfig) (*Engine[R], error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Collection, err)
	}
	store, err := mirror.Open(ctx, s.records(), c)
	if err != nil {
		return nil, err
	}
	return &Engine[R]{store}, nil
}

// Put adds r, or updates the record that has its ID, as [Tx.Add] and [Tx.Update] do.
func (tx *Tx[R]) Put(r *R) error { return tx.records.Put(r) }

// Same returns the record with the same key as r, by [Schema].Same, or [engine.ErrNotFound].
func (tx *Tx[R]) Same(r R) (R, error) { return tx.records.Same(&r) }

const (
	maxFields = 1000
	// maxTTL is what a server takes.
	maxTTL = 999_999_999 * time.Second
)

// check returns why no store can have the schema.
func (s *Schema[R]) check() error {
	c, known := catalogue.Lookup(strings.ToLower(s.Collection))
	switch {
	case !bso.ValidCollection(s.Collection):
		return errors.New("a collection's name has 1 to 32 letters, digits, hyphens, underscores and dots")
	case known && !c.Engine:
		return errors.New("the protocol owns this name; begin yours with your app's name, as in example-articles")
	case s.Version < 0:
		return fmt.Errorf("the version is %d; it must be 1 or more", s.Version)
	case s.TTL < 0 || s.TTL > maxTTL || s.TTL%time.Second != 0:
		return fmt.Errorf("the TTL is %v; it must be whole seconds, at most %d", s.TTL, maxTTL/time.Second)
	case s.ID == nil:
		return errors.New("the schema needs ID")
	case s.OnConflict < NewerField || s.OnConflict > KeepBoth:
		return fmt.Errorf("there is no OnConflict %d", s.OnConflict)
	case s.Merge != nil && s.OnConflict != NewerField:
		return errors.New("Merge and OnConflict exclude each other; set one of them")
	}
	return s.checkFields()
}

// checkFields returns why the fields cannot be those of a record.
func (s *Schema[R]) checkFields() error {
	if len(s.Fields) > maxFields {
		return fmt.Errorf("there are %d fields; a schema has %d at most", len(s.Fields), maxFields)
	}
	seen, top := make(map[string]bool), make(map[string]bool)
	for _, name := range s.Fields {
		parts := strings.Split(name, ".")
		switch {
		case seen[name]:
			return fmt.Errorf("the field %q is listed twice", name)
		case slices.Contains(parts, ""), parts[0] == mirror.Elements:
			return fmt.Errorf("%q is not the name of a field", name)
		case parts[0] == "deleted":
			return errors.New(`the field "deleted" is what marks a deleted record on the wire; it needs another name`)
		}
		seen[name], top[parts[0]] = true, true
	}
	if !seen["id"] {
		return errors.New(`Fields does not list "id", where a record has its ID`)
	}
	for name := range seen {
		for at := range len(name) {
			if name[at] == '.' && seen[name[:at]] {
				return fmt.Errorf("Fields lists %q as a whole, and %q of it", name[:at], name)
			}
		}
	}
	special := map[string][]string{"Sets": s.Sets, "Sticky": s.Sticky, "Required": s.Required}
	for _, n := range s.Nested {
		special["Nested"] = append(special["Nested"], n.Name)
	}
	for of, names := range special {
		for _, name := range names {
			if !top[name] {
				return fmt.Errorf("%s has %q, which is not one of Fields", of, name)
			}
		}
	}
	return nil
}

// records is the schema as the store wants it.
func (s *Schema[R]) records() mirror.Schema[R] {
	records := mirror.Schema[R]{
		Collection:       s.Collection,
		Version:          max(s.Version, 1),
		TTL:              int(s.TTL / time.Second),
		Fields:           s.Fields,
		ID:               s.ID,
		Complete:         s.complete,
		Check:            s.valid,
		Dedupe:           s.key,
		Sets:             s.Sets,
		Sticky:           s.Sticky,
		Required:         s.Required,
		Merge:            s.Merge,
		NewerStands:      s.OnConflict == NewerRecord,
		Fork:             true,
		TooManyDeletions: s.TooManyDeletions,
	}
	for _, n := range s.Nested {
		records.Nested = append(records.Nested, mirror.Nested(n))
	}
	if s.Merge == nil && s.OnConflict == NewerField {
		records.Resolve = func(c mirror.Conflict) ([]byte, bool) {
			if c.LocalNewer {
				return c.Local, true
			}
			return c.Remote, true
		}
	}
	if s.ReadOnly != nil {
		records.ReadOnly = func(r *R) error {
			if err := s.ReadOnly(*r); err != nil {
				return fmt.Errorf("%w: %w", engine.ErrReadOnly, err)
			}
			return nil
		}
	}
	return records
}

// complete is what is done with a record that the user saves.
func (s *Schema[R]) complete(r, old *R) error {
	if s.Complete != nil {
		if err := s.Complete(r, old); err != nil {
			return err
		}
	}
	if id := s.ID(r); *id == "" && s.NewID != nil {
		*id = s.NewID(*r)
	}
	return nil
}

// valid returns why a record is not valid.
func (s *Schema[R]) valid(r *R) (mirror.Keys, error) {
	if s.Valid == nil {
		return mirror.Keys{}, nil
	}
	return mirror.Keys{}, s.Valid(*r)
}

// key identifies duplicates of a record.
func (s *Schema[R]) key(r *R) []byte {
	if s.Same == nil {
		return nil
	}
	if key := s.Same(*r); key != "" {
		return []byte(key)
	}
	return nil
}
