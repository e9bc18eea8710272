package storage

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/intake"
)

// readBody reads a body that is no longer than the limit. The whole body is read
// before the storage is opened, so that a slow client does not block it.
func (s *Service) readBody(a *answer, q *request) ([]byte, error) {
	most := int64(s.limits.MaxRequestBytes)
	if q.ContentLength > most {
		return nil, tooLarge
	}
	intake.Charge(q.Body, "user "+strconv.FormatInt(q.uid, 10))
	var b bytes.Buffer
	b.Grow(int(min(max(q.ContentLength, 0), 64<<10)) + bytes.MinRead) // more only as it comes
	_, err := b.ReadFrom(http.MaxBytesReader(a.w, q.Body, most))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case errors.Is(err, intake.ErrBusy):
		return nil, ErrBusy
	case errors.Is(err, hawk.ErrPayload):
		return nil, unauthorized
	case errors.Is(err, intake.ErrSlow):
		return nil, tooSlow
	case err != nil:
		return nil, badRequest
	}
	return b.Bytes(), nil
}

// checkAnnounced refuses an upload whose headers say that it will be over a limit.
func (s *Service) checkAnnounced(h http.Header) error {
	for name, most := range map[string]int{
		"X-Weave-Records":       s.limits.MaxPostRecords,
		"X-Weave-Bytes":         s.limits.MaxPostBytes,
		"X-Weave-Total-Records": s.limits.MaxTotalRecords,
		"X-Weave-Total-Bytes":   s.limits.MaxTotalBytes,
	} {
		text := h.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 63)
		if errors.Is(err, strconv.ErrRange) {
			return overLimit
		}
		if err != nil {
			return badHeader
		}
		if n > uint64(most) {
			return overLimit
		}
	}
	return nil
}

func (s *Service) post(a *answer, q *request) error {
	lines, err := contentLines(q.Header)
	if err != nil {
		return err
	}
	if err := s.checkAnnounced(q.Header); err != nil {
		return err
	}
	batch, err := parseBatch(q.query)
	if err != nil {
		return err
	}
	body, err := s.readBody(a, q)
	if err != nil {
		return err
	}
	u, err := parseUpload(body, lines, s.limits)
	if err != nil {
		return badBody
	}
	if q.collection == "crypto" {
		for i := range u.changes {
			if knownBad(u.changes[i].Payload) {
				return badBody
			}
		}
	}
	if batch.batch {
		return s.postBatch(a, q, batch, u)
	}
	modified, err := s.store(a, q, Durable, "", func(tx Tx) error {
		if len(u.changes) == 0 {
			return nil
		}
		return tx.Put(q.collection, u.changes)
	})
	if err != nil {
		return err
	}
	return a.committed(modified, u)
}

// committed answers a POST whose records are stored.
func (a *answer) committed(modified bso.Timestamp, u *upload) error {
	b := append(make([]byte, 0, 64+24*len(u.changes)), `{"modified":`...)
	b = append(modified.AppendText(b), ',')
	return a.send(http.StatusOK, modified, append(appendUpload(b, u), '}'))
}

// update runs a write to a collection that adds nothing, after it checked the request's
// condition and before it checks the quota. It returns the collection's last-modified time.
func (s *Service) update(a *answer, q *request, write func(Tx) error) (modified bso.Timestamp, err error) {
	return s.write(a, q, Durable, "", write)
}

// store is update for a write that adds something, which needs room on the disk. It adds to the
// batch with that token, unless token is "".
func (s *Service) store(a *answer, q *request, d Durability, batch string, write func(Tx) error) (modified bso.Timestamp, err error) {
	if s.full() {
		return 0, fmt.Errorf("%w: the disk has no more than its reserve left", ErrFull)
	}
	return s.write(a, q, d, batch, write)
}

func (s *Service) write(a *answer, q *request, d Durability, batch string, write func(Tx) error) (modified bso.Timestamp, err error) {
	var left, quota int64
	err = s.backend.Update(q.Context(), q.uid, d, func(tx Tx) error {
		before, err := tx.Modified(q.collection, q.id)
		if err != nil {
			return err
		}
		if err := q.check(before); err != nil {
			return err
		}
		if quota, err = s.quota(q.Context(), q.uid); err != nil {
			return err
		}
		left, err = withinQuota(tx, quota, batch, write)
		if err != nil {
			return err
		}
		modified, err = tx.Modified(q.collection, "")
		return err
	})
	if err == nil && d == Durable { // what is deferred is no record yet
		s.moved(q, modified)
	}
	if err == nil && quota > 0 {
		// Clients expect whole KB.
		a.w.Header().Set("X-Weave-Quota-Remaining", strconv.FormatInt(left/1024, 10))
	}
	return modified, err
}

