package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

// Peer is one side of a copy: a backend in this process, which [Local] makes one, or one in another.
type Peer interface {
	// Fence is [storage.Fencer.Fence].
	Fence(ctx context.Context, uid int64, on bool) error
	// Export writes the stream of a user's storage to w.
	Export(ctx context.Context, uid int64, w io.Writer) error
	// Import stores a chunk of a stream in a user's storage, which no client uses meanwhile.
	Import(ctx context.Context, uid int64, chunk []byte) error
	// Sum sums a user's storage up, without the records that expire by the time until.
	Sum(ctx context.Context, uid int64, until bso.Timestamp) (Sum, error)
	// Delete is [storage.Backend.Delete].
	Delete(ctx context.Context, uid int64) error
}

// Sum describes a user's storage. Two with the same Sum are equal.
type Sum struct {
	// Modified is the last-modified time of the storage.
	Modified bso.Timestamp `json:"modified"`
	// Bytes is the size of the payloads.
	Collections int64 `json:"collections"`
	Records     int64 `json:"records"`
	Bytes       int64 `json:"bytes"`
	// SHA256 is the hash of the stream, in hexadecimal digits.
	SHA256 string `json:"sha256"`
}

// ErrDiffers means that a copy is not equal to what it was made of.
var ErrDiffers = errors.New("the copy differs from the original")

// margin is how long before it expires a record is no longer compared, in hundredths of a second:
// the clocks of two machines differ.
const margin = bso.Timestamp(10 * 60 * 100)

// Copy copies the storage of a user to another user, whose storage it empties first, and compares
// the two. The first user's storage must be fenced, or must not be written for another reason. now is the
// clock's time. The error is a [SourceError] if the storage to copy cannot be read.
func Copy(ctx context.Context, now bso.Timestamp, from Peer, uid int64, to Peer, toUID int64) (Sum, error) {
	if err := to.Delete(ctx, toUID); err != nil {
		return Sum{}, err
	}
	r, w := io.Pipe()
	exported := make(chan error, 1)
	go func() {
		err := from.Export(ctx, uid, w)
		exported <- err
		w.CloseWithError(err) // nil is the end
	}()
	err := split(r, func(chunk []byte) error { return to.Import(ctx, toUID, chunk) })
	_ = r.CloseWithError(errors.New("the copy has ended"))
	if readErr := <-exported; readErr != nil && (err == nil || errors.Is(err, readErr)) {
		return Sum{}, &SourceError{readErr}
	}
	if err != nil {
		return Sum{}, err
	}
	return Compare(ctx, now, from, uid, to, toUID)
}

// Compare returns the Sum of two storages that are equal; else the error wraps [ErrDiffers], or is a
// [SourceError] if the first cannot be read. Records that expire within ten minutes are not compared.
func Compare(ctx context.Context, now bso.Timestamp, from Peer, uid int64, to Peer, toUID int64) (Sum, error) {
	want, err := from.Sum(ctx, uid, now+margin)
	if err != nil {
		return Sum{}, &SourceError{err}
	}
	got, err := to.Sum(ctx, toUID, now+margin)
	if err == nil && got != want {
		err = fmt.Errorf("%w: %d records with %d bytes in %d collections, and not %d with %d bytes in %d, or others", ErrDiffers,
			got.Records, got.Bytes, got.Collections, want.Records, want.Bytes, want.Collections)
	}
	return got, err
}

// SourceError is a failure of the storage that is copied.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }

// Local is a backend of this process.
type Local struct{ storage.Backend }

var _ Peer = Local{}

// Fence implements [Peer].
func (l Local) Fence(ctx context.Context, uid int64, on bool) error {
	f, ok := l.Backend.(storage.Fencer)
	if !ok {
		return ErrNoCopies
	}
	return f.Fence(ctx, uid, on)
}

// Export implements [Peer].
func (l Local) Export(ctx context.Context, uid int64, w io.Writer) error {
	return l.View(ctx, uid, func(v storage.View) error {
		_, err := write(v, w, 0)
		return err
	})
}

// Sum implements [Peer].
func (l Local) Sum(ctx context.Context, uid int64, until bso.Timestamp) (s Sum, err error) {
	err = l.View(ctx, uid, func(v storage.View) (err error) {
		hash := sha256.New()
		s, err = write(v, hash, until)
		s.SHA256 = hex.EncodeToString(hash.Sum(nil))
		return err
	})
	return s, err
}

// importRecords is how many records are imported by one statement.
const importRecords = 1000

// Import implements [Peer].
func (l Local) Import(ctx context.Context, uid int64, chunk []byte) error {
	if len(chunk) > MaxChunk {
		return ErrStream
	}
	return l.Update(ctx, uid, storage.Durable, func(tx storage.Tx) error {
		x, ok := tx.(storage.Importer)
		if !ok {
			return ErrNoCopies
		}
		var collection *frame
		var records []storage.Dated
		flush := func() error {
			if collection == nil {
				return nil
			}
			some := records
			records = nil
			return x.Import(collection.Collection, bso.Timestamp(collection.Modified), some)
		}
		err := read(bytes.NewReader(chunk), func(f *frame, payload []byte) error {
			switch {
			case f.Storage != nil:
				return x.ImportModified(bso.Timestamp(*f.Storage))
			case f.Collection != "":
				err := flush()
				next := *f
				collection = &next
				return err
			case f.ID == "" || collection == nil:
				return ErrStream
			}
			if records = append(records, f.record(payload)); len(records) < importRecords {
				return nil
			}
			return flush()
		})
		if err != nil {
			return err
		}
		return flush()
	})
}
