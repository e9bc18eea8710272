// Package engine is the contract between the sync manager and a store: the one
// page to read before writing an engine.
//
// An engine keeps one collection of an app's data (passwords, tabs, an app's own
// notes) on this device and knows how to merge it with what other devices
// wrote. It does not know the network, the keys or the other engines: the
// manager calls it and hands it cleartext.
//
// # One sync, as an engine sees it
//
//	Association            the manager compares it with the account's; if it differs: Reset
//	Begin                  → a Session
//	  Since, Retry         what to download
//	  Stage, Stage, …      once per page: put it aside, apply nothing yet
//	  Merge                apply what was staged; decide what goes up
//	  Outgoing, Outgoing, … the next records to upload, until it returns none
//	  Uploaded, …          once per committed batch, between or after calls of Outgoing
//	  End                  always, with what went wrong or nil
//
// # What an engine promises
//
//   - Nothing is held between calls: no transaction, no lock, no cursor. A sync
//     may take minutes, and the app edits its data meanwhile.
//   - An edit made while the record is on its way up survives, and goes up at
//     the next sync. So Merge writes a snapshot of what will be uploaded,
//     Outgoing reads that snapshot, and Uploaded settles just those bytes.
//   - Since moves only when Merge has committed everything that was staged, and
//     with each receipt. After a failure or a kill at any point, the next sync
//     starts from a true state: it may download again, it never skips.
//   - Stage is an upsert by ID: the same record may come twice, and the later
//     one stands. Staged records of a session that ended without Merge are void.
//   - One bad record never stops the rest: it is counted in Merged.Failed, named
//     in Merged.Problems, and comes back from Retry if a new try may help.
//   - A record that this version of the app does not know (a later one wrote it) is never
//     overwritten: the user sees what was here before, and an edit or deletion of it is held
//     until a version reads the record or another one takes its place. Then both are merged.
//   - Association, Since and the sync state live in the same file as the data, so
//     that a copied or restored file never lies about what it synced.
//   - An engine never deletes more than the user likely intended: deleting more than it
//     thinks safe is a [TooManyDeletionsError], unless Start.AcceptDeletions.
//
// Calls within a session are serial, but not all from one goroutine. Sessions
// of different engines run at the same time and may share a file.
//
// An optional feature is an optional interface, which the manager finds by a type
// assertion: [Watcher] and [Notifier] tell what the user changed, [Counter] counts the
// items, [Troubled] lists what does not sync, [Clearer] and [Commander] carry out what
// other devices ask for. Package engine/enginetest runs this contract against any engine.
//
// # Where to go on
//
// examples/engine is an engine in one JSON file, to read beside this page. The engines
// for flat records (engines/forms is the smallest) are built on internal/mirror, which
// keeps the sync state in tables beside the records and merges field by field: such an
// engine is its record's type and a few rules. [StoreConfig], [Change], [LogEntry] and
// the errors of this package are what the ready engines have in common towards an app.
package engine

