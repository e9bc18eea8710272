package storage

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/syncmanager/syncmanager/bso"
)

// Backend keeps the records of all users. [Service] calls it for requests, the server for
// what an operator does; package storagetest holds any Backend to this page.
//
// A user is a number that is not negative, and nothing has to be set up for one: a user
// who never wrote has an empty storage. Users are isolated from each other: no call sees or
// changes two of them, but for Purge and States.
//
// Times are those of the wire, in hundredths of a second since 1970. The last-modified
// time of a user's storage grows with each step that writes, by a hundredth at least,
// whatever the clock does; it outlives all that was stored, up to Delete.
//
// The memory that a call takes does not grow with the number of records that are stored,
// listed or committed.
//
// All methods may be called from many goroutines at once. They return the errors of
// this page, wrapped; the context's error when it ended; and whatever f returned. Any
// other error is the Backend's own failure, and is reported to the operator. An error names no
// record and no collection.
type Backend interface {
	// NodeType names the kind of storage in one word, such as "sqlite". The token server
	// tells it to clients as node_type.
	NodeType() string

	// View calls f once, with one consistent state of a user's storage. Writers do not wait
	// for it, even if f waits for a slow client. f's View ends with f.
	View(ctx context.Context, uid int64, f func(View) error) error

	// Update runs f as one atomic step on a user's storage. Steps of one user follow each
	// other: what f reads is true until its writes are in force. The writes are in force, for
	// all who look, when Update returns nil, and as durable as d says; if f or Update
	// returns an error, nothing of them ever was. f's Tx ends with f.
	//
	// Update may call f again, after it undid all that f did before, when only a
	// repetition helps.
	//
	// It returns ErrBusy when it could not get its turn, and ErrFull when there was no room.
	Update(ctx context.Context, uid int64, d Durability, f func(Tx) error) error

	// Delete removes all that is kept of a user, as if they never came, once nothing new
	// comes for that user. What is under way for the user may fail.
	Delete(ctx context.Context, uid int64) error

	// Purge removes what expired, of every user. Nobody could see it any more, so
	// no last-modified time changes. A user whose storage fails keeps no other from being
	// purged; the error then joins a [UserError] for each.
	Purge(ctx context.Context) error

	// States calls visit for each user who ever wrote, in any order, until visit
	// returns an error; others may be visited too. It is cheap enough to list all users. A user whose storage cannot
	// be read has an Err in the State, and keeps no other from being visited.
	States(ctx context.Context, visit func(State) error) error

	// Probe tries what all users' writes need. It changes nothing.
	Probe(ctx context.Context) error

	// Close waits for what is under way, at most until ctx ends, and releases all
	// resources. Calls that come later fail with ErrClosed. After an error, and only then,
	// it may be called again.
	Close(ctx context.Context) error
}

// FilePerUser is a Backend that keeps each user in a file of its own. The server's Repair and
// Compact, and backups, need one.
type FilePerUser interface {
	Backend

	// Examine reads a user's file from end to end, and returns an error that wraps
	// ErrDamaged if it is not sound. A user who has none is fine. work is an empty folder for
	// private copies.
	Examine(ctx context.Context, uid int64, work string) error

	// SetAside moves the file of a user to the path to; the user starts with an empty
	// storage. A file that is not there is [fs.ErrNotExist], and to must not be there.
	SetAside(ctx context.Context, uid int64, to string) error

	// Compact returns unused space of a user's file to the disk, and returns the
	// file's sizes in bytes. Writers of this user wait meanwhile. A file that is not there is
	// [fs.ErrNotExist].
	Compact(ctx context.Context, uid int64) (before, after int64, err error)
}

// Durability says when the writes of an Update survive a loss of power. They survive the end of
// the process when it returns, in any case.
type Durability uint8

const (
	// Durable writes are on the disk when Update returns.
	Durable Durability = iota
	// Deferred writes are on the disk when a later Durable Update of that user returns. A batch
	// waits for its commit anyway.
	Deferred
)

