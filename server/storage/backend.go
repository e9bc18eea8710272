package storage

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/syncmanager/syncmanager/bso"
)

// Backend stores the records of all users. [Service] calls it for requests, and the server for
// its operator's commands; package storagetest tests any Backend against this contract.
//
// A user is a number that is not negative. Nothing has to be set up for a user: the storage of
// one who never wrote is empty. Users are isolated from each other: except for Purge and
// States, no call reads or changes more than one.
//
// Times are those of the wire, in hundredths of a second since 1970. The last-modified
// time of a user's storage grows with each step that writes, by at least a hundredth,
// whatever the clock does. It outlives the records, until Delete.
//
// Payloads are any bytes, NUL included, and come back as they were stored. Record IDs
// and collection names are those that [bso.ID.Valid] and [bso.ValidCollection] allow;
// two that differ in one byte are different.
//
// The memory that a call takes does not grow with the number of records that are stored,
// listed or committed.
//
// All methods may be called from many goroutines at once. They return the errors that
// this contract names, wrapped; the context's error when it ended; and the error that f
// returned. Any other error is the Backend's own failure, and is reported to the operator.
// An error contains no record ID and no collection name.
//
// View, Update, Purge and States return the context's error if it has ended when they are
// called, or ends while they wait for their turn; View and Update then do not call f.
type Backend interface {
	// NodeType names the kind of storage in one word, such as "sqlite". The token server
	// tells it to clients as node_type.
	NodeType() string

	// View calls f with one consistent state of a user's storage. Writers do not wait
	// for it, even if f waits for a slow client. The View is valid until f returns.
	//
	// View may call f again after it returned an error of one of the View's methods, where only a
	// repetition helps. An f that must not run again, since it has handed out what it read,
	// returns an error that does not wrap that one.
	View(ctx context.Context, uid int64, f func(View) error) error

	// Update runs f as one atomic step on a user's storage. The steps of one user follow
	// each other: what f reads stays true until its writes are in force. So of two steps that
	// write only if a time has not changed since, one succeeds, which is how
	// X-If-Unmodified-Since works. When Update returns nil, the writes are in force for every
	// reader, and as durable as d says; they are still there after Close, when the same
	// storage is opened again. If f or Update returns an error, none of the writes
	// happened. The Tx is valid until f returns.
	//
	// Update may undo all that f did and call it again, where only a repetition helps.
	//
	// It returns ErrBusy if it could not get its turn, and ErrFull if there was no room. If
	// the context ends while f runs, Update either returns its error, or nil with the
	// writes in force.
	Update(ctx context.Context, uid int64, d Durability, f func(Tx) error) error

	// Delete removes everything stored of a user, as if the user had never written. The
	// caller lets no new calls for the user begin. Calls that are under way for the user
	// may fail.
	Delete(ctx context.Context, uid int64) error

	// Purge removes the expired records and batches of all users. They were invisible
	// before, so that no last-modified time changes. If the storage of one user fails, the
	// others are purged nevertheless, and the error joins a [UserError] for each that failed.
	Purge(ctx context.Context) error

	// States calls visit for each user who ever wrote, in any order, until visit
	// returns an error, which it returns. It may visit users who never wrote, too. It is
	// cheap enough to list all users. A user whose storage cannot be read is visited with
	// State.Err set.
	States(ctx context.Context, visit func(State) error) error

	// Probe tests what the writes of all users need. It changes nothing.
	Probe(ctx context.Context) error

	// Close waits for the calls that are under way, and releases all resources. If ctx ends
	// first, it returns the context's error, and the calls go on. Calls that begin after
	// Close was called fail with ErrClosed. Close may be called again only after it returned
	// an error.
	Close(ctx context.Context) error
}

// FilePerUser is a [Backend] that stores each user in a file of its own. The server's Repair and
// Compact, and backups, need one.
type FilePerUser interface {
	Backend

	// Examine reads a user's file from end to end, and returns an error that wraps
	// ErrDamaged if it is damaged. A user without a file is not an error. work is an empty
	// folder for private copies.
	Examine(ctx context.Context, uid int64, work string) error

	// SetAside moves a user's file to the path to, which must not exist; the user starts
	// again with an empty storage. Without a file it returns [fs.ErrNotExist].
	SetAside(ctx context.Context, uid int64, to string) error

	// Compact returns unused space of a user's file to the disk, and returns the
	// file's sizes in bytes. Meanwhile the user's writers wait. Without a file it returns
	// [fs.ErrNotExist].
	Compact(ctx context.Context, uid int64) (before, after int64, err error)
}

