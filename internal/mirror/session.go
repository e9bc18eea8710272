package mirror

import (
	"context"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/rawjson"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

type session struct {
	*ledger.Session
	core *core
	// back tells that the sync is with the storage that a reset left.
	back bool
}

// Begin starts a sync. What an earlier session staged is void.
func (c *core) Begin(ctx context.Context, start engine.Start) (engine.Session, error) {
	s := &session{core: c}
	var err error
	if s.Session, err = c.ledger.Begin(ctx, start, s); err != nil {
		return nil, err
	}
	if s.back, err = c.isBack(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// ToStage returns the row of an incoming record, sealed and with its keys.
func (s *session) ToStage(in *engine.Incoming) (row ledger.Row, err error) {
	row = ledger.Row{ID: in.ID, Err: in.Err}
	if row.Err != nil || in.Payload == nil {
		return row, nil
	}
	k, err := s.core.accept(in)
	if err != nil {
		row.Err, row.Fatal = err, true
		return row, nil
	}
	row.Columns = []any{k.Dedupe, k.Loose}
	row.Payload, err = s.core.seal(in.ID, in.Payload)
	return row, err
}

var errNoObject = errors.New("the record is not a JSON object")

// accept returns why an incoming record is not one of the collection's, or its keys.
func (c *core) accept(in *engine.Incoming) (k Keys, err error) {
	if !in.ID.Valid() {
		return k, fmt.Errorf("%.70q cannot be a record's id", in.ID)
	}
	if !isObject(in.Payload) {
		return k, errNoObject
	}
	return c.check(in.Payload)
}

func isObject(raw []byte) bool {
	return rawjson.Object(raw, func(_, _ []byte) error { return nil }) == nil
}

// Columns returns nothing: the snapshot has no columns but the ledger's.
func (s *session) Columns() []any { return nil }

// ToSend completes a record of the snapshot.
func (s *session) ToSend(out *engine.Outgoing) error {
	if out.Payload != nil {
		out.TTL = s.core.rules.TTL
	}
	return nil
}

// Settle moves what was sent to the mirror, those very bytes, and takes their changes
// off the record's: an edit made meanwhile is still one to send, and is newer than
// those bytes by any clock.
func (s *session) Settle(t *sqlite.Tx, stored string, at engine.Timestamp) error {
	if _, err := t.Exec(sqlStored, stored, at, s.after(at)); err != nil {
		return err
	}
	_, err := t.Exec(sqlBuried, stored)
	return err
}

// Refuse notes that the server refused a record for ever.
func (s *session) Refuse(t *sqlite.Tx, id engine.ID, reason string) error {
	_, err := t.Exec(sqlRefused, id, reason)
	return err
}

// Troubles counts the records that are stuck, and names the first max of each kind.
func (c *core) Troubles(ctx context.Context, max int) (t engine.Troubles, err error) {
	if t.Unsent, t.UnsentRecords, err = c.ledger.Problems(ctx, sqlCountRefused, sqlRefusedPage, max); err != nil {
		return t, err
	}
	t.Unread, t.UnreadRecords, err = c.ledger.Unread(ctx, max)
	return t, err
}