var (
	// ErrBusy means that another writer held the user's storage for too long. The client
	// may try again in seconds.
	ErrBusy = errors.New("the storage is busy")
	// ErrFull means that a write did not fit. Nothing of it was kept.
	ErrFull = errors.New("no room left to store it")
	// ErrBatches means that the batches that wait for their commit leave no room for more.
	// It is the Service's, not a Backend's.
	ErrBatches = errors.New("too much waits for its commit")
	// ErrClosed means that the service is stopping.
	ErrClosed = errors.New("the storage is closed")
	// ErrDamaged means that what is stored of a user cannot be read. It harms nobody else.
	ErrDamaged = errors.New("the user's storage is damaged")
	// ErrNoBatch means that a batch does not exist, has expired, or belongs to
	// another collection.
	ErrNoBatch = errors.New("the batch does not exist")
)

// UserError is a failure of one user's storage, which concerns nobody else.
type UserError struct {
	UID int64
	Err error
}

func (e *UserError) Error() string { return e.Err.Error() }
func (e *UserError) Unwrap() error { return e.Err }

// State is what an operator sees of a user's storage.
type State struct {
	UID int64
	// Bytes are those of the payloads, Disk those that the storage takes; Disk is 0 where
	// that is not known.
	Bytes, Disk int64
	// Modified is when something in it last changed; 0: never.
	Modified bso.Timestamp
	// Err is why it cannot be used; nil: it can.
	Err error
}

// View reads a user's storage, as of the moment when the step began: a record or a batch that
// has expired by then is not there. One call ends before the next one begins.
type View interface {
	// Modified is the last-modified time of a record; of a collection, if id is
	// ""; of the whole storage, if collection is "" too. It is 0 for what is not
	// there.
	Modified(collection string, id bso.ID) (bso.Timestamp, error)

	// Collections lists the collections by name. A collection whose records are all gone
	// is still there, up to DeleteCollection.
	Collections() ([]Collection, error)

	// Record returns one record, or nil.
	Record(collection string, id bso.ID) (*Record, error)

	// Page tells what Records would list for q, and where the next page starts.
	Page(q Query) (Page, error)

	// Records calls f for each record that q selects, in order, until f returns an
	// error, which it returns. The record and its payload are valid during the call only. It reads
	// the records as f takes them.
	Records(q Query, f func(*Record) error) error
}

// Tx is a View that can write, and sees what it wrote. Each write stamps the records, the
// collection and the storage with Time. IDs and names of collections are those that package bso
// calls valid; they differ if a byte does.
type Tx interface {
	View

	// Time is when this step takes place: the clock's time, or a hundredth of a
	// second after the user's last write if the clock has not moved past that.
	Time() (bso.Timestamp, error)

	// Put stores changes, and creates the collection if need be. No ID comes twice.
	Put(collection string, changes []Change) error

	// DeleteRecords removes those of the records that are there. Like Put it
	// stamps the collection, and creates it if need be.
	DeleteRecords(collection string, ids []bso.ID) error

	// DeleteCollection removes a collection, its records and its batches, and
	// reports whether it was there. It stamps the storage, if so.
	DeleteCollection(collection string) (bool, error)

	// DeleteAll removes all collections and batches, and stamps the storage.
	DeleteAll() error

	// StartBatch begins a batch that vanishes, uncommitted, at expires. No batch of
	// the user has that token.
	StartBatch(collection, token string, expires bso.Timestamp) error

	// AppendBatch puts changes into a batch, where nobody sees them, and returns
	// what was put into the batch so far. A record that is in it already is changed there, and
	// counts twice. It returns ErrNoBatch.
	AppendBatch(collection, token string, changes []Change) (BatchSize, error)

	// CommitBatch does with all that a batch holds what Put does, ends the
	// batch, and returns how many records that were. It returns ErrNoBatch.
	CommitBatch(collection, token string) (int, error)

	// Usage is what the user has stored, expired records included until they are dropped, with what the batch of that
	// token holds, unless it is "". Other batches do not count: they may never be committed.
	Usage(batch string) (Usage, error)

	// BoundBatches removes batches, the oldest first but never that of the token, until
	// there are at most so many, that one included, with so many bytes, overhead included.
	BoundBatches(token string, number int, bytes int64) error

	// DropBatch removes a batch, if it is there.
	DropBatch(token string) error

	// DropExpired removes the user's batches that expired and up to most records,
	// and returns how many records that were. No last-modified time changes.
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
