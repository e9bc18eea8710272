package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Hooks are the engine's part in a [Session].
type Hooks interface {
	// ToStage returns the row for a downloaded record.
	ToStage(in *engine.Incoming) (Row, error)
	// Reads returns why this version of the program cannot read a record, or nil.
	Reads(in *engine.Incoming) error
	// Columns returns where to scan the columns of [Config.Outgoing].
	Columns() []any
	// ToSend completes a record of the snapshot. Its columns have just been scanned.
	ToSend(out *engine.Outgoing) error
	// Settle notes that the server stored the rows of the snapshot from (exclusive) to to
	// (inclusive) at a time: they become the mirror, and their changes need not be sent any
	// more. The rows still exist.
	Settle(tx *sqlite.Tx, from, to int64, at engine.Timestamp) error
	// Refuse notes that the server refused a record permanently; it is sent again only after
	// it changes.
	Refuse(tx *sqlite.Tx, id engine.ID, reason string) error
}

// Row is a staged record.
type Row struct {
	// ID is the record's ID in the tables.
	ID engine.ID
	// Payload is nil for a tombstone, and where Err is set and Fatal is not.
	Payload []byte
	// Err is why the record cannot be used. Fatal says that this version of the program
	// does not know such a record: fetching it again will not help, and what is here of the
	// record is held until a version reads Payload.
	Err   error
	Fatal bool
	// Columns has the values for [Config.Staged]; missing ones are NULL.
	Columns []any
}

// Session is one sync. An engine's own session embeds it and adds Merge, which makes it an
// [engine.Session].
type Session struct {
	// Start is what the manager passed to Begin.
	Start engine.Start
	// Result is what Merge will return.
	Result engine.Merged

	ledger *Ledger
	hooks  Hooks
	since  engine.Timestamp
	past   engine.Timestamp
	any    bool               // the table retry is not empty
	staged bool               // Stage was called
	retry  map[engine.ID]bool // IDs from Retry that have not been staged yet
	list   []engine.ID
	causes map[engine.ID]error // errors of staged records, at most maxProblems
	sent   int64               // the last row of the snapshot that Outgoing returned
	open   []openRow           // rows that Outgoing returned and no receipt has mentioned, in order
	// handedOut is the last row that HandOut noted.
	handedOut int64
}

// Begin starts a sync and drops what an earlier session staged.
func (l *Ledger) Begin(ctx context.Context, start engine.Start, hooks Hooks) (*Session, error) {
	s := &Session{Start: start, ledger: l, hooks: hooks, retry: make(map[engine.ID]bool), causes: make(map[engine.ID]error)}
	if err := s.begin(ctx); err != nil {
		return nil, fmt.Errorf("cannot begin to sync %s: %w", l.c.Collection, sqlite.Explain(err))
	}
	return s, nil
}

func (s *Session) begin(ctx context.Context) (err error) {
	l := s.ledger
	if err := l.dropStaged(ctx); err != nil {
		return err
	}
	m, err := l.read(ctx)
	if err != nil {
		return err
	}
	s.since, s.past = m.since, m.past
	if err := l.db.QueryRow(ctx, l.retryAny).Scan(&s.any); err != nil || !s.any {
		return err
	}
	if err := s.stageHeld(ctx); err != nil {
		return err
	}
	rows, err := l.db.Query(ctx, l.retryDue, maxAttempts, maxRetries)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id engine.ID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		s.retry[id] = true
		s.list = append(s.list, l.c.Wire(id))
	}
	return rows.Err()
}

// Since returns the server time up to which the engine has merged the collection.
func (s *Session) Since() engine.Timestamp { return s.since }

// Past returns the server time up to which the engine had merged the collection before it was
// reset. It returns 0 if the engine was not reset, or has synced since.
func (s *Session) Past() engine.Timestamp { return s.past }

// Retry lists the records that are to be fetched again, by ID.
func (s *Session) Retry() []engine.ID { return s.list }

// Stage stores a page of records for Merge. It calls [Hooks.ToStage] for each, since parsing
// then overlaps with the download.
func (s *Session) Stage(ctx context.Context, page []engine.Incoming) error {
	s.staged = s.staged || len(page) > 0
	for len(page) > 0 {
		chunk := page[:min(len(page), s.ledger.c.Chunk)]
		page = page[len(chunk):]
		err := s.ledger.db.UpdateCached(ctx, func(tx *sqlite.Tx) error { return s.stage(tx, chunk) })
		if err != nil {
			return fmt.Errorf("cannot stage records of %s: %w", s.ledger.c.Collection, sqlite.Explain(err))
		}
	}
	return nil
}

func (s *Session) stage(tx *sqlite.Tx, chunk []engine.Incoming) error {
	args := make([]any, 0, stageRows*(6+len(s.ledger.c.Staged)))
	for len(chunk) > 0 {
		rows := chunk[:min(len(chunk), stageRows)]
		chunk = chunk[len(rows):]
		args = args[:0]
		n := 0
		for i := range rows {
			row, err := s.hooks.ToStage(&rows[i])
			if err != nil {
				return err
			}
			if row.ID == "" {
				continue
			}
			args = s.appendRow(args, &row, rows[i].Modified)
			n++
		}
		if n == 0 {
			continue
		}
		if _, err := tx.Exec(s.ledger.stageSome(n), args...); err != nil {
			return err
		}
	}
	return nil
}

