package takeover

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

// content is what a storage has, without its records.
type content struct {
	// lasting is of the records that do not expire. firm is also of those that expire after horizon:
	// two readings with the same horizon agree.
	lasting, firm digest
	horizon       bso.Timestamp
	storage       bso.Timestamp
	times         map[string]bso.Timestamp
	amounts       map[string]Amount

	expired, skipped int64
	skips            []Skip
}

// anHour is in hundredths of a second.
const anHour = bso.Timestamp(time.Hour / (10 * time.Millisecond))

func newContent(horizon bso.Timestamp) *content {
	return &content{horizon: horizon, times: make(map[string]bso.Timestamp), amounts: make(map[string]Amount)}
}

// hash changes with each write at the other server, and not when records expire.
func (c *content) hash() []byte { return c.lasting.with(c.times, c.storage) }

// same reports whether two readings with the same horizon found the same.
func (c *content) same(o *content) bool {
	return bytes.Equal(c.firm.with(c.times, c.storage), o.firm.with(o.times, o.storage))
}

// note counts a record.
func (c *content) note(collection string, r *storage.Dated) {
	if r.Expires == 0 {
		c.lasting.add(collection, r)
	}
	if r.Expires == 0 || r.Expires > c.horizon {
		c.firm.add(collection, r)
	}
	n := c.amounts[collection]
	c.amounts[collection] = Amount{n.Records + 1, n.Bytes + int64(len(r.Payload))}
	c.at(collection, r.Modified)
}

// at notes a last-modified time of a collection.
func (c *content) at(collection string, modified bso.Timestamp) {
	c.times[collection] = max(c.times[collection], modified)
	c.storage = max(c.storage, modified)
}

// Records go to the target in portions of so many, or of so many bytes.
const (
	portionRecords = 250
	portionBytes   = 2 << 20
)

// reading reads the storage of a user at the other server.
type reading struct {
	*content
	user string
	now  bso.Timestamp
	// to takes the records in portions of one collection, which are valid until it returns.
	to func(collection string, records []storage.Dated) error

	collection string
	last       string // ID
	portion    []storage.Dated
	bytes      int
}

// ahead is how far a time of the other server may be in the future: its clock may be wrong.
const ahead = 24 * time.Hour

// read reads the storage of an account at the other server, and gives its records to to, if it is not nil.
func read(ctx context.Context, src Source, a account, now bso.Timestamp, to func(string, []storage.Dated) error) (*content, error) {
	r := &reading{content: newContent(now + anHour), user: a.Account, now: now, to: to}
	if !a.records {
		return r.content, nil
	}
	times, err := src.Times(ctx, a.uid)
	if err != nil {
		return nil, err
	}
	// The time of a deletion is that of no collection.
	if times.Storage <= r.latest() {
		r.storage = times.Storage
	}
	for name, modified := range times.Collections {
		if why := r.badTime(modified); why != "" || !bso.ValidCollection(name) {
			r.skip(name, "", reason(why, "the protocol does not allow the name of the collection"))
			continue
		}
		r.at(name, modified)
	}
	if err := src.Records(ctx, a.uid, r.take); err != nil {
		return nil, err
	}
	return r.content, r.flush()
}

func reason(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func (r *reading) latest() bso.Timestamp { return r.now + bso.Timestamp(ahead/(10*time.Millisecond)) }

// take checks a record and puts it aside for to.
func (r *reading) take(record Record) error {
	if why := r.bad(record); why != "" {
		r.skip(record.Collection, record.ID, why)
		return nil
	}
	if record.Expires != 0 && record.Expires <= r.now {
		r.expired++
		return nil
	}
	if record.Collection != r.collection || len(r.portion) == portionRecords || r.bytes+len(record.Payload) > portionBytes {
		if err := r.flush(); err != nil {
			return err
		}
		r.collection = record.Collection
	}
	d := storage.Dated{
		Record: storage.Record{
			ID: bso.ID(record.ID), Modified: record.Modified, SortIndex: record.SortIndex, Payload: append([]byte{}, record.Payload...),
		},
		Expires: record.Expires,
	}
	r.last = record.ID
	r.note(record.Collection, &d)
	if r.to == nil {
		return nil
	}
	r.portion, r.bytes = append(r.portion, d), r.bytes+len(d.Payload)
	return nil
}

// flush gives to what was put aside.
func (r *reading) flush() error {
	if len(r.portion) == 0 {
		return nil
	}
	err := r.to(r.collection, r.portion)
	clear(r.portion)
	r.portion, r.bytes = r.portion[:0], 0
	return err
}

// maxSortIndex is the largest sortindex that the protocol allows, and its negative the smallest.
const maxSortIndex = 999_999_999

// bad says why a record cannot be taken over, or "".
func (r *reading) bad(record Record) string {
	switch {
	case record.Fault != "":
		return record.Fault
	case !bso.ValidCollection(record.Collection):
		return "the protocol does not allow the name of its collection"
	case !bso.ID(record.ID).Valid():
		return "the protocol does not allow its ID"
	case record.Collection == r.collection && record.ID == r.last:
		return "another record has the same ID"
	case len(record.Payload) > MaxPayload:
		return fmt.Sprintf("its payload is larger than %d bytes", MaxPayload)
	case record.SortIndex.Valid && (record.SortIndex.V > maxSortIndex || record.SortIndex.V < -maxSortIndex):
		return "its sortindex is not between -999999999 and 999999999"
	}
	return r.badTime(record.Modified)
}

// badTime says what is wrong with a last-modified time, or "".
func (r *reading) badTime(t bso.Timestamp) string {
	switch {
	case t <= 0:
		return "its last-modified time is not after 1970"
	case t > r.latest():
		return "its last-modified time is more than a day in the future"
	}
	return ""
}

// skip counts and names what was left out.
func (r *reading) skip(collection, id, why string) {
	r.skipped++
	if len(r.skips) >= maxNamed {
		return
	}
	item := printable(collection)
	if id != "" {
		item += "/" + printable(id)
	}
	r.skips = append(r.skips, Skip{User: r.user, Item: item, Reason: why})
}

// printable returns a text from outside, so that a terminal shows all of it.
func printable(text string) string {
	const most = 80
	if len(text) > most {
		text = text[:most] + "…"
	}
	quoted := strconv.QuoteToASCII(text)
	if quoted == `"`+text+`"` {
		return text
	}
	return quoted
}

// contentHere returns what a View has, to be compared with what has the same horizon.
func contentHere(v storage.View, horizon bso.Timestamp) (*content, error) {
	c := newContent(horizon)
	all, ok := v.(storage.Exporter)
	if !ok {
		return nil, errCannot
	}
	collections, err := v.Collections()
	if err != nil {
		return nil, err
	}
	for _, collection := range collections {
		c.at(collection.Name, collection.Modified)
		err := all.Export(collection.Name, func(d *storage.Dated) error {
			c.note(collection.Name, d)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	c.storage, err = v.Modified("", "")
	return c, err
}
