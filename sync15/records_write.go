package sync15

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// These are the bounds of the storage API for the fields beside a payload.
const maxNineDigits = 999_999_999

// Put writes a record and returns its new time. rec.Cleartext is sealed, with rec.ID as its
// "id" where it has none; if it is nil, rec.Sealed is uploaded as it is. A SortIndex or TTL
// that is not given stays as it was.
//
// If the record changed after since, nothing is written and the error is [ErrChanged]. A since
// of zero means a new record: if there is one, the error is [ErrExists]. A record with more
// bytes than the server accepts is refused before it is sent.
func (rs *Records) Put(ctx context.Context, collection string, rec Record, since bso.Timestamp) (bso.Timestamp, error) {
	if !bso.ValidCollection(collection) {
		return 0, fmt.Errorf("%.80q cannot be a collection's name: it has 1 to 32 letters, digits, \"-\", \"_\" or \".\"", collection)
	}
	payload, err := rs.payload(ctx, collection, rec)
	if err != nil {
		return 0, err
	}
	if err := rs.learnLimits(ctx); err != nil {
		return 0, err
	}
	envelope := appendEnvelope(nil, engine.Outgoing{ID: rec.ID, SortIndex: rec.SortIndex, TTL: rec.TTL}, payload)
	l := rs.r.limits()
	if len(payload) > l.MaxRecordPayloadBytes || len(envelope) > l.MaxRequestBytes {
		return 0, fmt.Errorf("the record has %d bytes as it would be stored, and the server takes %d", len(payload), min(l.MaxRecordPayloadBytes, l.MaxRequestBytes))
	}
	at, err := rs.r.c.putEnvelope(ctx, collection, rec.ID, envelope, since)
	if isConflict(err) {
		why := ErrChanged
		if since == 0 {
			why = ErrExists
		}
		return 0, fmt.Errorf("write %s/%s: %w", collection, rec.ID, why)
	}
	return at, err
}

// payload returns what Put stores.
func (rs *Records) payload(ctx context.Context, collection string, rec Record) ([]byte, error) {
	if err := checkID(rec.ID); err != nil {
		return nil, err
	}
	switch n := rec.SortIndex; {
	case n != nil && (*n > maxNineDigits || *n < -maxNineDigits):
		return nil, fmt.Errorf("a sort index has at most nine digits, not %d", *n)
	case rec.TTL < 0 || rec.TTL > maxNineDigits:
		return nil, fmt.Errorf("a TTL is 1 to %d seconds, not %d", maxNineDigits, rec.TTL)
	}
	if rec.Cleartext == nil {
		return []byte(rec.Sealed), nil
	}
	clear, err := withID(rec.Cleartext, rec.ID)
	if err != nil {
		return nil, err
	}
	keys, err := rs.bundle(ctx, collection)
	switch {
	case err != nil:
		return nil, err
	case keys == nil:
		return rec.Cleartext, nil
	}
	return keys.Seal(nil, clear, rs.r.c.cfg.Rand)
}

// withID returns the object with the ID of its record, which every reader requires.
func withID(object []byte, id bso.ID) ([]byte, error) {
	members, named := 0, [][]byte(nil)
	err := rawjson.Object(object, func(key, value []byte) error {
		members++
		if string(key) == "id" {
			named = append(named, value)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the record is not a JSON object: %w", err)
	}
	for _, value := range named {
		if text, ok := rawjson.Unquoted(value); !ok || string(text) != string(id) {
			return nil, fmt.Errorf("the record says that its \"id\" is %.80s, and not %q", value, string(id))
		}
	}
	if len(named) > 0 {
		return object, nil
	}
	start := bytes.IndexByte(object, '{') + 1
	with := rawjson.AppendQuoted(append(slices.Clone(object[:start]), `"id":`...), id)
	if members > 0 {
		with = append(with, ',')
	}
	return append(with, object[start:]...), nil
}

// Delete removes a record from the server. The error is [ErrChanged] if it changed after since,
// and [ErrNoRecord] if it does not exist. A device that has the record keeps it and is not
// notified: to delete it everywhere, Put a tombstone, {"deleted":true}.
func (rs *Records) Delete(ctx context.Context, collection string, id bso.ID, since bso.Timestamp) error {
	if err := checkID(id); err != nil {
		return err
	}
	doing := "delete " + collection + "/" + string(id)
	err := rs.r.c.mustDelete(ctx, bsoPath(collection, id), doing, since)
	if isConflict(err) {
		return fmt.Errorf("%s: %w", doing, ErrChanged)
	}
	return missing(err, doing)
}

// DeleteCollection removes a collection from the server with all its records, as Delete does
// one record. The error is [ErrChanged] if it changed after the Records were opened.
func (rs *Records) DeleteCollection(ctx context.Context, collection string) error {
	if _, there := rs.r.info[collection]; !there {
		return fmt.Errorf("%w: %.64q", ErrNoCollection, collection)
	}
	if err := rs.r.deleteCollection(ctx, collection); isConflict(err) {
		return fmt.Errorf("delete %s: %w", collection, ErrChanged)
	} else if err != nil {
		return err
	}
	return nil
}
