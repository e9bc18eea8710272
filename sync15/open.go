package sync15

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
	"github.com/syncmanager/syncmanager/seal"
)

// keysPatience is how long crypto/keys is not read again because of a record that does not
// open. Firefox 153 waits the same time.
const keysPatience = 10 * time.Minute

// opener turns envelopes into Incoming records.
type opener struct {
	d       *download
	payload []byte
}

// span is where a record's cleartext lies in its batch; from is -1 where there
// is none. The batch's buffer moves as it grows, so slices are cut at the end.
type span struct{ from, to int }

func (o *opener) open(ctx context.Context, b *batch) error {
	b.clear, b.incoming = b.clear[:0], b.incoming[:0]
	spans := make([]span, 0, len(b.ends))
	from := 0
	for _, end := range b.ends {
		in, sp, err := o.record(ctx, b, b.raw[from:end])
		from = end
		if errors.Is(err, errKnown) {
			continue
		}
		if err != nil {
			return err
		}
		b.incoming = append(b.incoming, in)
		spans = append(spans, sp)
	}
	for i, sp := range spans {
		if sp.from >= 0 {
			b.incoming[i].Payload = b.clear[sp.from:sp.to:sp.to]
		}
	}
	return nil
}

// errKnown means that the engine has the record already: it was downloaded only for the mark.
var errKnown = errors.New("the record is known")

// record opens one envelope. Its error is errKnown, or one that stops the download; what is
// wrong with the record alone is in Incoming.Err.
func (o *opener) record(ctx context.Context, b *batch, line []byte) (engine.Incoming, span, error) {
	doing := "download " + o.d.collection
	none := span{-1, -1}
	var in engine.Incoming
	var payload []byte
	err := rawjson.Object(line, func(key, value []byte) error {
		switch string(key) {
		case "id":
			if id, ok := rawjson.Unquoted(value); ok {
				in.ID = bso.ID(id)
			}
		case "modified":
			return in.Modified.UnmarshalJSON(value)
		case "payload":
			payload = value
		}
		return nil
	})
	if err != nil {
		return in, none, protocolError(doing, "a record in it is malformed or cut off")
	}
	if !in.ID.Valid() {
		return in, none, protocolError(doing, "a record in it has no valid ID")
	}
	if o.d.marks.see(in.ID, in.Modified) && !slices.Contains(o.d.retry, in.ID) {
		return in, none, errKnown
	}
	if o.payload, err = rawjson.AppendUnquoted(o.payload[:0], payload); err != nil {
		in.Err = fmt.Errorf("%w: there is none", seal.ErrPayload)
		return in, none, nil
	}
	sp := span{from: len(b.clear)}
	clear, tombstone, unread, err := o.unseal(ctx, b.clear, in.ID)
	if err != nil {
		return in, none, err
	}
	b.clear, in.Err = clear, unread
	if unread != nil || tombstone {
		return in, none, nil
	}
	sp.to = len(b.clear)
	return in, sp, nil
}

// unseal appends the cleartext of o.payload, which is that of record id, to dst.
// err stops the download; unread is what is wrong with the record alone.
func (o *opener) unseal(ctx context.Context, dst []byte, id bso.ID) (clear []byte, tombstone bool, unread, err error) {
	from := len(dst)
	clear, unread = o.d.keys.Open(dst, o.payload)
	if errors.Is(unread, seal.ErrHMAC) {
		fresh, err := o.d.r.recheckKeys(ctx, o.d.collection, o.d.keys)
		if err != nil {
			return dst, false, nil, err
		}
		o.d.keys = fresh
		clear, unread = fresh.Open(clear, o.payload)
	}
	if unread != nil {
		return clear, false, unread, nil
	}
	tombstone, unread = inspect(clear[from:], id)
	return clear, tombstone, unread, nil
}

// inspect checks that a cleartext is an object that carries the ID of its
// envelope: the service could otherwise put one record in another's place. A
// tombstone may carry none: those of Mozilla's Rust components, which Firefox's
// extension-storage is one of, are {"deleted":true} and no more.
func inspect(clear []byte, id bso.ID) (tombstone bool, err error) {
	named, nameless := false, true
	err = rawjson.Object(clear, func(key, value []byte) error {
		switch string(key) {
		case "id":
			text, ok := rawjson.Unquoted(value)
			named, nameless = ok && string(text) == string(id), false
		case "deleted":
			tombstone = string(value) == "true"
		}
		return nil
	})
	switch {
	case err != nil:
		return false, fmt.Errorf("%w: the cleartext is not a JSON object", seal.ErrPayload)
	case !named && !(nameless && tombstone):
		return false, fmt.Errorf("%w: it carries the ID of another record", seal.ErrPayload)
	}
	return tombstone, nil
}

// recheckKeys reads crypto/keys again, because another device may have changed
// them, and returns the collection's bundle. It asks at most once in ten
// minutes: one record that never opens must not cost a request each time.
func (r *Run) recheckKeys(ctx context.Context, collection string, had *seal.Bundle) (*seal.Bundle, error) {
	c := r.c
	if err := c.rereading.take(ctx); err != nil {
		return nil, err
	}
	defer c.rereading.give()
	if now, err := r.bundle(collection); err != nil || !now.Equal(had) {
		return now, err
	}
	if !c.keysAreDue() {
		return had, nil
	}
	err := c.readKeys(ctx, 0)
	if errors.Is(err, ErrKeys) || errors.As(err, new(*freshStart)) {
		// The next Setup handles it; here the record stays unread.
		return had, nil
	}
	if err != nil {
		return nil, err
	}
	return r.bundle(collection)
}

// keysAreDue reports whether crypto/keys may be read again, and notes that it is.
func (c *Client) keysAreDue() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	if now.Sub(c.state.KeysCheckedAt) < keysPatience {
		return false
	}
	c.state.KeysCheckedAt = now
	return true
}
