package mirror

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

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
	var k Keys
	if k, row.Err = s.store.accept(in); row.Err == nil {
		row.Columns = []any{k.Dedupe, k.Loose}
	} else if row.Fatal = isObject(in.Payload); !row.Fatal {
		return row, nil // no version of the program reads it
	}
	row.Payload, err = s.store.seal(in.ID, in.Payload)
	return row, err
}

// Reads returns why this version of the program cannot read a record, or nil.
func (s *session[R]) Reads(in *engine.Incoming) error { return s.store.reads(in) }

func (s *Store[R]) reads(in *engine.Incoming) error {
	_, err := s.accept(in)
	return err
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
func (s *session[R]) Settle(t *sqlite.Tx, from, to int64, at engine.Timestamp) error {
	if _, err := t.Exec(sqlStored, from, to, at, s.after(at)); err != nil {
		return err
	}
	_, err := t.Exec(sqlDropTombstones, from, to)
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
	if t.Held, t.HeldRecords, err = s.ledger.Problems(ctx, sqlCountHeld, sqlHeldPage, max); err != nil {
		return t, err
	}
	t.Unread, t.UnreadRecords, err = s.ledger.Unread(ctx, max)
	return t, err
}

// Unreadable yields the records on the server that this version of the program cannot
// read, by ID. An error ends it.
func (s *Store[R]) Unreadable(ctx context.Context) iter.Seq2[engine.UnreadableRecord, error] {
	return s.ledger.Unreadable(ctx, s.reads, func(ctx context.Context, id engine.ID) (copied, changed bool, err error) {
		err = s.db.QueryRow(ctx, sqlHere, id).Scan(&copied, &changed)
		if errors.Is(err, sql.ErrNoRows) {
			return false, false, nil
		}
		return copied, changed, sqlite.Explain(err)
	})
}
