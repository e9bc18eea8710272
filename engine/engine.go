// Package engine defines the contract between the sync manager and a store. Read this page
// before writing an engine.
//
// An engine stores one collection of an app's data (passwords, tabs, an app's own notes) on
// this device, and merges it with the records of other devices. It does not know the network,
// the keys or the other engines: the manager calls it with decrypted records.
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
//   - An engine holds no transaction, lock or cursor between calls. A sync may take
//     minutes, and the app can edit its data meanwhile.
//   - An edit made while the record is on its way up survives, and goes up at
//     the next sync. So Merge writes a snapshot of what will be uploaded,
//     Outgoing reads that snapshot, and Uploaded settles just those bytes.
//   - Since moves only when Merge has committed everything that was staged, and
//     with each receipt. After a failure or a kill at any point, the next sync
//     starts from a true state: it may download again, it never skips.
//   - Stage is an upsert by ID: the same record may come twice, and the later
//     one counts. Staged records of a session that ended without Merge are void.
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
// # What a store shows an app
//
// The ready stores (engines/…, packages engine/flat and collection) have one form. T is an item, which has
// an ID and whose times are [time.Time], kept to a precision that its fields state:
//
//	Open(ctx, StoreConfig)           only Path must be set, and Key where the file is encrypted
//	Get(ctx, id)                     (T, error): ErrNotFound
//	List(ctx)                        iter.Seq2[T, error]; an error ends it, and Collect makes a slice
//	Add, Update(ctx, T)              (T, error): the item as it was kept
//	Delete(ctx, id)                  here, and with the next sync everywhere
//	Edit(ctx, func(tx *Tx) error)    Get, Add, Update and Delete in one transaction
//	Import(ctx, source, item, o)     (importing.Report, error); files and streams: ImportFile, ImportFrom
//	Export(ctx, w)                   JSON; other formats: ExportAs, ExportCSV
//	Watch(ctx)                       iter.Seq[Change]: what the user or a sync changed
//	Count, Changes                   items here; changes that are not on the server
//	Log, Undo                        what syncs did, and back
//	Unreadable, Troubles             what does not sync
//	Close                            then every method returns ErrClosed
//
// List and what may yield as much are iterators. A finder with a limit, or of what belongs
// to one item, returns a slice. The errors are those of this package: [ErrNotFound],
// [ErrDuplicate], [ErrInvalid], [ErrReadOnly], [ErrClosed], [ErrKey]. A test in
// internal/archtest holds the stores to this, and says where one departs from it and why:
// tabs are named by their URLs, preferences and the storage of add-ons are many items to a
// record, and bookmarks are a tree.
//
// # Where to go on
//
// An engine of one's own rarely starts from this page. For an app's own struct, package
// collection is a whole engine; for records in a format of one's own, package engine/flat is
// the store: such an engine is its record's type and a few rules (examples/flat). Both merge
// field by field, and keep the sync state in tables beside the records; so do the engines for
// flat records (engines/forms is the smallest). examples/engine fulfils the contract in one
// JSON file by itself, to read beside this page. [StoreConfig], [Change], [LogEntry] and
// the errors of this package are what the ready engines have in common towards an app. [Watchers]
// and [ChangeNotifier] give an engine of one's own Watch and OnChange.
package engine

