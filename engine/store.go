package engine

import (
	"errors"
	"io"
	"time"
)

// This file is what the ready stores (engines/…, package collection) share towards an
// app. An engine of one's own needs none of it.

// StoreConfig says where a store keeps its file and what it runs on.
type StoreConfig struct {
	// Path is the SQLite file; it is created 0600 when it is not there. Its folder
	// must exist.
	Path string
	// Key is this device's local key, as syncmanager.LocalKey keeps one: the records are
	// encrypted with it at rest, and the file can be read with it alone. IDs and the times
	// of edits and syncs stay readable. Zero: nothing is encrypted.
	Key [32]byte
	// Now is the clock.
	Now func() time.Time
	// Rand is a source of secure random bytes, safe for concurrent use.
	Rand io.Reader
}

var (
	// ErrNotFound means that this device does not have a record with the ID.
	ErrNotFound = errors.New("record not found")
	// ErrDuplicate is wrapped by [DuplicateError].
	ErrDuplicate = errors.New("there is a record for this already")
	// ErrKey means that the file was written with another local key.
	ErrKey = errors.New("it was encrypted with another local key than this device has now")
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

// InvalidError refuses a record that cannot be one of the collection's. It holds no secret.
type InvalidError struct{ Reason error }

func (e *InvalidError) Error() string { return e.Reason.Error() }
func (e *InvalidError) Unwrap() error { return e.Reason }

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
