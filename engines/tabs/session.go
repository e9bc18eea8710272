package tabs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

const (
	maxAttempts = 3 // of reading a record, the first included
	maxProblems = 36
)

type session struct {
	e     *Engine
	own   *engine.Device // this device; nil: not known
	since engine.Timestamp
	retry []engine.ID
	// out is what goes up. It is not on disk: after a crash the change it came
	// from is still counted, and makes it again.
	out     []engine.Outgoing
	next    int
	changes int // how many edits are in out
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
	if err := s.begin(ctx, start.Devices); err != nil {
		return nil, fmt.Errorf("cannot begin to sync tabs: %w", err)
	}
	return s, nil
}

func (s *session) begin(ctx context.Context, devices []engine.Device) error {
	text, err := json.Marshal(devices)
	if err != nil {
		return err
	}
	err = s.e.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM staged`); err != nil || len(devices) == 0 {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE meta SET devices = ?1`, string(text))
		return err
	})
	if err != nil {
		return err
	}
	m, err := readMeta(ctx, s.e.db.Read())
	if err != nil {
		return err
	}
	s.since = m.since
	rows, err := s.e.db.Query(ctx, `SELECT id FROM retry WHERE attempts < ?1 ORDER BY id LIMIT 100`, maxAttempts)
	if err != nil {
		return sqlite.Explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id engine.ID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		s.retry = append(s.retry, id)
	}
	return sqlite.Explain(rows.Err())
}

// Since is the server time up to which the engine has seen the collection.
func (s *session) Since() engine.Timestamp { return s.since }

// Retry lists records to fetch by ID as well.
func (s *session) Retry() []engine.ID { return s.retry }