import (
	"context"
	"io"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

// ID identifies a record within its collection; see [bso.ID].
type ID = bso.ID

// NewID makes an ID in the usual format: twelve base64url characters, the first of which is
// not a dash. It panics if random fails.
func NewID(random io.Reader) ID { return bso.NewGUID(random) }

// Timestamp is a server time in hundredths of a second; see [bso.Timestamp].
type Timestamp = bso.Timestamp

// Engine stores one collection of an app and syncs it.
type Engine interface {
	// Collection is the collection's name on the server, and the engine's name in
	// meta/global: "passwords". It never changes.
	Collection() string

	// Version is the storage version of the records this engine writes, as
	// meta/global lists it: 1 for most, 2 for bookmarks and prefs. If the account
	// has a newer one, the manager leaves the engine alone; if it has an older
	// one, the collection is wiped on the server and uploaded afresh.
	Version() int

	// Association returns the sync IDs that the engine last synced with. It is zero if the
	// engine has never synced, or was reset.
	Association(ctx context.Context) (Association, error)

	// Reset removes the sync state (Since, staged and refused records), keeps the user's
	// data, and stores a as the new association. The next sync downloads everything and
	// reconciles it with the local data. The manager calls Reset after a change of the sync
	// IDs or keys, and if the server turns out to be older than Since, because it was
	// restored from a backup or the collection was emptied. So:
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

	// Wipe removes the user's data and all sync state, and leaves no tombstones: the data is
	// deleted on this device, not in the account. The association is zero afterwards.
	Wipe(ctx context.Context) error

	// Begin starts a sync of this collection. The manager ends each session with
	// End before it begins another of the same engine.
	Begin(ctx context.Context, s Start) (Session, error)
}

// Association identifies the storage that an engine's sync state belongs to.
type Association struct {
	// Global is the syncID of meta/global. It changes when the account's storage is set up
	// again.
	Global string
	// Collection is the syncID of the engine in meta/global. It changes when the collection
	// is set up again.
	Collection string
}

// Side says whose values win if both sides changed the same thing.
type Side int

const (
	// PreferNeither uses the engine's own rule: usually the newer record wins.
	PreferNeither Side = iota
	// PreferLocal lets this device's values win.
	PreferLocal
	// PreferRemote lets the account's values win.
	PreferRemote
)

// Start has the parameters of a session.
type Start struct {
	// Run identifies this sync in the logs of engines. It is the same for all engines in the
	// sync, and unique on this device.
	Run string
	// Account identifies the account, whatever its sync IDs; "" means unknown. Another
	// account that was used on this device had other records.
	Account string
	// Prefer says whose values win. It applies to this sync only.
	Prefer Side
	// AcceptDeletions says that the user has confirmed a [TooManyDeletionsError].
	AcceptDeletions bool
	// Skew is how far the server's clock is ahead of this device's, in whole seconds. To find
	// out which of two edits is newer, an engine adds it to the time of the local one,
	// because records have the server's time.
	Skew time.Duration
	// MaxPayload is the largest payload of a record that the server accepts, in bytes of
	// cleartext; 0 means unknown. A larger payload is refused permanently. An engine whose
	// records depend on each other does not upload those that depend on it.
	MaxPayload int
	// Devices are the account's devices including this one, for engines that show them, as
	// the manager last read them.
	Devices []Device
}

// Device is a device of the account, as its record in the clients collection
// describes it.
type Device struct {
	// ID is the ID of the device's records in the collections clients and tabs.
	ID ID
	// AccountID is the device's ID with the accounts server, or "".
	AccountID string
	// Name is the device's name, given by the user.
	Name string
	// Type is "desktop", "mobile", "tablet", "tv", "vr" or another word.
	Type string
	// Application is the name of the app: "Firefox".
	Application string
	// OS is the operating system: "Linux".
	OS string
	// Version is the app's version.
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
	// Since returns the server time up to which the engine has merged the collection; zero
	// means not at all. The manager downloads newer records.
	Since() Timestamp

	// Retry lists records to fetch again by ID: those that could not be read or applied
	// earlier but may be now. An engine lists an ID only a few times, because each list takes
	// a request.
	Retry() []ID

	// Stage stores a page of records for Merge. The slice and the payloads belong to the
	// caller again when Stage returns.
	Stage(ctx context.Context, page []Incoming) error

	// Merge merges the staged records with local changes, applies the result to the user's
	// data, writes the snapshot for the upload, and advances Since to at, the server time of
	// the download. It is called once, even if nothing was staged. If it returns a
	// [TooManyDeletionsError], it has changed nothing.
	Merge(ctx context.Context, at Timestamp) (Merged, error)

	// Outgoing returns up to max further records of the snapshot, each once per session, and
	// none at the end. The result belongs to the caller.
	Outgoing(ctx context.Context, max int) ([]Outgoing, error)

	// Uploaded records the result of a committed batch. Its context is not cancelled with the
	// sync's, because the result must not be lost.
	Uploaded(ctx context.Context, r Receipt) error

	// End closes the session. cause is what stopped the sync, or nil. It is always
	// called, exactly once, with a context that is not cancelled with the sync's.
	End(ctx context.Context, cause error) error
}

// Incoming is a downloaded and decrypted record.
type Incoming struct {
	ID       ID
	Modified Timestamp
	// Payload is the cleartext, a JSON object; nil for a tombstone.
	Payload []byte
	// Err says why the payload is unreadable: it cannot be decrypted, is not JSON, or
	// contains another ID. Payload is then nil. The engine stores the ID for Retry and
	// changes nothing else.
	Err error
}

// Tombstone reports whether in is a tombstone.
func (in Incoming) Tombstone() bool { return in.Payload == nil && in.Err == nil }

// Outgoing is a record to upload.
type Outgoing struct {
	ID ID
	// Payload is the cleartext, a JSON object whose "id" is ID; nil uploads a
	// tombstone.
	Payload []byte
	// SortIndex is the record's weight within its collection, or nil. Servers store at most
	// nine digits.
	SortIndex *int
	// TTL is how many seconds the server keeps the record; 0 means for ever.
	TTL int
}

// Merged is the result of [Session].Merge.
type Merged struct {
	// Applied counts incoming records that changed the user's data.
	Applied int
	// Reconciled counts those that were equal to the local record, or were merged with a
	// local change.
	Reconciled int
	// Failed counts those that could not be read or applied; NewFailed, those
	// among them that failed for the first time.
	Failed, NewFailed int
	// Problems lists failed records with their reasons, at most a few dozen.
	Problems []Problem
	// Changed lists the items that Merge added, changed, deleted or gave another ID, at most
	// [MaxChanged]. See [Merged.NoteChanged].
	Changed []ID
	// MoreChanged reports that more items changed than Changed lists.
	MoreChanged bool
	// Outgoing counts the records in the snapshot.
	Outgoing int
}

// MaxChanged is the largest number of IDs in [Merged].Changed.
const MaxChanged = 1000

// NoteChanged adds IDs to m.Changed until there are [MaxChanged], and then sets MoreChanged.
func (m *Merged) NoteChanged(ids ...ID) {
	room := min(MaxChanged-len(m.Changed), len(ids))
	m.Changed = append(m.Changed, ids[:room]...)
	m.MoreChanged = m.MoreChanged || room < len(ids)
}

// Problem is a record that failed, and the reason in words for a user.
type Problem struct {
	ID  ID
	Err error
}

// Receipt is the result of uploading a batch of records.
type Receipt struct {
	// At is the server's time of the batch: the records' new Modified, and the engine's new
	// Since. It is zero if nothing was committed, because the receipt only reports records
	// that were refused before sending.
	At Timestamp
	// Stored lists the records that are now on the server.
	Stored []ID
	// Refused lists the records that are not.
	Refused []Refusal
}

// Refusal is a record that was not stored.
type Refusal struct {
	ID     ID
	Reason string
	// Permanent means that the same bytes will be refused again, because the record is too
	// large: the engine does not upload the record again until it changes. Otherwise the next
	// sync uploads it again.
	Permanent bool
}
