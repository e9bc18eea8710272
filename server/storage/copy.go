package storage

import (
	"github.com/syncmanager/syncmanager/bso"
)

// Exporter is a [View] that also tells when records expire: with [View.Modified] and
// [View.Collections], it reads all that a copy of a user's storage needs. The Views of both
// backends of this module are Exporters. Batches that wait for their commit are not exported.
type Exporter interface {
	View

	// Export calls f for each record of a collection, in the order of the bytes of the IDs, until f returns
	// an error, which it returns. The record and its payload are valid until f returns. Records
	// are read one by one as f takes them.
	Export(collection string, f func(*Dated) error) error
}

// Importer is a [Tx] that can store records with times of the past: those of a copy, or of
// another server. The Txs of both backends of this module are Importers. A step that imports does
// no other writes. It is for a user whose storage no client reads meanwhile; importing the
// same twice leaves what importing it once leaves.
//
// The times that the wire gives out after an import are right: a later step's Time is after all
// times that were imported.
type Importer interface {
	Tx

	// Import stores records as they are, in place of stored ones with the same IDs, and no two of them have
	// the same ID. It creates the collection if it does not exist, and sets its last-modified time to modified.
	// The last-modified time of the storage becomes modified, or a record's, if it is earlier than
	// that. The bounds of records are those of [Change]; the caller checks them, and splits
	// many records into several calls.
	Import(collection string, modified bso.Timestamp, records []Dated) error

	// ImportModified sets the last-modified time of the storage to modified if it is earlier.
	ImportModified(modified bso.Timestamp) error
}

// Dated is a record with all its times. One to import has a Payload that is not nil, and a
// last-modified time greater than 0, which listings take for the time before all others.
type Dated struct {
	Record
	// Expires is when the record expires; 0: never.
	Expires bso.Timestamp
}

// LastModified returns the latest of modified and the times of records.
func LastModified(modified bso.Timestamp, records []Dated) bso.Timestamp {
	for i := range records {
		modified = max(modified, records[i].Modified)
	}
	return modified
}