import (
	"context"
	"io"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

// ID names a record within its collection. See bso.ID.
type ID = bso.ID

// NewID makes an ID of the usual kind: twelve base64url characters, the first of which is
// not a dash. It panics when random fails, as nothing can go on without it.
func NewID(random io.Reader) ID { return bso.NewGUID(random) }

// Timestamp is a server time in hundredths of a second. See bso.Timestamp.
type Timestamp = bso.Timestamp

// Engine is one collection of an app.
type Engine interface {
	// Collection is the collection's name on the server, and the engine's name in
	// meta/global: "passwords". It never changes.
	Collection() string

	// Version is the storage version of the records this engine writes, as
	// meta/global lists it: 1 for most, 2 for bookmarks and prefs. If the account
	// has a newer one, the manager leaves the engine alone; if it has an older
	// one, the collection is wiped on the server and uploaded afresh.
	Version() int

	// Association tells which sync IDs the engine last synced with; zero when it
	// never did, or was reset.
	Association(ctx context.Context) (Association, error)

	// Reset forgets the sync state (Since, what is staged or refused) and keeps the
	// user's data, then remembers a as the new association. The next sync downloads
	// everything and reconciles it with what is here. It comes after a change of the
	// sync IDs or keys, and when the server turns out to be older than Since: it was
	// restored from a backup, or the collection was emptied. So:
	//
	//   - What the server does not have, not even as a tombstone, goes up, whether or not
	//     it was there before: nothing is deleted because it is absent.
	//   - An engine that knows what the server had of a record takes that as the common
	//     past of both sides. A record or tombstone older than that, by Modified, is an
	//     earlier state: what is here goes up again.
	//   - A deletion by the user that the server does not know yet is kept: where the next
	//     storage has the record as it was, a tombstone goes up for it.
	//   - What was refused for ever goes up again, and what could not be read is not asked
	//     for: both were of the storage before.
	//   - Whether an engine remembers the deletions that the server did know, each with the
	//     server's time of it, is its own choice. One that does, as all ready engines do,
	//     deletes a record that comes back and is older than that again, unless that is a
	//     [TooManyDeletionsError] or Start.Prefer is PreferRemote. Wipe forgets them.
	Reset(ctx context.Context, a Association) error

	// Wipe forgets the user's data too, with all sync state, and leaves no
	// tombstones: the data goes from this device, not from the account. The
	// association is zero afterwards.
	Wipe(ctx context.Context) error

	// Begin starts a sync of this collection. The manager ends each session with
	// End before it begins another of the same engine.
	Begin(ctx context.Context, s Start) (Session, error)
}

// Association names what an engine's sync state belongs to.
type Association struct {
	// Global is the syncID of meta/global: it changes when the account's storage
	// is started afresh.
	Global string
	// Collection is the syncID of the engine in meta/global: it changes when the
	// collection alone is.
	Collection string
}

// Side says whose values win where both sides changed the same thing.
type Side int

const (
	// PreferNeither leaves it to the engine's own rule, usually the newer record.
	PreferNeither Side = iota
	// PreferLocal lets this device's values win.
	PreferLocal
	// PreferRemote lets the account's values win.
	PreferRemote
)

// Start is what an engine is told at the beginning of a session.
type Start struct {
	// Run names this sync, the same for all engines in it; it is unique on this
	// device. An engine that keeps a log of what syncs did files it under this.
	Run string
	// Account names whose storage it is, whatever its sync IDs; "": not known. Another
	// one on this device had records of its own.
	Account string
	// Prefer says whose values win. It applies to this sync only.
	Prefer Side
	// AcceptDeletions is the user's word that a [TooManyDeletionsError] was seen and meant.
	AcceptDeletions bool
	// Skew is how far the server's clock is ahead of this device's, to the second.
	// An engine that asks which of two edits is newer adds it to the time of the local
	// one: the time of a record is the server's.
	Skew time.Duration
	// MaxPayload is the largest payload of a record that the server takes, in bytes of
	// cleartext; 0: not known. A larger one may be offered, and is refused for ever. An
	// engine whose records need each other keeps those back that need it.
	MaxPayload int
	// Devices are the account's devices, this one included, for engines that show
	// them. The list is as fresh as the manager's last look at it.
	Devices []Device
}

// Device is a device of the account, as its record in the clients collection
// describes it.
type Device struct {
	// ID is the record's ID in clients; a device's tabs record has the same one.
	ID ID
	// AccountID is the device's ID with the accounts server, or "".
	AccountID string
	// Name is what the user calls it.
	Name string
	// Type is "desktop", "mobile", "tablet", "tv", "vr" or another word.
	Type string
	// Application is the app that runs there: "Firefox".
	Application string
	// OS is the system it runs on: "Linux".
	OS string
	// Version is the app's version there.
	Version string
	// Modified is when the device last wrote its record.
	Modified Timestamp
	// Local is true for this device.
	Local bool
}

// Session is one sync of one collection. See the package comment for the order
// of calls. If a call returns an error, the manager calls End with it and
// nothing else.
type Session interface {
	// Since is the server time up to which the engine has seen the collection;
	// zero: nothing yet. The manager downloads what is newer.
	Since() Timestamp

	// Retry lists records to fetch by ID as well: those that could not be read or
	// applied earlier and may be now. An engine lists an ID a small number of
	// times, not for ever: each list costs a request.
	Retry() []ID

	// Stage puts a page of records aside. The slice and the payloads belong to
	// the caller again when it returns.
	Stage(ctx context.Context, page []Incoming) error

	// Merge brings what was staged and what changed here together, applies the
	// outcome to the user's data, writes the snapshot of what goes up, and moves
	// Since to at, the server time of the download. It is called once, even when
	// nothing was staged. On [TooManyDeletionsError] nothing was changed.
	Merge(ctx context.Context, at Timestamp) (Merged, error)

	// Outgoing returns up to max further records of the snapshot, each once per
	// session; none when all were handed out. The caller keeps what it returns.
	Outgoing(ctx context.Context, max int) ([]Outgoing, error)

	// Uploaded settles a committed batch. Its context is not cancelled with the
	// sync's, for what is on the server must not be forgotten.
	Uploaded(ctx context.Context, r Receipt) error

	// End closes the session. cause is what stopped the sync, or nil. It is always
	// called, exactly once, with a context that is not cancelled with the sync's.
	End(ctx context.Context, cause error) error
}

// Incoming is a record as it came from the server, opened.
type Incoming struct {
	ID       ID
	Modified Timestamp
	// Payload is the cleartext, a JSON object; nil for a tombstone.
	Payload []byte
	// Err tells why there is a record but no readable payload: it cannot be
	// decrypted, is not JSON, or carries another ID. Payload is nil then. The
	// engine remembers the ID for Retry and changes nothing.
	Err error
}

// Tombstone reports whether in deletes its record.
func (in Incoming) Tombstone() bool { return in.Payload == nil && in.Err == nil }

// Outgoing is a record to upload.
type Outgoing struct {
	ID ID
	// Payload is the cleartext, a JSON object whose "id" is ID; nil uploads a
	// tombstone.
	Payload []byte
	// SortIndex weighs the record within its collection, or nil. Servers keep at
	// most nine digits.
	SortIndex *int
	// TTL is how many seconds the server keeps the record; 0: for ever.
	TTL int
}

// Merged tells what Merge did.
type Merged struct {
	// Applied counts incoming records that changed the user's data.
	Applied int
	// Reconciled counts those that said what was here already, or were merged
	// with a local change.
	Reconciled int
	// Failed counts those that could not be read or applied; NewFailed, those
	// among them that failed for the first time.
	Failed, NewFailed int
	// Problems names failed records and why, at most a few dozen.
	Problems []Problem
	// Outgoing counts the records in the snapshot.
	Outgoing int
}

// Problem is one record that did not make it, and why, in words for a user.
type Problem struct {
	ID  ID
	Err error
}

// Receipt tells what became of a batch of outgoing records.
type Receipt struct {
	// At is the server's time of the batch: the records' new Modified, and the
	// engine's new Since. It is zero when nothing was committed and the receipt
	// only reports refusals that never left the device.
	At Timestamp
	// Stored lists what is on the server now.
	Stored []ID
	// Refused lists what is not.
	Refused []Refusal
}

// Refusal is a record that was not stored.
type Refusal struct {
	ID     ID
	Reason string
	// Permanent means that the same bytes will be refused again (the record is too
	// large): the engine remembers it and does not offer the record until it
	// changes. Otherwise it goes up with the next sync.
	Permanent bool
}