// Stage puts a page of records aside.
func (s *session) Stage(ctx context.Context, page []engine.Incoming) error {
	err := s.e.db.Update(ctx, func(tx *sql.Tx) error {
		for _, in := range page {
			var reason *string
			if in.Err == nil && in.Payload != nil {
				_, _, in.Err = parse(in.Payload)
			}
			if in.Err != nil {
				in.Payload = nil
				text := in.Err.Error()
				reason = &text
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO staged (id, modified, payload, err) VALUES (?1, ?2, ?3, ?4)
				ON CONFLICT (id) DO UPDATE SET modified = excluded.modified, payload = excluded.payload, err = excluded.err`,
				in.ID, in.Modified, in.Payload, reason)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot stage tabs: %w", err)
	}
	return nil
}

// Merge takes over the other devices' records. An account has few: one
// transaction holds them.
func (s *session) Merge(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
	var m engine.Merged
	err := s.e.db.Update(ctx, func(tx *sql.Tx) (err error) {
		if m, err = s.merge(ctx, tx); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE meta SET since = max(since, ?1)`, at)
		return err
	})
	if err != nil {
		return m, fmt.Errorf("cannot merge tabs: %w", err)
	}
	s.since = max(s.since, at)
	if err := s.snapshot(ctx); err != nil {
		return m, fmt.Errorf("cannot write this device's tabs: %w", err)
	}
	m.Outgoing = len(s.out)
	return m, nil
}

func (s *session) merge(ctx context.Context, tx *sql.Tx) (m engine.Merged, err error) {
	staged, err := readStaged(ctx, tx)
	if err != nil {
		return m, err
	}
	asked := make(map[engine.ID]bool)
	for _, id := range s.retry {
		asked[id] = true
	}
	for _, in := range staged {
		delete(asked, in.ID)
		if err := s.apply(ctx, tx, in, &m); err != nil {
			return m, err
		}
	}
	for id := range asked {
		if _, err := tx.ExecContext(ctx, `UPDATE retry SET attempts = attempts + 1 WHERE id = ?1`, id); err != nil {
			return m, err
		}
	}
	gone := engine.Timestamp(s.e.now().Add(-ttl*time.Second).UnixMilli() / 10)
	if _, err := tx.ExecContext(ctx, `DELETE FROM others WHERE modified < ?1`, gone); err != nil {
		return m, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM staged`)
	return m, err
}

func readStaged(ctx context.Context, tx *sql.Tx) ([]engine.Incoming, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, modified, payload, err FROM staged ORDER BY id`)
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

func (s *session) apply(ctx context.Context, tx *sql.Tx, in engine.Incoming, m *engine.Merged) error {
	exec := func(query string, args ...any) (int64, error) {
		r, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		return r.RowsAffected()
	}
	if in.Err != nil {
		return s.failed(ctx, tx, in, m)
	}
	if _, err := exec(`DELETE FROM retry WHERE id = ?1`, in.ID); err != nil {
		return err
	}
	var n int64
	var err error
	switch {
	case s.own != nil && in.ID == s.own.ID: // we know our own tabs better
	case in.Payload == nil:
		n, err = exec(`DELETE FROM others WHERE id = ?1`, in.ID)
	default:
		n, err = exec(`INSERT INTO others (id, modified, payload) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE
			SET modified = excluded.modified, payload = excluded.payload WHERE payload <> excluded.payload`, in.ID, in.Modified, in.Payload)
	}
	if n > 0 {
		m.Applied++
	} else {
		m.Reconciled++
	}
	return err
}

func (s *session) failed(ctx context.Context, tx *sql.Tx, in engine.Incoming, m *engine.Merged) error {
	var attempts int
	err := tx.QueryRowContext(ctx, `INSERT INTO retry (id, attempts, reason) VALUES (?1, 1, ?2)
		ON CONFLICT (id) DO UPDATE SET attempts = attempts + 1, reason = excluded.reason RETURNING attempts`,
		in.ID, in.Err.Error()).Scan(&attempts)
	if err != nil {
		return err
	}
	if s.own != nil && in.ID == s.own.ID {
		// The own record is damaged on the server: the good one goes up again.
		if _, err := tx.ExecContext(ctx, `UPDATE meta SET changes = max(changes, 1) WHERE uploaded > 0`); err != nil {
			return err
		}
	}
	m.Failed++
	if attempts == 1 {
		m.NewFailed++
	}
	if len(m.Problems) < maxProblems {
		m.Problems = append(m.Problems, engine.Problem{ID: in.ID, Err: in.Err})
	}
	return nil
}

// snapshot makes the own record, if it is due.
func (s *session) snapshot(ctx context.Context) error {
	if s.own == nil {
		return nil
	}
	var m meta
	var all []Tab
	err := s.e.db.View(ctx, func(tx *sql.Tx) (err error) {
		if m, err = readMeta(ctx, tx); err != nil {
			return err
		}
		all, err = readTabs(ctx, tx)
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

// due tells whether the own record has to go up: it changed, it has another ID
// by now, or the server would drop it for its age.
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
	s.next += len(page)
	return page, nil
}

// Uploaded takes the changes that were sent off the count: an edit made meanwhile
// is still one to send.
func (s *session) Uploaded(ctx context.Context, r engine.Receipt) error {
	err := s.e.db.Update(ctx, func(tx *sql.Tx) error {
		for _, id := range r.Stored {
			if s.own == nil || id != s.own.ID {
				continue
			}
			_, err := tx.ExecContext(ctx, `UPDATE meta SET changes = max(changes - ?1, 0), refused = 0, uploaded = ?2, device = ?3`, s.changes, r.At, id)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM retry WHERE id = ?1`, id); err != nil {
				return err
			}
		}
		for _, refusal := range r.Refused {
			if !refusal.Permanent || s.own == nil || refusal.ID != s.own.ID {
				continue
			}
			// When the tabs change, they will have to do with less.
			if _, err := tx.ExecContext(ctx, `UPDATE meta SET refused = ?1, room = max(room / 2, 4096)`, s.changes); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE meta SET since = max(since, ?1)`, r.At)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot note that the tabs were uploaded: %w", err)
	}
	s.since = max(s.since, r.At)
	return nil
}

// End closes the session.
func (s *session) End(ctx context.Context, _ error) error {
	return s.e.exec(ctx, `DELETE FROM staged`)
}
