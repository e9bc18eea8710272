package takeover

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

// digest is a sum of records in any order: databases sort texts differently.
type digest struct {
	sum     [sha256.Size]byte
	records int64
}

// add adds a record.
func (d *digest) add(collection string, r *storage.Dated) {
	h := sha256.New()
	var head [40]byte
	fields := []int64{int64(len(collection)), int64(len(r.ID)), int64(r.Modified), int64(r.Expires), r.SortIndex.V}
	for i, n := range fields {
		binary.BigEndian.PutUint64(head[8*i:], uint64(n))
	}
	h.Write(head[:])
	if r.SortIndex.Valid {
		h.Write([]byte{1})
	} else {
		h.Write([]byte{0})
	}
	h.Write([]byte(collection))
	h.Write([]byte(r.ID))
	h.Write(r.Payload)
	d.plus(h.Sum(nil))
	d.records++
}

// plus adds numbers of 32 bytes.
func (d *digest) plus(n []byte) {
	carry := 0
	for i := len(d.sum) - 1; i >= 0; i-- {
		carry += int(d.sum[i]) + int(n[i])
		d.sum[i] = byte(carry)
		carry >>= 8
	}
}

// with returns the hash of the records with the times of their collections.
func (d *digest) with(times map[string]bso.Timestamp, storage bso.Timestamp) []byte {
	h := sha256.New()
	h.Write(d.sum[:])
	write := func(n int64) { h.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	write(d.records)
	write(int64(storage))
	for _, name := range slices.Sorted(maps.Keys(times)) {
		write(int64(len(name)))
		h.Write([]byte(name))
		write(int64(times[name]))
	}
	return h.Sum(nil)
}
