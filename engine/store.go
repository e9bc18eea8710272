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

// StoreConfig says where a store keeps its file and what it runs on. Only Path must be set,
// and Key where the store encrypts its file.
type StoreConfig struct {
	// Path is the SQLite file; it is created 0600 when it is not there. Its folder
	// must exist.
	Path string
	// Key is this device's local key, as syncmanager.LocalKey keeps one: the records are
	// encrypted with it at rest, and the file can be read with it alone. IDs and the times
	// of edits and syncs stay readable. Zero: nothing is encrypted.
	Key [32]byte
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
	// ErrNotFound means that this device does not have a record with the ID.
	ErrNotFound = errors.New("record not found")
	// ErrDuplicate is wrapped by [DuplicateError].
	ErrDuplicate = errors.New("there is a record for this already")
	// ErrReadOnly is wrapped by [ReadOnlyError].
	ErrReadOnly = errors.New("the record cannot be edited here")
	// ErrInvalid is wrapped by [InvalidError].
	ErrInvalid = errors.New("this is not a valid record")
	// ErrClosed means that the store was closed. It is [fs.ErrClosed].
	ErrClosed = fs.ErrClosed
	// ErrKey means that the file was written with another local key.
	ErrKey = errors.New("it was encrypted with another local key than this device has now")
	// ErrNoKey means that the file is encrypted, and was opened without a key.
	ErrNoKey = errors.New("it is encrypted, and the configuration has no key")
	// ErrNotEncrypted means that the file is not encrypted, and was opened with a key.
	ErrNotEncrypted = errors.New("it is not encrypted, and the configuration has a key")
	// ErrNoRun means that a store's log does not have the sync, or no longer.
	ErrNoRun = errors.New("the log has no such sync")
	// ErrUndone means that a sync was undone before.
	ErrUndone = errors.New("this sync was undone already")
)

// DuplicateError refuses a record because another one has its ID, or is about the same
// thing.
type DuplicateError struct {
	// ID is the other record.
	ID ID
}

func (e *DuplicateError) Error() string { return ErrDuplicate.Error() }
func (e *DuplicateError) Unwrap() error { return ErrDuplicate }

// InvalidError refuses a record that cannot be one of the collection's, or a value that
// cannot be stored. It holds no secret. It wraps [ErrInvalid] and the reason.
type InvalidError struct{ Reason error }

func (e *InvalidError) Error() string   { return e.Reason.Error() }
func (e *InvalidError) Unwrap() []error { return []error{ErrInvalid, e.Reason} }

// ReadOnlyError refuses to edit a record that can be read and deleted but not edited: a
// newer version of the program wrote it. It wraps [ErrReadOnly] and the reason.
type ReadOnlyError struct{ Reason error }

func (e *ReadOnlyError) Error() string   { return e.Reason.Error() }
func (e *ReadOnlyError) Unwrap() []error { return []error{ErrReadOnly, e.Reason} }

// Change tells that records were added, changed or deleted.
type Change struct {
	// User and Sync tell who did it: this device's user, other devices through a
	// sync, or both since the last Change. Neither: Wipe took all records away.
	User, Sync bool
	// IDs are the records, sorted; nil: so many that it is quicker to list them all.
	IDs []ID
}

// LogEntry is one sync that changed or deleted records of the user's.
type LogEntry struct {
	// Run names the sync; see [Start].
	Run string
	At  time.Time
	// Changed and Deleted count records. What the sync added is not counted.
	Changed, Deleted int
	// Undone is when the user undid the sync; zero: it stands.
	Undone time.Time
}

// Undone tells what undoing a sync did.
type Undone struct {
	// Run is the sync that was undone.
	Run string
	// Restored records were deleted by the sync and are back; Reverted say again what
	// they said before.
	Restored, Reverted int
	// Kept counts those that were changed since and stay as they are.
	Kept int
}
