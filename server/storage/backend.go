package storage

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/syncmanager/syncmanager/bso"
)

// Backend keeps the records of all users. Its methods may be called from many
// goroutines at once.
type Backend interface {
	// View runs f on one consistent state of a user's storage. Writers do not
	// wait for it.
	View(ctx context.Context, uid int64, f func(View) error) error

	// Update runs f as one atomic step on a user's storage: what f reads is true
	// until its writes are in force, and they are in force, durably, if Update
	// returns nil, and not at all if f or Update returns an error. collection is
	// the one that f writes to, or "" for the storage as a whole, for backends
	// that can lock less than a user.
	//
	// It returns ErrBusy when it could not get its turn.
	Update(ctx context.Context, uid int64, collection string, f func(Tx) error) error

	// UpdateSoon is an Update that need not wait for the disk: it survives the end
	// of the process when it returns, and a loss of power when a later Update
	// returns. A batch waits for its commit anyway.
	UpdateSoon(ctx context.Context, uid int64, collection string, f func(Tx) error) error

	// Purge removes what expired, of every user. Nobody could see it any more, so
	// no last-modified time changes.
	Purge(ctx context.Context) error

	// Delete removes all that is kept of a user, as if they never came.
	Delete(ctx context.Context, uid int64) error

	// Close waits for what is under way, at most until ctx ends, and lets go of
	// all resources. Calls that come later fail with ErrClosed.
	Close(ctx context.Context) error
}

var (
	// ErrBusy means that another writer held the storage for too long.
	ErrBusy = errors.New("the storage is busy")
	// ErrFull means that a write did not fit on the disk. Nothing of it was kept.
	ErrFull = errors.New("no room left to store it")
	// ErrBatches means that the batches that wait for their commit leave no room for more.
	ErrBatches = errors.New("too much waits for its commit")
	// ErrClosed means that the service is stopping.
	ErrClosed = errors.New("the storage is closed")
	// ErrNoBatch means that a batch does not exist, has expired, or belongs to
	// another collection.
	ErrNoBatch = errors.New("no such batch")
)

// View reads a user's storage. An expired record is not there.
type View interface {
	// Modified is the last-modified time of a record; of a collection, if id is
	// ""; of the whole storage, if collection is "" too. It is 0 for what is not
	// there.
	Modified(collection string, id bso.ID) (bso.Timestamp, error)

	// Collections lists the collections by name.
	Collections() ([]Collection, error)

	// Record returns one record, or nil.
	Record(collection string, id bso.ID) (*Record, error)

	// Page tells what Records would list for q, and where the next page starts.
	Page(q Query) (Page, error)

	// Records calls f for each record that q selects, in order. The record and
	// its payload are valid during the call only.
	Records(q Query, f func(*Record) error) error
}

// Tx is a View that can write. Each write stamps the records, the collection
// and the storage with Time.
type Tx interface {
	View

	// Time is when this step takes place: the clock's time, or a hundredth of a
	// second after the user's last write if the clock has not moved past that.
	Time() (bso.Timestamp, error)

	// Put stores changes, and creates the collection if need be.
	Put(collection string, changes []Change) error

	// DeleteRecords removes those of the records that are there. Like Put it
	// stamps the collection, and creates it if need be.
	DeleteRecords(collection string, ids []bso.ID) error

	// DeleteCollection removes a collection, its records and its batches, and
	// reports whether it was there.
	DeleteCollection(collection string) (bool, error)

	// DeleteAll removes all collections and batches.
	DeleteAll() error

	// StartBatch begins a batch that vanishes, uncommitted, at expires.
	StartBatch(collection, token string, expires bso.Timestamp) error

	// AppendBatch puts changes into a batch, where nobody sees them, and returns
	// what the batch holds now. A record that is in it already is changed there.
	AppendBatch(collection, token string, changes []Change) (BatchSize, error)

	// CommitBatch puts all that a batch holds into the collection, ends the
	// batch, and returns how many records that were.
	CommitBatch(collection, token string) (int, error)

	// Usage is what the user has stored, with what the batch of that token holds, unless
	// it is "". Other batches do not count: they may never be committed.
	Usage(batch string) (Usage, error)

	// BoundBatches removes batches, the oldest first but never that of the token, until
	// there are at most so many with so many bytes, overhead included.
	BoundBatches(token string, number int, bytes int64) error

	// DropBatch removes a batch, if it is there.
	DropBatch(token string) error

	// DropExpired removes the user's batches that expired and up to most records,
	// and returns how many records that were.
	DropExpired(most int) (int, error)
}

// Collection is what info/* tells of a collection.
type Collection struct {
	Name     string
	Modified bso.Timestamp
	// Records and Bytes count what is visible; Bytes are those of the payloads.
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
// keeps its stored value, or takes its default in a record that is new. A
// changed TTL alone leaves the record's last-modified time as it is.
type Change struct {
	ID        bso.ID
	Fields    Fields
	Payload   []byte          // never nil
	SortIndex sql.Null[int64] // invalid: none
	TTL       sql.Null[int64] // seconds; invalid: for ever
}

// Overhead is how many bytes a record, and a collection, takes besides the payload: its
// row and the entries in the indexes.
const Overhead = 200

// Usage is what a user has stored. Bytes are those of the payloads and the Overhead of
// each record and collection.
type Usage struct {
	Bytes       int64
	Collections int
}

// BatchSize is what a batch holds. Bytes are those of the payloads.
type BatchSize struct{ Records, Bytes int64 }

// Sort is the order of a listing.
type Sort byte

// The orders. Records that are equal in them are ordered by ID.
const (
	SortOldest Sort = 'o' // by last-modified time
	SortNewest Sort = 'n' // by last-modified time, the latest first
	SortIndex  Sort = 'i' // by sortindex, the highest first, those without one last
)

// Query selects records of a collection.
type Query struct {
	Collection string
	// Newer and Older bound the last-modified time; both are exclusive. 0 and
	// AnyTime bound nothing.
	Newer, Older bso.Timestamp
	// IDs, unless nil, are the only IDs to list.
	IDs []bso.ID
	// IDsOnly leaves all but the ID of a record out.
	IDsOnly bool
	Sort    Sort
	// Limit is the largest number of records; 0: no limit.
	Limit int64
	// After, unless nil, is the position that the listing starts behind.
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

// Page is the outline of a listing.
type Page struct {
	Records int64
	// Next is the position to go on from, or nil if nothing is left.
	Next *Position
}
