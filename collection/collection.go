// Package collection is a ready-made engine for an app's own data. The app defines a Go
// struct; the engine stores records of it on this device and syncs them, end-to-end
// encrypted, with the user's other devices.
//
//	type Note struct {
//		ID    collection.ID `json:"id"`
//		Title string        `json:"title"`
//		Text  string        `json:"text"`
//		Tags  []string      `json:"tags,omitempty"`
//	}
//
//	notes, err := collection.Open(ctx, "example-notes", collection.Options[Note]{Path: path, Key: key})
//	err = manager.Register(notes)
//
//	note, err := notes.Add(ctx, Note{Title: "Milk", Text: "two litres"})
//	result, err := manager.Sync(ctx, syncmanager.Options{})
//
// # The struct
//
// Records are stored and sent as encoding/json encodes the struct. One field, an [ID] or a
// string, must have the JSON name "id"; Add fills it in. [Open] returns an error if the
// struct cannot be synced.
//
// A later version of the app may add fields and drop them. What a device does not
// know it keeps and sends back, also in structs within, in the values of maps and in the
// elements of lists, so that old and new versions of an app share a collection. An element
// is recognized by its field "id" if it has one, and by its content otherwise. The zero value
// of a new field should mean what old records mean. If a struct contains values of its own
// type, these are replaced as a whole.
//
// # Two devices, one record
//
// Records are merged field by field. If two devices changed the same field,
// [Options].OnConflict or [Options].Merge decides. An edit wins over a deletion.
//
// A field is one value: if it is a struct, a list or a map, the newer one wins as a whole. A
// tag can say that the fields of a struct, or the keys of a map, are merged one by one:
//
//	Labels map[string]string `json:"labels" sync:"fields"`
//
// or that a list is a set without an order, whose additions and removals are merged:
//
//	Tags []string `json:"tags" sync:"set"`
//
// # The name
//
// The collection's name identifies it in the account, so it must never change. All apps of an
// account share the names, so begin it with your app's name: "example-notes". Names that
// Firefox or the protocol use are refused. Devices whose apps do not have the collection,
// such as Firefox, do not change it.
//
// Where the format of the records is given by other programs, or the rules of merging are
// others than these, package [github.com/syncmanager/syncmanager/engine/flat] is the store
// that this one is made of.
package collection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/flat"
)

// Rule says which value wins if two devices changed the same field of a record.
type Rule = flat.Rule

const (
	// NewerField chooses the value of the device that changed the record last.
	NewerField = flat.NewerField
	// NewerRecord chooses the whole record of that device, so that a record never mixes
	// values of two devices.
	NewerRecord = flat.NewerRecord
	// KeepBoth keeps both: the account's record, and this device's with a new ID.
	KeepBoth = flat.KeepBoth
)

// Options configure a collection. Path must be set.
type Options[R any] struct {
	// Path is the SQLite file, one for each collection. It is created with mode 0600 if it
	// does not exist; its folder must exist. In a browser it is in memory, and gone with the
	// page; see [engine.StoreConfig].
	Path string
	// Key is this device's local key, which encrypts the records at rest; see
	// [github.com/syncmanager/syncmanager.LocalKey]. Zero: they are not encrypted.
	// [Engine.Rekey] changes the key of a file.
	Key [32]byte
	// KeyLost, if not nil, says whether to start over where the file is encrypted with another
	// key; see [engine.StoreConfig].
	KeyLost func(aside string) bool
	// Version is the storage version; 0 means 1. A device with an older version does not sync
	// the collection, and the first device with a newer version replaces the account's
	// records with its own. Increase it only if old and new versions cannot share records.
	Version int

	// OnConflict says which value wins if two devices changed the same field. If the result
	// is not valid, both records are kept.
	OnConflict Rule
	// Merge, if not nil, decides in place of OnConflict, and sees every record that
	// two devices changed. base is the record before both, or nil if they have no
	// common past. merged is what NewerField makes of the two: the function changes in it
	// what it knows better, and returns it, so that no field is lost, not even one that a
	// later version of the app adds. Given the same records it must return the same on each
	// device. The ID stays, and fields that R does not have are merged separately. If it
	// panics, or returns a record that is not valid, both records are kept, and the result of
	// the sync names the record.
	Merge func(base *R, local, remote, merged R) R

	// Valid, if not nil, returns why a record is not valid, or nil. It is called with what the
	// user saves and with what other devices send. A record of theirs that is not valid stays
	// on the server, and is named by the sync's result and by [Engine.Unreadable]: a newer
	// version of the app may have written it. The user's edits of an older copy on this device
	// are held until a version of the app accepts the record. An [engine.FieldError] names the
	// field. The errors are shown to the user, so they must not contain secrets.
	Valid func(R) error
	// Same, if not nil, returns a key that identifies duplicates: two records with the same
	// key are the same record, even if two devices added it with different IDs. "" means that
	// the record has no duplicates.
	Same func(R) string
	// ReadOnly, if not nil, returns why the user can only read and delete a record, for
	// example because a newer version of the app wrote it. An edit then returns
	// [engine.ErrReadOnly].
	ReadOnly func(R) error
	// TooManyDeletions, if not nil, reports whether the user must confirm a sync that would
	// delete so many of the records on this device; see [engine.TooManyDeletionsError].
	TooManyDeletions func(deletions, total int) bool

	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Rand is a source of secure random bytes, safe for concurrent use. Nil:
	// crypto/rand.
	Rand io.Reader
}

// Engine stores the user's records of one collection on this device. It is safe for
// concurrent use. Register it with a [github.com/syncmanager/syncmanager.Manager].
type Engine[R any] struct {
	store *flat.Engine[R]
}

//go:generate go run github.com/syncmanager/syncmanager/internal/mirror/storemethods -on flat -generic -type R -one "a record" -many records

// Open opens the collection in o.Path. See the package comment for the rules of its name.
func Open[R any](ctx context.Context, name string, o Options[R]) (*Engine[R], error) {
	schema, err := schemaOf[R]()
	if err == nil && taken(name) {
		err = errors.New("Firefox or the protocol own this name; begin yours with your app's name, as in example-notes")
	}
	if err != nil {
		return nil, fmt.Errorf("collection %s: %w", name, err)
	}
	store, err := flat.Open(ctx, flat.Schema[R]{
		Collection:       name,
		Version:          o.Version,
		Fields:           schema.fields,
		ID:               schema.id,
		Valid:            o.Valid,
		Same:             o.Same,
		ReadOnly:         o.ReadOnly,
		Nested:           schema.nested,
		Sets:             schema.sets,
		OnConflict:       o.OnConflict,
		Merge:            o.Merge,
		TooManyDeletions: o.TooManyDeletions,
	}, engine.StoreConfig{Path: o.Path, Key: o.Key, KeyLost: o.KeyLost, Now: o.Now, Rand: o.Rand})
	if err != nil {
		return nil, fmt.Errorf("collection %w", err)
	}
	return &Engine[R]{store}, nil
}