// maxCollections is how many collections a user may have. Firefox has some fifteen.
const maxCollections = 200

// dropStep is how many expired records are removed by one call.
const dropStep = 1000

// withinQuota runs write and returns how many bytes are left. It fails if the user then has
// more than the quota, with the batch of that token, and more than before:
// a client over its quota must be able to store less. The same holds for the number of
// collections.
func withinQuota(tx Tx, quota int64, batch string, write func(Tx) error) (left int64, err error) {
	before, err := tx.Usage("")
	if err != nil {
		return 0, err
	}
	if err := write(tx); err != nil {
		return 0, err
	}
	after, err := tx.Usage(batch)
	if err != nil {
		return 0, err
	}
	if after.Collections > maxCollections && after.Collections > before.Collections {
		return 0, overLimit
	}
	if quota == 0 {
		return 0, nil
	}
	if after.Bytes > quota && after.Bytes > before.Bytes {
		// Usage counts expired records until they are dropped. The quota does not.
		for n := 1; n > 0; {
			if n, err = tx.DropExpired(dropStep); err != nil {
				return 0, err
			}
		}
		if after, err = tx.Usage(batch); err != nil {
			return 0, err
		}
		if after.Bytes > quota {
			return 0, overQuota
		}
	}
	return max(0, quota-after.Bytes), nil
}

func (s *Service) put(a *answer, q *request) error {
	if lines, err := contentLines(q.Header); lines || err != nil {
		return unsupported
	}
	body, err := s.readBody(a, q)
	if err != nil {
		return err
	}
	change, err := parseRecord(body, q.id)
	switch {
	case err != nil, q.collection == "crypto" && knownBad(change.Payload):
		return badBody
	case len(change.Payload) > s.limits.MaxRecordPayloadBytes:
		return tooLarge
	}
	modified, err := s.store(a, q, Durable, "", func(tx Tx) error { return tx.Put(q.collection, []Change{change}) })
	if err != nil {
		return err
	}
	return a.send(http.StatusOK, modified, modified.AppendText(nil))
}

// deleted answers a deletion.
func (a *answer) deleted(modified bso.Timestamp) error {
	b := modified.AppendText([]byte(`{"modified":`))
	return a.send(http.StatusOK, modified, append(b, '}'))
}

func (s *Service) deleteRecord(a *answer, q *request) error {
	modified, err := s.update(a, q, func(tx Tx) error {
		switch there, err := tx.Modified(q.collection, q.id); {
		case err != nil:
			return err
		case there == 0:
			return notFound
		}
		return tx.DeleteRecords(q.collection, []bso.ID{q.id})
	})
	if err != nil {
		return err
	}
	return a.deleted(modified)
}

func (s *Service) deleteCollection(a *answer, q *request) error {
	ids, err := parseIDs(q.query)
	if err != nil {
		return err
	}
	var modified bso.Timestamp
	_, err = s.update(a, q, func(tx Tx) error {
		if err := deleteSome(tx, q.collection, ids); err != nil {
			return err
		}
		// The collection may be gone, and then has no time.
		modified, err = tx.Modified("", "")
		return err
	})
	if err != nil {
		return err
	}
	if ids == nil {
		s.waiting.forget(q.uid, q.collection)
		s.moved(q, modified)
	}
	return a.deleted(modified)
}

// deleteSome deletes those of the records that exist, or the whole
// collection if ids is nil. An empty list deletes nothing.
func deleteSome(tx Tx, collection string, ids []bso.ID) error {
	if ids == nil {
		_, err := tx.DeleteCollection(collection)
		return err
	}
	there, err := tx.Modified(collection, "")
	if there == 0 || len(ids) == 0 || err != nil {
		return err
	}
	return tx.DeleteRecords(collection, ids)
}

func (s *Service) deleteAll(a *answer, q *request) error {
	modified, err := s.update(a, q, Tx.DeleteAll)
	if err != nil {
		return err
	}
	s.waiting.forget(q.uid, "")
	return a.deleted(modified)
}
