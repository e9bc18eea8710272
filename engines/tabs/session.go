package tabs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

type session struct {
	*ledger.Session
	e   *Engine
	own *engine.Device // this device; nil: not known
	// out is what goes up. It is not on disk: after a crash, the change is still counted
	// and makes it again.
	out     []engine.Outgoing
	next    int
	changes int // how many edits are in out
	// changed are the devices whose tabs a transaction changed.
	changed []engine.ID
}

// Begin starts a sync and takes over the account's devices.
func (e *Engine) Begin(ctx context.Context, start engine.Start) (engine.Session, error) {
	s := &session{e: e}
	for i := range start.Devices {
		if start.Devices[i].Local {
			own := start.Devices[i]
			s.own = &own
		}
	}
	var err error
	if err = e.setDevices(ctx, start.Devices); err == nil {
		s.Session, err = e.ledger.Begin(ctx, start, s)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot begin to sync tabs: %w", err)
	}
	return s, nil
}

func (e *Engine) setDevices(ctx context.Context, devices []engine.Device) error {
	if len(devices) == 0 {
		return nil
	}
	text, err := json.Marshal(devices)
	if err != nil {
		return err
	}
	ids := []engine.ID{}
	for _, d := range devices {
		ids = append(ids, d.ID)
	}
	known, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return e.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, sqlSetDevices, string(text)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, sqlDropGone, string(known))
		return err
	})
}

// ToStage returns the row of an incoming record.
func (s *session) ToStage(in *engine.Incoming) (ledger.Row, error) {
	r := ledger.Row{ID: in.ID, Payload: in.Payload, Err: in.Err}
	if r.Err == nil && in.Payload != nil {
		_, _, r.Err = parse(in.Payload)
	}
	return r, nil
}

// Reads returns why this version of the program cannot read a record, or nil.
func (s *session) Reads(in *engine.Incoming) error {
	_, _, err := parse(in.Payload)
	return err
}

// Merge takes over the other devices' records.
func (s *session) Merge(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
	err := s.Apply(ctx, func(from, to int64) (int64, engine.Merged, error) {
		var m engine.Merged
		err := s.e.db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
			m, s.changed = engine.Merged{}, nil
			return s.merge(tx, from, to, &m)
		})
		if err == nil && len(s.changed) > 0 {
			s.e.watchers.Tell(engine.Change{Sync: true, IDs: s.changed})
		}
		return to, m, err
	})
	if err == nil {
		err = s.Finish(ctx, at, func(tx *sqlite.Tx) error {
			gone := engine.Timestamp(s.e.now().Add(-ttl*time.Second).UnixMilli() / 10)
			if _, err := tx.Exec(sqlDropOld, gone); err != nil {
				return err
			}
			oldest, newest := s.e.closeTimes()
			_, err := tx.Exec(sqlDropExpired, oldest.UnixMilli(), newest.UnixMilli())
			return err
		})
	}
	if err != nil {
		return s.Result, fmt.Errorf("cannot merge tabs: %w", err)
	}
	if err := s.snapshot(ctx); err != nil {
		return s.Result, fmt.Errorf("cannot write this device's tabs: %w", err)
	}
	s.Result.Outgoing = len(s.out)
	return s.Result, nil
}

func (s *session) merge(tx *sqlite.Tx, from, to int64, m *engine.Merged) error {
	if err := s.Readable(tx, from, to); err != nil {
		return err
	}
	staged, err := readStaged(tx, from, to)
	if err != nil {
		return err
	}
	for _, in := range staged {
		if err := s.apply(tx, in, m); err != nil {
			return err
		}
	}
	return s.Unstage(tx, from, to)
}

