package bookmarks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// chunkSize is how many rows one transaction stages or snapshots.
const chunkSize = 500

type session struct {
	*ledger.Session
	e       *Engine
	cleared int
	index   int // where a record's sort index is scanned into
	// revived are items that were deleted before the server went back, and that the user
	// wants to have again.
	revived map[engine.ID]bool
	// agreement is about the records that were staged.
	agreement *agreement
}

// Begin starts a sync. What an earlier session staged is void.
func (e *Engine) Begin(ctx context.Context, start engine.Start) (engine.Session, error) {
	s := &session{e: e, agreement: newAgreement()}
	var err error
	if s.Session, err = e.ledger.Begin(ctx, start, s); err != nil {
		return nil, err
	}
	err = e.view(ctx, func(t *tx) error {
		m, err := t.meta()
		s.cleared = m.cleared
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot begin to sync bookmarks: %w", err)
	}
	return s, nil
}

// ToStage returns the row of an incoming record. Nobody may write the root of all, and
// no root has its local name there.
func (s *session) ToStage(in *engine.Incoming) (ledger.Row, error) {
	if in.ID == WireID(Root) || IsRoot(in.ID) {
		return ledger.Row{}, nil
	}
	row := ledger.Row{ID: localID(in.ID), Err: in.Err, Columns: []any{"", 0}}
	if row.Err != nil {
		s.agreement.broken = true
		return row, nil
	}
	if in.Payload == nil {
		s.agreement.noteDeletion(row.ID)
		return row, nil
	}
	row.Payload = in.Payload
	r, err := acceptRecord(in)
	if err != nil {
		s.agreement.broken = true
		row.Err, row.Fatal = err, true
		return row, nil
	}
	s.agreement.note(&r)
	row.Columns = []any{r.parent, r.kind}
	return row, nil
}

// acceptRecord reads a record that came.
func acceptRecord(in *engine.Incoming) (record, error) {
	r, err := parseRecord(in.ID, in.Payload, in.Modified)
	if err == nil && !in.ID.Valid() {
		err = fmt.Errorf("%.70q cannot be a record's id", in.ID)
	}
	return r, err
}

// Reads returns why this version of the program cannot read a record, or nil.
func (s *session) Reads(in *engine.Incoming) error { return reads(in) }

func reads(in *engine.Incoming) error {
	_, err := acceptRecord(in)
	return err
}

// Columns returns where to scan the sort index.
func (s *session) Columns() []any { return []any{&s.index} }

// ToSend completes a record of the snapshot.
func (s *session) ToSend(out *engine.Outgoing) error {
	if out.Payload != nil {
		index := s.index
		out.SortIndex = &index
	}
	return nil
}

// Settle moves what was sent to the mirror, those very bytes, and takes their changes
// off the item's: an edit made meanwhile is still one to send.
func (s *session) Settle(t *sqlite.Tx, from, to int64, at engine.Timestamp) error {
	if _, err := t.Exec(sqlStored, from, to, at); err != nil {
		return err
	}
	for _, query := range []string{sqlStoredGone, sqlRemoveSentTombstones, sqlSubtract} {
		if _, err := t.Exec(query, from, to); err != nil {
			return err
		}
	}
	return nil
}

// Refuse notes that the server refused an item, or its deletion, for ever.
func (s *session) Refuse(t *sqlite.Tx, guid engine.ID, reason string) error {
	if _, err := t.Exec(sqlRefused, guid, reason); err != nil {
		return err
	}
	var n int64
	err := t.QueryRow(sqlRowOf, guid).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = t.Exec(sqlRefusedGone, guid)
	}
	return err
}
