package history

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

type session struct {
	*ledger.Session
	e       *Engine
	index   *int // where a record's sort index is scanned into
	skipped skipped
}

// skipped counts what a sync left out.
type skipped struct{ pages, visits int }

// Begin starts a sync. What an earlier session staged is void.
func (e *Engine) Begin(ctx context.Context, start engine.Start) (engine.Session, error) {
	s := &session{e: e}
	var err error
	if s.Session, err = e.ledger.Begin(ctx, start, s); err != nil {
		return nil, err
	}
	return s, nil
}

// ToStage returns the row of an incoming record.
func (s *session) ToStage(in *engine.Incoming) (ledger.Row, error) {
	r := ledger.Row{ID: in.ID, Payload: in.Payload, Err: in.Err}
	if r.Err == nil && in.Payload != nil && !validGUID(in.ID) {
		r.Err, r.Fatal = fmt.Errorf("%.70q cannot be the id of a page", in.ID), true
	}
	return r, nil
}

// Reads returns why this version of the program cannot read a record, or nil.
func (s *session) Reads(in *engine.Incoming) error { return reads(in) }

func reads(in *engine.Incoming) error {
	if !validGUID(in.ID) {
		return fmt.Errorf("%.70q cannot be the id of a page", in.ID)
	}
	_, err := parseRecord(in.Payload, math.MaxInt64-clockSkew)
	return err
}

// Columns returns where to scan the sort index.
func (s *session) Columns() []any { return []any{&s.index} }

// ToSend completes a record of the snapshot.
func (s *session) ToSend(out *engine.Outgoing) error {
	out.TTL = ttl
	out.SortIndex, s.index = s.index, nil
	return nil
}

// Settle notes what the server has now.
func (s *session) Settle(tx *sqlite.Tx, from, to int64, _ engine.Timestamp) error {
	for _, query := range []string{sqlStored, sqlStoredGone} {
		if _, err := tx.Exec(query, from, to); err != nil {
			return err
		}
	}
	return nil
}

// Refuse notes what the server does not take.
func (s *session) Refuse(tx *sqlite.Tx, id engine.ID, reason string) error {
	if _, err := tx.Exec(sqlRefused, id, reason); err != nil {
		return err
	}
	_, err := tx.Exec(sqlRefusedGone, id)
	return err
}

// Troubles counts the records that are stuck, and names the first max of each kind.
func (e *Engine) Troubles(ctx context.Context, max int) (t engine.Troubles, err error) {
	if t.Unsent, t.UnsentRecords, err = e.ledger.Problems(ctx, sqlCountRefused, sqlRefusedPage, max); err != nil {
		return t, err
	}
	if t.Held, t.HeldRecords, err = e.ledger.Problems(ctx, sqlCountHeld, sqlHeldPage, max); err != nil {
		return t, err
	}
	t.Unread, t.UnreadRecords, err = e.ledger.Unread(ctx, max)
	return t, err
}

// Unreadable yields the records on the server that this version of the program cannot
// read, by ID. An error ends it.
func (e *Engine) Unreadable(ctx context.Context) iter.Seq2[engine.UnreadableRecord, error] {
	return e.ledger.Unreadable(ctx, reads, func(ctx context.Context, id engine.ID) (copied, changed bool, err error) {
		err = e.db.File().QueryRow(ctx, sqlHere, id).Scan(&copied, &changed)
		return copied, changed, sqlite.Explain(err)
	})
}
