package mirror

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// outgoingBytes is how much payload one call of Outgoing returns, about.
const outgoingBytes = 4 << 20

// Outgoing returns the next records of the snapshot: no more than max, and
// fewer where they are large.
func (s *session) Outgoing(ctx context.Context, max int) ([]engine.Outgoing, error) {
	page, err := s.page(ctx, max)
	if err != nil {
		return nil, fmt.Errorf("cannot read what to upload of %s: %w", s.core.rules.Collection, sqlite.Explain(err))
	}
	return page, nil
}

func (s *session) page(ctx context.Context, max int) ([]engine.Outgoing, error) {
	rows, err := s.core.db.Query(ctx, sqlOutgoing, s.outgoing, max)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var page []engine.Outgoing
	var sealed sql.RawBytes
	at := s.outgoing
	for bytes := 0; bytes < outgoingBytes && rows.Next(); {
		var out engine.Outgoing
		if err := rows.Scan(&at, &out.ID, &sealed); err != nil {
			return nil, err
		}
		if sealed != nil {
			if out.Payload, err = s.core.open(out.ID, sealed); err != nil {
				return nil, err
			}
			if s.core.sealer == nil {
				out.Payload = append([]byte(nil), sealed...)
			}
			out.TTL = s.core.rules.TTL
		}
		bytes += len(out.Payload)
		page = append(page, out)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	s.outgoing = at
	return page, nil
}

// Uploaded moves what was sent to the mirror, those very bytes, and takes their
// changes off the record's: an edit made meanwhile is still one to send, and is
// newer than those bytes by any clock.
func (s *session) Uploaded(ctx context.Context, r engine.Receipt) error {
	err := s.core.update(ctx, func(tx *tx) error { return s.settle(tx, r) })
	if err != nil {
		return fmt.Errorf("cannot note what was uploaded of %s: %w", s.core.rules.Collection, err)
	}
	s.since = max(s.since, r.At)
	return nil
}

func (s *session) settle(tx *tx, r engine.Receipt) error {
	ids := []byte{'['}
	for _, id := range r.Stored {
		ids = appendID(ids, id)
	}
	stored := string(append(ids, ']'))
	// An edit made meanwhile came after the batch, whatever this device's clock says.
	if _, err := tx.exec(sqlStored, stored, r.At, s.after(r.At)); err != nil {
		return err
	}
	if err := s.settleTombstones(tx, stored, r.At); err != nil {
		return err
	}
	if _, err := tx.exec(sqlBuried, stored); err != nil {
		return err
	}
	if _, err := tx.exec(sqlSettled, stored); err != nil {
		return err
	}
	if _, err := tx.exec(sqlRetryStored, stored); err != nil {
		return err
	}
	for _, refusal := range r.Refused {
		if refusal.Permanent {
			if _, err := tx.exec(sqlRefused, refusal.ID, refusal.Reason); err != nil {
				return err
			}
		}
	}
	_, err := tx.exec(sqlSetSince, r.At)
	return err
}

const stagedColumns = 7

// stageStatements[n] stages n records.
var stageStatements = func() (s [stageRows + 1]string) {
	for n := 1; n <= stageRows; n++ {
		s[n] = sqlStage + strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?, ?), ", n), ", ") + sqlStageAgain
	}
	return s
}()

func stageStatement(rows int) string { return stageStatements[rows] }

func isObject(raw []byte) bool {
	return rawjson.Object(raw, func(_, _ []byte) error { return nil }) == nil
}
