// Package syncids replaces the sync IDs of a storage, so that every client compares all that it has
// with it. It is part of restoring an earlier state of the storage than the one that clients know.
package syncids

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"maps"
	"slices"
)

const (
	// MaxRecord bounds a record of the collection "meta" that is rewritten, in bytes.
	MaxRecord = 1 << 20
	// MaxRecords is how many there may be: Firefox has two, of a kilobyte each.
	MaxRecords = 100
	// within bounds how far the time of the new sync IDs is from the clock, in hundredths
	// of a second: before it, or after all other times if the clock is not later. The distance
	// is random: with one time, a client that saw an earlier restore of the same backup
	// would take the records for those that it knows.
	within = 3000
)

// Time chooses the time of a renewal, after last, which is the latest that the storage has. All are
// in hundredths of a second since 1970.
func Time(random io.Reader, last, clock int64) (int64, error) {
	var chance [2]byte
	if _, err := io.ReadFull(random, chance[:]); err != nil {
		return 0, err
	}
	chosen := int64(binary.BigEndian.Uint16(chance[:])) % within
	if clock > last {
		// A later time would put the server's time ahead of the clock, and every
		// edit of a device would look newer than it is.
		return max(last+1, clock-chosen), nil
	}
	return last + 1 + chosen, nil
}

// Renewal replaces each sync ID in JSON values. An ID that is in two places gets the same
// new one: Firefox wipes a collection whose ID in meta/syncids belongs to another
// meta/global.
type Renewal struct {
	random io.Reader
	ids    map[string]string // by the old ones
	err    error
}

// New returns a Renewal whose IDs come from random.
func New(random io.Reader) *Renewal { return &Renewal{random: random, ids: make(map[string]string)} }

// Payload returns a payload with new sync IDs, or nil if it has none.
func (r *Renewal) Payload(old []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(old))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, nil // clients cannot read it either, and set up the storage again
	}
	if found := r.walk(v); !found || r.err != nil {
		return nil, r.err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}

func (r *Renewal) walk(v any) (found bool) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) { // a fixed order: the same random bytes give the same IDs
			value := v[name]
			if id, text := value.(string); text && (name == "syncID" || name == "globalSyncID") {
				v[name], found = r.id(id), true
			} else {
				found = r.walk(value) || found
			}
		}
	case []any:
		for _, value := range v {
			found = r.walk(value) || found
		}
	}
	return found
}

// id returns the new sync ID for an old one, of the usual twelve characters.
func (r *Renewal) id(old string) string {
	if r.ids[old] == "" {
		var b [9]byte
		if _, err := io.ReadFull(r.random, b[:]); err != nil {
			r.err = err
		}
		r.ids[old] = base64.RawURLEncoding.EncodeToString(b[:])
	}
	return r.ids[old]
}