// appendRow appends the statement arguments of a row.
func (s *Session) appendRow(args []any, row *Row, modified engine.Timestamp) []any {
	delete(s.retry, row.ID)
	delete(s.causes, row.ID)
	var reason any
	var unread []byte
	payload := row.Payload
	if row.Err != nil {
		if len(s.causes) < maxProblems {
			s.causes[row.ID] = row.Err
		}
		reason, payload = row.Err.Error(), nil
	}
	if row.Fatal {
		unread = row.Payload
	}
	args = append(args, row.ID, modified, payload, reason, row.Fatal, unread)
	args = append(args, row.Columns...)
	for range len(s.ledger.c.Staged) - len(row.Columns) {
		args = append(args, nil)
	}
	return args
}

// Apply calls each for chunk after chunk of the staged records until all are processed. each
// may process the rows from (exclusive) to to (inclusive). It returns the last row that it
// processed, and what its committed transaction did.
func (s *Session) Apply(ctx context.Context, each func(from, to int64) (done int64, m engine.Merged, err error)) error {
	var end int64
	if err := s.ledger.db.QueryRow(ctx, s.ledger.lastStaged).Scan(&end); err != nil {
		return sqlite.Explain(err)
	}
	for at := int64(0); at < end; {
		done, m, err := each(at, min(at+int64(s.ledger.c.Chunk), end))
		if err != nil {
			return err
		}
		s.add(m)
		at = done
	}
	return nil
}

func (s *Session) add(m engine.Merged) {
	s.Result.Applied += m.Applied
	s.Result.Reconciled += m.Reconciled
	s.Result.Failed += m.Failed
	s.Result.NewFailed += m.NewFailed
	s.Result.NoteChanged(m.Changed...)
	s.Result.MoreChanged = s.Result.MoreChanged || m.MoreChanged
	room := min(maxProblems-len(s.Result.Problems), len(m.Problems))
	s.Result.Problems = append(s.Result.Problems, m.Problems[:room]...)
}

// Unstage drops the staged rows from (exclusive) to to (inclusive), which were processed.
func (s *Session) Unstage(tx *sqlite.Tx, from, to int64) error {
	_, err := tx.Exec(s.ledger.unstage, from, to)
	return err
}

// Readable forgets earlier failures of those staged rows from (exclusive) to to (inclusive)
// that could be read.
func (s *Session) Readable(tx *sqlite.Tx, from, to int64) error {
	if !s.any {
		return nil
	}
	_, err := tx.Exec(s.ledger.retryReadable, from, to)
	return err
}

// Read forgets earlier failures of one record.
func (s *Session) Read(tx *sqlite.Tx, id engine.ID) error {
	if !s.any {
		return nil
	}
	_, err := tx.Exec(s.ledger.retryRead, id)
	return err
}

// Fail remembers a staged record that could not be read, for Retry, and counts it in m. One
// that is fatal is not asked for again, but held with its payload; see [Row].
func (s *Session) Fail(tx *sqlite.Tx, m *engine.Merged, id engine.ID, reason string, fatal bool) error {
	var known bool
	if err := tx.QueryRow(s.ledger.retryHave, id).Scan(&known); err != nil {
		return err
	}
	attempts := 1
	if fatal {
		attempts = maxAttempts
	}
	if _, err := tx.Exec(s.ledger.retryPut, id, attempts, reason, fatal); err != nil {
		return err
	}
	s.any = true
	m.Failed++
	if !known {
		m.NewFailed++
	}
	cause := s.causes[id]
	if cause == nil {
		cause = errors.New(reason)
	}
	if len(m.Problems) < maxProblems {
		m.Problems = append(m.Problems, engine.Problem{ID: s.ledger.c.Wire(id), Err: cause})
	}
	return nil
}

// Finish ends a merge: the engine has merged the collection up to the time at. Records that
// Retry listed and the server did not send count one more attempt. The functions also run in
// the same transaction. A sync with nothing to do writes nothing: a file that is only read
// is opened, and closed, at half the cost.
func (s *Session) Finish(ctx context.Context, at engine.Timestamp, also ...func(*sqlite.Tx) error) error {
	if len(also) == 0 && s.idle(at) {
		s.ledger.reread.Store(true)
		return nil
	}
	err := s.ledger.db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		for _, f := range also {
			if err := f(tx); err != nil {
				return err
			}
		}
		if len(s.retry) > 0 {
			if _, err := tx.Exec(s.ledger.retryMiss, IDs(maps.Keys(s.retry))); err != nil {
				return err
			}
		}
		if err := s.prune(tx, at); err != nil {
			return err
		}
		_, err := tx.Exec(s.ledger.advance, at)
		return err
	})
	if err != nil {
		return sqlite.Explain(err)
	}
	s.ledger.reread.Store(true)
	s.since = max(s.since, at)
	return nil
}

