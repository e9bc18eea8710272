package storage

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

// batchLife is how long a batch waits for its commit.
const batchLife = 2 * time.Hour

// maxBatches is how many batches of a user may wait for their commit. One more replaces
// the oldest.
const maxBatches = 20

// batchRequest is what the parameters batch and commit ask for.
type batchRequest struct {
	batchID // token "": a new batch, or none
	batch   bool
	commit  bool
}

func parseBatch(v values) (b batchRequest, err error) {
	token, batch := v["batch"]
	commit, ok := v["commit"]
	if ok && (!batch || !strings.EqualFold(commit, "true")) {
		return b, badRequest
	}
	if strings.EqualFold(token, "true") {
		token = ""
	}
	// A batch that one request starts and commits is a POST without a batch.
	return batchRequest{batchID: batchID{token: token}, batch: batch && (token != "" || !ok), commit: ok}, nil
}

// postBatch adds to a batch, a new one if need be, and commits it if asked.
func (s *Service) postBatch(a *answer, q *request, batch batchRequest, u *upload) error {
	started := batch.token == ""
	if started {
		var raw [12]byte
		if _, err := io.ReadFull(s.rand, raw[:]); err != nil {
			return err
		}
		batch.token = base64.RawURLEncoding.EncodeToString(raw[:])
	}
	batch.uid, batch.collection = q.uid, q.collection
	grant, err := s.makeBatchRoom(q.Context(), batch.batchID, batch.commit, u)
	if err != nil {
		return err
	}
	durability := Deferred
	if batch.commit {
		durability = Durable
	}
	var size BatchSize
	modified, err := s.store(a, q, durability, batch.token, func(tx Tx) (err error) {
		if started {
			expires := a.started + bso.Timestamp(batchLife.Milliseconds()/10)
			if err := tx.StartBatch(q.collection, batch.token, expires); err != nil {
				return err
			}
		}
		if size, err = s.appendBatch(tx, batch.batchID, u); err != nil || !batch.commit {
			return err
		}
		_, err = tx.CommitBatch(q.collection, batch.token)
		return err
	})
	grant.end(err == nil, err == nil && batch.commit || errors.Is(err, ErrNoBatch), size)
	switch {
	case errors.Is(err, ErrNoBatch):
		return badRequest
	case err != nil:
		return err
	case batch.commit:
		return a.committed(modified, u)
	}
	b := append(make([]byte, 0, 64+24*len(u.changes)), `{"batch":`...)
	b = append(appendString(b, batch.token), ',')
	return a.send(http.StatusAccepted, modified, append(appendUpload(b, u), '}'))
}

// appendBatch adds an upload to a batch, within the limits.
func (s *Service) appendBatch(tx Tx, batch batchID, u *upload) (BatchSize, error) {
	size, err := tx.AppendBatch(batch.collection, batch.token, u.changes)
	if err != nil {
		return size, err
	}
	if size.Records > int64(s.limits.MaxTotalRecords) || size.Bytes > int64(s.limits.MaxTotalBytes) {
		return size, overLimit
	}
	// The user's other batches, which may be abandoned, must not grow without bound.
	return size, tx.BoundBatches(batch.token, maxBatches, 2*int64(s.limits.MaxTotalBytes))
}
