// Package transfer copies the storage of one user to another backend, with all its times, and
// compares the two. Either may be in another process: what goes between them is a stream of bytes.
//
// A stream is a sequence of frames. A frame is a line of JSON; that of a record is followed by
// the record's payload. Collections are in the order of their names, records in that of their IDs, so
// that equal storages have equal streams. Batches that wait for their commit are not in it.
package transfer

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

const (
	// chunkSize is how many bytes a chunk of a stream has at most, unless one record is larger.
	chunkSize = 1 << 20
	// MaxChunk bounds a chunk, in bytes. The largest record that a server takes fits.
	MaxChunk = 3 << 20
	// maxLine bounds the line of a frame, in bytes.
	maxLine = 1024
	// maxSortIndex bounds a sortindex, either way.
	maxSortIndex = 999_999_999
)

// ErrStream means that a stream is not one of this package, or was cut.
var ErrStream = errors.New("the copy of a user's storage is not complete or not valid")

// ErrNoCopies means that a backend cannot be copied from or to.
var ErrNoCopies = errors.New("the storage cannot be copied: it does not tell or take the times of records")

// frame is the line of a frame. One of its first four fields says what it is.
type frame struct {
	// Storage is the last-modified time of the whole storage.
	Storage *int64 `json:"storage,omitempty"`
	// Collection begins a collection. The records that follow are in it.
	Collection string `json:"collection,omitempty"`
	ID         string `json:"id,omitempty"`
	// End ends a stream, with the number of records that it had.
	End *int64 `json:"end,omitempty"`

	Modified  int64  `json:"modified,omitempty"`
	SortIndex *int64 `json:"sortindex,omitempty"`
	Expires   int64  `json:"expires,omitempty"`
	// Size is the size of the payload, in bytes.
	Size int `json:"size,omitempty"`
}

func (f *frame) write(w io.Writer, payload []byte) error {
	line, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return err
	}
	_, err = w.Write(payload)
	return err
}

// write writes the stream of a storage, without the records that expire by the time until; 0
// leaves none out.
func write(v storage.View, to io.Writer, until bso.Timestamp) (s Sum, err error) {
	w := bufio.NewWriterSize(to, 64<<10)
	x, ok := v.(storage.Exporter)
	if !ok {
		return s, ErrNoCopies
	}
	if s.Modified, err = v.Modified("", ""); err != nil {
		return s, err
	}
	modified := int64(s.Modified)
	if err := (&frame{Storage: &modified}).write(w, nil); err != nil {
		return s, err
	}
	all, err := v.Collections()
	if err != nil {
		return s, err
	}
	for _, c := range all {
		s.Collections++
		if err := (&frame{Collection: c.Name, Modified: int64(c.Modified)}).write(w, nil); err != nil {
			return s, err
		}
		err := x.Export(c.Name, func(r *storage.Dated) error {
			if r.Expires != 0 && r.Expires <= until {
				return nil
			}
			s.Records++
			s.Bytes += int64(len(r.Payload))
			f := frame{ID: string(r.ID), Modified: int64(r.Modified), Expires: int64(r.Expires), Size: len(r.Payload)}
			if r.SortIndex.Valid {
				f.SortIndex = &r.SortIndex.V
			}
			return f.write(w, r.Payload)
		})
		if err != nil {
			return s, err
		}
	}
	if err := (&frame{End: &s.Records}).write(w, nil); err != nil {
		return s, err
	}
	return s, w.Flush()
}

// read calls f for each frame of a stream or a chunk, and its payload, which is valid until f returns.
func read(r io.Reader, f func(*frame, []byte) error) error {
	b := bufio.NewReaderSize(r, 64<<10)
	var payload bytes.Buffer
	for {
		line, err := b.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull) || len(line) > maxLine {
			return ErrStream
		}
		if err != nil {
			return err
		}
		var fr frame
		if err := json.Unmarshal(line, &fr); err != nil || !fr.valid() {
			return ErrStream
		}
		payload.Reset()
		if _, err := io.CopyN(&payload, b, int64(fr.Size)); errors.Is(err, io.EOF) {
			return ErrStream
		} else if err != nil {
			return err
		}
		if err := f(&fr, payload.Bytes()); err != nil {
			return err
		}
	}
}

// valid reports whether a frame is one thing, and within the bounds of storage.
func (f *frame) valid() bool {
	kinds := 0
	for _, is := range []bool{f.Storage != nil, f.Collection != "", f.ID != "", f.End != nil} {
		if is {
			kinds++
		}
	}
	if kinds != 1 || f.Size < 0 || f.Size > MaxChunk-4*maxLine || f.Expires < 0 || f.Modified < 0 {
		return false
	}
	switch {
	case f.Storage != nil:
		return *f.Storage >= 0
	case f.Collection != "":
		return bso.ValidCollection(f.Collection)
	case f.ID != "":
		return bso.ID(f.ID).Valid() && f.Modified > 0 && (f.SortIndex == nil || *f.SortIndex >= -maxSortIndex && *f.SortIndex <= maxSortIndex)
	}
	return true
}

// record returns a frame as a record, with a copy of the payload.
func (f *frame) record(payload []byte) storage.Dated {
	r := storage.Dated{Expires: bso.Timestamp(f.Expires)}
	r.ID, r.Modified, r.Payload = bso.ID(f.ID), bso.Timestamp(f.Modified), append([]byte{}, payload...)
	if f.SortIndex != nil {
		r.SortIndex = sql.Null[int64]{V: *f.SortIndex, Valid: true}
	}
	return r
}

// split cuts a whole stream into chunks, each a stream without an end that can be read by itself. A
// chunk is valid until send returns.
func split(r io.Reader, send func([]byte) error) error {
	s := splitter{send: send}
	if err := read(r, s.frame); err != nil {
		return err
	}
	if !s.ended {
		return ErrStream
	}
	return send(s.chunk.Bytes())
}

// splitter fills chunks with the frames of a stream.
type splitter struct {
	send       func([]byte) error
	chunk      bytes.Buffer
	collection *frame // that the next records belong to
	records    int64
	ended      bool
}

func (s *splitter) frame(f *frame, payload []byte) error {
	if s.ended {
		return ErrStream
	}
	switch {
	case f.End != nil:
		if s.ended = true; *f.End != s.records {
			return fmt.Errorf("%w: it has %d of %d records", ErrStream, s.records, *f.End)
		}
		return nil
	case f.Collection != "":
		next := *f
		s.collection = &next
	case f.ID != "":
		if s.records++; s.collection == nil {
			return ErrStream
		}
	}
	if s.chunk.Len() > 0 && s.chunk.Len()+maxLine+len(payload) > chunkSize {
		if err := s.next(f); err != nil {
			return err
		}
	}
	return f.write(&s.chunk, payload)
}

// next sends the chunk, and begins another one that f fits into.
func (s *splitter) next(f *frame) error {
	if err := s.send(s.chunk.Bytes()); err != nil {
		return err
	}
	s.chunk.Reset()
	if f.ID == "" {
		return nil
	}
	return s.collection.write(&s.chunk, nil)
}