// idle reports whether a sync up to the time at had nothing to do: no record came, none was
// asked for again, and none goes up. Then there is no tombstone either that was not there at
// the end of the last sync.
func (s *Session) idle(at engine.Timestamp) bool {
	return at <= s.since && !s.staged && !s.any && s.Result.Outgoing == 0
}

// Outgoing returns the next records of the snapshot: at most max, and fewer if they are
// large.
func (s *Session) Outgoing(ctx context.Context, max int) ([]engine.Outgoing, error) {
	page, err := s.page(ctx, max)
	if err != nil {
		return nil, fmt.Errorf("cannot read what to upload of %s: %w", s.ledger.c.Collection, sqlite.Explain(err))
	}
	return page, nil
}

func (s *Session) page(ctx context.Context, max int) ([]engine.Outgoing, error) {
	rows, err := s.ledger.db.Query(ctx, s.ledger.outgoing, s.sent, max)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	at := s.sent
	var page []engine.Outgoing
	var id engine.ID
	var payload sql.RawBytes
	into := append([]any{&at, &id, &payload}, s.hooks.Columns()...)
	for bytes := 0; bytes < outgoingBytes && rows.Next(); {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		out := engine.Outgoing{ID: id}
		if payload != nil {
			if out.Payload, err = s.ledger.c.Open(id, payload); err != nil {
				return nil, err
			}
		}
		if err := s.hooks.ToSend(&out); err != nil {
			return nil, err
		}
		s.HandOut(at, out.ID)
		out.ID = s.ledger.c.Wire(out.ID)
		bytes += len(out.Payload)
		page = append(page, out)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	s.sent = at
	return page, nil
}

// openRow is a row of the snapshot, the row that Outgoing returned before it, and the ID of its
// record in the tables.
type openRow struct {
	n, before int64
	id        engine.ID
}

// HandOut notes that a row of the snapshot was returned by Outgoing. Only an engine that has an
// Outgoing of its own calls it, with rows in ascending order.
func (s *Session) HandOut(n int64, id engine.ID) {
	s.open = append(s.open, openRow{n, s.handedOut, id})
	s.handedOut = n
}

// rowRange is the rows of the snapshot from (exclusive) to to (inclusive).
type rowRange struct{ from, to int64 }

// answered returns the rows whose records the server stored, as few ranges: usually all of a
// batch are one. left are the rows that the receipt does not mention.
func (s *Session) answered(r engine.Receipt) (stored []rowRange, left []openRow) {
	const isStored, isRefused = 1, 2
	answers := make(map[engine.ID]int, len(r.Stored)+len(r.Refused))
	for _, id := range r.Stored {
		answers[s.ledger.c.Local(id)] = isStored
	}
	for _, refusal := range r.Refused {
		answers[s.ledger.c.Local(refusal.ID)] = isRefused
	}
	for _, row := range s.open {
		switch answers[row.id] {
		case isStored:
			// A row between two of s.open may have been refused before.
			if last := len(stored) - 1; last >= 0 && stored[last].to == row.before {
				stored[last].to = row.n
			} else {
				stored = append(stored, rowRange{row.n - 1, row.n})
			}
		case isRefused:
		default:
			left = append(left, row)
		}
	}
	return stored, left
}

// Uploaded notes what the server has stored. An edit made during the upload is still sent
// later.
func (s *Session) Uploaded(ctx context.Context, r engine.Receipt) error {
	l := s.ledger
	stored, left := s.answered(r)
	err := l.db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		for _, rows := range stored {
			if err := s.Stored(tx, rows.from, rows.to, r.At); err != nil {
				return err
			}
		}
		for _, refusal := range r.Refused {
			if !refusal.Permanent {
				continue
			}
			if err := s.hooks.Refuse(tx, l.c.Local(refusal.ID), refusal.Reason); err != nil {
				return err
			}
		}
		_, err := tx.Exec(l.advance, r.At)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot note what was uploaded of %s: %w", l.c.Collection, sqlite.Explain(err))
	}
	s.open = left
	s.since = max(s.since, r.At)
	return nil
}

// Stored settles the rows of the snapshot from (exclusive) to to (inclusive), which the server
// stored at a time, drops them, and forgets the failures of their records.
func (s *Session) Stored(tx *sqlite.Tx, from, to int64, at engine.Timestamp) error {
	l := s.ledger
	if err := s.hooks.Settle(tx, from, to, at); err != nil {
		return err
	}
	if err := s.settleDeletions(tx, from, to, at); err != nil {
		return err
	}
	var failures bool
	if err := tx.QueryRow(l.retryAny).Scan(&failures); err != nil {
		return err
	}
	if failures {
		if _, err := tx.Exec(l.retryDone, from, to); err != nil {
			return err
		}
	}
	_, err := tx.Exec(l.unsend, from, to)
	return err
}

// End closes the session and drops staged records that were not merged. The snapshot stays
// until the next Merge: the server may have stored a batch although its response was lost.
func (s *Session) End(ctx context.Context, _ error) error {
	if err := s.ledger.dropStaged(ctx); err != nil {
		return fmt.Errorf("cannot end the sync of %s: %w", s.ledger.c.Collection, err)
	}
	return nil
}