// Fencer is a [Backend] that can refuse the writes of one user while others go on, so that the
// user's storage can be copied elsewhere. Both backends of this module are Fencers.
type Fencer interface {
	Backend

	// Fence makes all Updates of a user fail with ErrFenced from now on, and with on false lets
	// them again. When it returns, no Update that began before is under way. The fence is as durable as
	// a Durable write, and holds for all processes that use the storage; Delete removes it. Views go on.
	// Purge leaves the records of a fenced user.
	Fence(ctx context.Context, uid int64, on bool) error
}

// TimesReader is a [Backend] that reads what info/collections says in one step, which every device asks
// for at each sync.
type TimesReader interface {
	Backend

	// Times returns the last-modified time of a user's storage, and its collections by name with theirs alone, as a
	// View would.
	Times(ctx context.Context, uid int64) (modified bso.Timestamp, all []Collection, err error)
}

// Durability says from when on the writes of an Update survive a loss of power. In any case they
// survive the end of the process when Update has returned.
type Durability uint8

const (
	// Durable writes are on the disk when Update returns.
	Durable Durability = iota
	// Deferred writes are on the disk when a later Durable Update of the same user returns.
	// The posts of a batch are Deferred, since they count only with its commit.
	Deferred
)

var (
	// ErrBusy means that another writer held the user's storage for too long. The client
	// may try again after some seconds.
	ErrBusy = errors.New("the storage is busy")
	// ErrFull means that there was no room for a write. Nothing of it was stored.
	ErrFull = errors.New("no room left to store it")
	// ErrBatches means that the batches that wait for their commit leave no room for more.
	// Only the Service returns it, not a Backend.
	ErrBatches = errors.New("too many uploads wait for their commit")
	// ErrUnreachable means that nothing can be read or written for now: the database that holds
	// the records does not answer, or takes no writes. The client may try again after some seconds.
	ErrUnreachable = errors.New("the storage cannot be reached")
	// ErrClosed means that the storage is closed or closing.
	ErrClosed = errors.New("the storage is closed")
	// ErrFenced means that the user's storage takes no writes for now, since it is being moved; see
	// [Fencer].
	ErrFenced = errors.New("the user's storage is being moved")
	// ErrDamaged means that the storage of one user cannot be read. Other users are not
	// affected.
	ErrDamaged = errors.New("the user's storage is damaged")
	// ErrNoFiles means that what was asked for needs a [FilePerUser], and the storage is another.
	ErrNoFiles = errors.New("the configured storage does not keep records in files: use the storage's own tools")
	// ErrNoBatch means that a batch does not exist, has expired, or belongs to
	// another collection.
	ErrNoBatch = errors.New("the batch does not exist")
)

// UserError is a failure of one user's storage. Other users are not affected.
type UserError struct {
	UID int64
	Err error
}

func (e *UserError) Error() string { return e.Err.Error() }
func (e *UserError) Unwrap() error { return e.Err }

// State describes a user's storage to the operator.
type State struct {
	UID int64
	// Bytes is the size of the payloads. Disk is the size of the whole storage; 0 if it is
	// unknown.
	Bytes, Disk int64
	// Modified is the storage's last-modified time; 0: never.
	Modified bso.Timestamp
	// Err is why the storage cannot be used; nil if it can.
	Err error
}

// View reads a user's storage as it was when the step began. Records and batches that
// had expired by then are not there. Its methods are called one after the other.
type View interface {
	// Modified returns the last-modified time of a record; of a collection, if id is
	// ""; of the whole storage, if collection is "" too. It is 0 for a record or collection
	// that does not exist.
	Modified(collection string, id bso.ID) (bso.Timestamp, error)

	// Collections lists the collections by name. A collection stays when its last record
	// is deleted, until DeleteCollection.
	Collections() ([]Collection, error)

	// Record returns one record, or nil if there is none.
	Record(collection string, id bso.ID) (*Record, error)

	// Page says how many records Records lists for q, and where the next page starts.
	Page(q Query) (Page, error)

	// Records calls f for each record that q selects, in order, until f returns an
	// error, which it returns. The record and its payload are valid until f returns. Records are
	// read one by one as f takes them.
	Records(q Query, f func(*Record) error) error
}

// ListReader is a View that reads a listing together with the time of its collection.
type ListReader interface {
	View

	// List calls modified with the last-modified time of q's collection, as Modified returns it, and then f as
	// Records does, unless that fails. It returns the first error of either. q has a limit, an order by time, and
	// not IDsOnly.
	List(q Query, modified func(bso.Timestamp) error, f func(*Record) error) error
}

