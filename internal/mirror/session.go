package mirror

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

type session[R any] struct {
	*ledger.Session
	store *Store[R]
	// back tells that the sync is with the storage that a reset left.
	back bool
}

// Begin starts a sync. What an earlier session staged is void.
func (s *Store[R]) Begin(ctx context.Context, start engine.Start) (engine.Session, error) {
	session := &session[R]{store: s}
	var err error
	if session.Session, err = s.ledger.Begin(ctx, start, session); err != nil {
		return nil, err
	}
	if session.back, err = s.isBack(ctx); err != nil {
		return nil, err
	}
	return session, nil
}

// ToStage returns the row of an incoming record, sealed and with its keys.
func (s *session[R]) ToStage(in *engine.Incoming) (row ledger.Row, err error) {
	row = ledger.Row{ID: in.ID, Err: in.Err}
	if row.Err != nil || in.Payload == nil {
		return row, nil
	}
	k, err := s.store.accept(in)
	if err != nil {
		row.Err, row.Fatal = err, true
		return row, nil
	}
	row.Columns = []any{k.Dedupe, k.Loose}
	row.Payload, err = s.store.seal(in.ID, in.Payload)
	return row, err
}

// accept returns why an incoming record is not one of the collection's, or its keys.
func (s *Store[R]) accept(in *engine.Incoming) (Keys, error) {
	if !in.ID.Valid() {
		return Keys{}, fmt.Errorf("%.70q cannot be a record's id", in.ID)
	}
	return s.check(in.Payload)
}

// Columns returns nothing: the snapshot has no columns but the ledger's.
func (s *session[R]) Columns() []any { return nil }

// ToSend completes a record of the snapshot.
func (s *session[R]) ToSend(out *engine.Outgoing) error {
	if out.Payload != nil {
		out.TTL = s.store.schema.TTL
	}
	return nil
}

// Settle moves what was sent to the mirror, those very bytes, and takes their changes
// off the record's: an edit made meanwhile is still one to send, and is newer than
// those bytes by any clock.
func (s *session[R]) Settle(t *sqlite.Tx, stored string, at engine.Timestamp) error {
	if _, err := t.Exec(sqlStored, stored, at, s.after(at)); err != nil {
		return err
	}
	_, err := t.Exec(sqlDropTombstones, stored)
	return err
}

// Refuse notes that the server refused a record for ever.
func (s *session[R]) Refuse(t *sqlite.Tx, id engine.ID, reason string) error {
	_, err := t.Exec(sqlRefused, id, reason)
	return err
}

// Troubles counts the records that are stuck, and names the first max of each kind.
func (s *Store[R]) Troubles(ctx context.Context, max int) (t engine.Troubles, err error) {
	if t.Unsent, t.UnsentRecords, err = s.ledger.Problems(ctx, sqlCountRefused, sqlRefusedPage, max); err != nil {
		return t, err
	}
	t.Unread, t.UnreadRecords, err = s.ledger.Unread(ctx, max)
	return t, err
}
