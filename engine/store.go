package engine

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"time"
)

// This file is what the ready stores (engines/…, package collection) share towards an
// app. An engine of one's own needs none of it.

// StoreConfig configures a store. Path must be set, and Key if the store encrypts its file.
type StoreConfig struct {
	// Path is the SQLite file. It is created with mode 0600 if it does not exist; its folder
	// must exist. In a browser (GOOS=js) it names a file in memory, which is gone with the
	// page: what was not uploaded by then is lost.
	Path string
	// Key is this device's local key, which encrypts the records at rest; see
	// [github.com/syncmanager/syncmanager.LocalKey]. Record IDs and the times of edits and
	// syncs are not encrypted. Zero: nothing is encrypted. The key must be the one that the
	// file was created with, or the one of the last Rekey.
	Key [32]byte
	// KeyLost, if not nil, is called by Open if the file is encrypted with another key than
	// Key, and returns whether that key is lost. If it is, Open renames the file to aside and
	// opens a new one, which the next sync fills from the server. Changes that were not
	// uploaded are in the old file alone, so ask the user first. The old file is never
	// deleted: with its key, it opens under that name. Nil or false: Open returns [ErrKey].
	KeyLost func(aside string) bool
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Rand is a source of secure random bytes, safe for concurrent use. Nil: crypto/rand.
	Rand io.Reader
	// Log receives what a sync or an import left out, by number, and never what a record
	// holds. Nil: nothing is logged.
	Log *slog.Logger
}

// WithDefaults returns c with the clock, the randomness and the log that it lacks.
func (c StoreConfig) WithDefaults() StoreConfig {
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // here the app's real clock comes in
	}
	if c.Rand == nil {
		c.Rand = rand.Reader //nolint:forbidigo // and its real randomness
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

var (
	// ErrNotFound means that this device does not have a record with the ID. It may be
	// wrapped by a [NotFoundError].
	ErrNotFound = errors.New("record not found")
	// ErrDuplicate means that the record exists already; see [DuplicateError].
	ErrDuplicate = errors.New("there is a record for this already")
	// ErrReadOnly means that a record cannot be edited; see [ReadOnlyError].
	ErrReadOnly = errors.New("the record cannot be edited here")
	// ErrInvalid means that a record or a value is not valid; see [InvalidError].
	ErrInvalid = errors.New("this is not a valid record")
	// ErrClosed means that the store was closed. It is [fs.ErrClosed].
	ErrClosed = fs.ErrClosed
	// ErrKey means that the file is encrypted with another local key; see
	// [StoreConfig].KeyLost.
	ErrKey = errors.New("it was encrypted with another local key than this device has now")
	// ErrNoKey means that the file is encrypted, and was opened without a key.
	ErrNoKey = errors.New("it is encrypted, and the configuration has no key; give the one that it was encrypted with")
	// ErrNotEncrypted means that the file is not encrypted, and was opened with a key.
	ErrNotEncrypted = errors.New("it is not encrypted, and the configuration has a key; open it without, and encrypt it with Rekey")
	// ErrUndecryptable means that a record, and not the whole file, cannot be decrypted: it is
	// damaged. A store's Scrub drops it, so that the server's comes again.
	ErrUndecryptable = errors.New("it cannot be decrypted with this device's local key")
	// ErrNoRun means that a store's log does not have the sync, or no longer.
	ErrNoRun = errors.New("the log has no such sync")
	// ErrUndone means that the sync was undone already.
	ErrUndone = errors.New("this sync was undone already")
)

// DuplicateError means that another record has the same ID or is a duplicate.
type DuplicateError struct {
	// ID is the other record.
	ID ID
}

func (e *DuplicateError) Error() string { return ErrDuplicate.Error() }
func (e *DuplicateError) Unwrap() error { return ErrDuplicate }

// NotFoundError says what this device does not have. It wraps [ErrNotFound] and the reason.
type NotFoundError struct{ Reason error }

func (e *NotFoundError) Error() string   { return e.Reason.Error() }
func (e *NotFoundError) Unwrap() []error { return []error{ErrNotFound, e.Reason} }

// InvalidError means that a record is not valid in the collection, or that a value cannot be
// stored. It contains no secrets. It wraps [ErrInvalid] and the reason.
type InvalidError struct{ Reason error }

func (e *InvalidError) Error() string   { return e.Reason.Error() }
func (e *InvalidError) Unwrap() []error { return []error{ErrInvalid, e.Reason} }

// ReadOnlyError refuses to edit a record that can be read and deleted but not edited: a
// newer version of the program wrote it. It wraps [ErrReadOnly] and the reason.
type ReadOnlyError struct{ Reason error }

func (e *ReadOnlyError) Error() string   { return e.Reason.Error() }
func (e *ReadOnlyError) Unwrap() []error { return []error{ErrReadOnly, e.Reason} }

// Change says that records were added, changed or deleted.
type Change struct {
	// User and Sync say whether this device's user, other devices through a sync, or both
	// made the changes since the last Change. If neither is set, Wipe removed all records.
	User, Sync bool
	// IDs are the changed records, sorted; nil means that there are too many, so list all
	// records.
	IDs []ID
}

// LogEntry is a sync that changed or deleted records of the user, or a command of another
// device that did.
type LogEntry struct {
	// Run identifies the sync; see [Start].
	Run string
	// At is when, in milliseconds.
	At time.Time
	// Changed and Deleted count records.
	Changed, Deleted int
	// Added and Moved count records of a store that logs those too, as bookmarks do; of a
	// folder that was sorted, those that left the order of the others. A record may be both
	// changed and moved.
	Added, Moved int
	// Repairs counts errors in the records on the server, by the kind of problem, that this
	// sync corrected and uploaded. Only bookmarks have any.
	Repairs map[string]int
	// Undone is when the user undid the sync; zero means that it was not undone.
	Undone time.Time
}

// Undone is the result of undoing a sync.
type Undone struct {
	// Run is the sync that was undone.
	Run string
	// Restored counts records that the sync had deleted and that are back. Reverted counts
	// records that have their former values again. Moved counts those that are in their
	// former folders, and Removed those that the sync had added.
	Restored, Reverted, Moved, Removed int
	// Kept counts records that were changed since the sync and stay as they are, wholly or
	// in part.
	Kept int
}

// Scrubbed tells what a store's Scrub did with records that could not be decrypted.
type Scrubbed struct {
	// Again counts those that the next sync fetches from the server again.
	Again int
	// Lost counts those that only this device had, and that are gone.
	Lost int
}