func readStaged(tx *sqlite.Tx, from, to int64) ([]engine.Incoming, error) {
	rows, err := tx.Query(sqlStaged, from, to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []engine.Incoming
	for rows.Next() {
		var in engine.Incoming
		var reason *string
		if err := rows.Scan(&in.ID, &in.Modified, &in.Payload, &reason); err != nil {
			return nil, err
		}
		if reason != nil {
			in.Err = errors.New(*reason)
		}
		all = append(all, in)
	}
	return all, rows.Err()
}

func (s *session) apply(tx *sqlite.Tx, in engine.Incoming, m *engine.Merged) error {
	own := s.own != nil && in.ID == s.own.ID
	var n int64
	var err error
	switch {
	case in.Err != nil:
		if own {
			// The own record is damaged on the server: the good one goes up again.
			if _, err := tx.Exec(sqlSendAgain); err != nil {
				return err
			}
		}
		return s.Fail(tx, m, in.ID, in.Err.Error(), false)
	case own: // we know our own tabs better
	case in.Payload == nil:
		n, err = tx.Exec(sqlDropOther, in.ID)
	default:
		n, err = tx.Exec(sqlPutOther, in.ID, in.Modified, in.Payload)
	}
	if err == nil && !own {
		err = noteTabs(tx, in.ID, in.Payload)
	}
	if n > 0 {
		m.Applied++
		m.NoteChanged(in.ID)
		s.changed = append(s.changed, in.ID)
	} else {
		m.Reconciled++
	}
	return err
}

// snapshot makes the own record, if it is due.
func (s *session) snapshot(ctx context.Context) error {
	if s.own == nil {
		return nil
	}
	var m meta
	var all OpenTabs
	err := s.e.db.View(ctx, func(tx *sql.Tx) (err error) {
		if m, err = readMeta(ctx, tx); err != nil {
			return err
		}
		all, err = readOpen(ctx, tx)
		return err
	})
	if err != nil || !s.due(m) {
		return err
	}
	if m.device != "" && m.device != s.own.ID {
		s.out = append(s.out, engine.Outgoing{ID: m.device})
	}
	payload, left, err := build(s.own.ID, s.own.Name, all, m.room)
	if err != nil {
		return err
	}
	if left > 0 {
		s.e.log.WarnContext(ctx, "not all tabs fit into one record; the oldest were left out", "tabs", left)
	}
	s.changes = m.changes
	s.out = append(s.out, engine.Outgoing{ID: s.own.ID, Payload: payload, TTL: ttl})
	return nil
}

// due reports whether the own record has to go up: it changed, it has another ID, or the
// server would soon delete it for its age.
func (s *session) due(m meta) bool {
	switch {
	case m.changes > 0 && m.changes != m.refused:
		return true
	case m.uploaded == 0:
		return false
	}
	return m.device != s.own.ID || s.e.now().Sub(m.uploaded.Time()) > refresh
}

// Outgoing returns the own record, once.
func (s *session) Outgoing(ctx context.Context, max int) ([]engine.Outgoing, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	page := s.out[s.next:min(s.next+max, len(s.out))]
	for i := range page {
		s.HandOut(int64(s.next+i+1), page[i].ID)
	}
	s.next += len(page)
	return page, nil
}

// Columns and ToSend are for records of a snapshot on disk; see Outgoing.
func (s *session) Columns() []any                { return nil }
func (s *session) ToSend(*engine.Outgoing) error { return nil }

// Settle subtracts the changes that were sent: an edit made meanwhile is still to be sent.
func (s *session) Settle(tx *sqlite.Tx, from, to int64, at engine.Timestamp) error {
	last := int64(len(s.out)) // the own record's row
	if s.own == nil || last <= from || last > to {
		return nil
	}
	_, err := tx.Exec(sqlSettle, s.changes, at, s.own.ID)
	return err
}

// Refuse notes that the record was too large: when the tabs change, fewer of them are
// sent.
func (s *session) Refuse(tx *sqlite.Tx, id engine.ID, _ string) error {
	if s.own == nil || id != s.own.ID {
		return nil
	}
	_, err := tx.Exec(sqlRefused, s.changes)
	return err
}