// Tx is a View that can write, and that sees its own writes. Each write stamps the
// collection and the storage with Time, and a record as [Change] says.
type Tx interface {
	View

	// Time is the time of this step: the clock's time, or a hundredth of a
	// second after the user's last write if the clock is not later than that.
	Time() (bso.Timestamp, error)

	// Put stores changes, and creates the collection if it does not exist. No two changes
	// have the same ID.
	Put(collection string, changes []Change) error

	// DeleteRecords deletes the records that exist of up to MaxIDs that are named. Like Put
	// it stamps the collection, and creates it if it does not exist.
	DeleteRecords(collection string, ids []bso.ID) error

	// DeleteCollection deletes a collection, its records and its batches, and
	// reports whether it existed. Only then it stamps the storage.
	DeleteCollection(collection string) (bool, error)

	// DeleteAll deletes all collections and batches, and stamps the storage.
	DeleteAll() error

	// StartBatch begins a batch, which is dropped at the time expires unless it was committed.
	// The user has no other batch with that token.
	StartBatch(collection, token string, expires bso.Timestamp) error

	// AppendBatch adds changes to a batch, where they are invisible, and returns the batch's
	// size. If the batch has a change of the same record, the fields that are sent replace
	// its fields and the others stay; the size then counts both. It returns ErrNoBatch.
	AppendBatch(collection, token string, changes []Change) (BatchSize, error)

	// CommitBatch does what one Put of all the batch's changes does, ends the batch, and
	// returns the number of records. A TTL begins with the commit. It returns ErrNoBatch.
	CommitBatch(collection, token string) (int, error)

	// Usage returns what the user has stored. Expired records count until they are dropped.
	// The batch with that token counts too, unless token is ""; other batches do not count,
	// since they may never be committed.
	Usage(token string) (Usage, error)

	// BoundBatches drops batches, the oldest first but never the one with that token, until
	// there are at most number, that one included, with at most so many bytes, overhead
	// included.
	BoundBatches(token string, number int, bytes int64) error

	// DropBatch drops a batch, if it exists.
	DropBatch(token string) error

	// DropExpired drops the user's expired batches and up to most expired records,
	// and returns how many records it dropped. No last-modified time changes.
	DropExpired(most int) (int, error)
}

// Collection is what info/* says of a collection.
type Collection struct {
	Name     string
	Modified bso.Timestamp
	// Records counts the visible records; Bytes is the size of their payloads.
	Records, Bytes int64
}

// Record is a stored record.
type Record struct {
	ID        bso.ID
	Modified  bso.Timestamp
	SortIndex sql.Null[int64]
	Payload   []byte
}

// Fields says which fields of a record a client sent.
type Fields uint8

// The fields of a Change.
const (
	FieldPayload Fields = 1 << iota
	FieldSortIndex
	FieldTTL
)

// Change is what a client sent for one record. A field that is not in Fields
// keeps its stored value. In a new record it has its default: an empty payload, no
// sortindex, no TTL. A record that has expired counts as new. A change of the TTL alone
// leaves the record's last-modified time as it is; any other change stamps it.
type Change struct {
	ID        bso.ID
	Fields    Fields
	Payload   []byte          // never nil
	SortIndex sql.Null[int64] // invalid: none
	TTL       sql.Null[int64] // seconds from this step on; invalid: the record does not expire
}

// Overhead is how many bytes a record, and a collection, takes besides its payload: its
// row and its entries in indexes.
const Overhead = 200

// Usage is what a user has stored. Bytes is the size of the payloads, and the Overhead of
// each record and collection.
type Usage struct {
	Bytes       int64
	Collections int
}

// BatchSize is the size of a batch. Bytes is the size of the payloads.
type BatchSize struct{ Records, Bytes int64 }

// MaxIDs is how many IDs a request may name: the most that Query.IDs and
// [Tx.DeleteRecords] are given.
const MaxIDs = 100

// Sort is the order of a listing.
type Sort byte

// The orders. Records with the same key are ordered by ID, in the same direction.
const (
	SortOldest Sort = 'o' // by last-modified time, the earliest first
	SortNewest Sort = 'n' // by last-modified time, the latest first
	SortIndex  Sort = 'i' // by sortindex, the highest first; records without one come last
)

// Query selects records of a collection.
type Query struct {
	Collection string
	// Newer and Older bound the last-modified time; both are exclusive. 0 and
	// AnyTime are no bounds.
	Newer, Older bso.Timestamp
	// IDs, unless nil, are the only IDs to list, up to MaxIDs.
	IDs []bso.ID
	// IDsOnly lists records with their ID alone.
	IDsOnly bool
	Sort    Sort // 0: SortOldest
	// Limit is the largest number of records; 0: no limit.
	Limit int64
	// After, unless nil, is the position after which the listing starts.
	After *Position
}

// AnyTime is later than any last-modified time.
const AnyTime bso.Timestamp = math.MaxInt64

// Position is a place in a listing: the last-modified time or the sortindex of
// a record, as Sort has it, and its ID.
type Position struct {
	Key int64
	ID  bso.ID
}

// Page describes one page of a listing.
type Page struct {
	Records int64
	// Next is the position after which the next page starts, or nil after the last page.
	Next *Position
}
