package bookmarks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

const (
	// maxAttempts is how often a record that cannot be read is fetched in all:
	// once by itself, then from Retry.
	maxAttempts = 3
	// maxRetries bounds what one session asks for again.
	maxRetries = 500
	// maxProblems bounds Merged.Problems.
	maxProblems = 36
	// chunkSize is how many rows one transaction stages or snapshots.
	chunkSize = 500
)

type session struct {
	e        *Engine
	start    engine.Start
	since    engine.Timestamp
	cleared  int
	retry    map[engine.ID]bool // listed by Retry, and not staged since
	list     []engine.ID        // for Retry
	outgoing int64              // the row of the snapshot that was handed out last
	result   engine.Merged
	// revived are items that were deleted before the server went back, and that the user
	// wants to have again.
	revived map[engine.ID]bool
}

// Begin starts a sync. What an earlier session staged is void.
func (e *Engine) Begin(ctx context.Context, start engine.Start) (engine.Session, error) {
	s := &session{e: e, start: start, retry: make(map[engine.ID]bool)}
	if err := s.begin(ctx); err != nil {
		return nil, fmt.Errorf("cannot begin to sync bookmarks: %w", err)
	}
	return s, nil
}

func (s *session) begin(ctx context.Context) error {
	if err := s.unstage(ctx); err != nil {
		return err
	}
	return s.e.view(ctx, func(t *tx) error {
		m, err := t.meta()
		if err != nil {
			return err
		}
		s.since, s.cleared = m.since, m.cleared
		rows, err := t.Query(sqlRetryDue, maxAttempts, maxRetries)
		if err != nil {
			return err
		}
		guids, err := scanAll[engine.ID](rows)
		for _, guid := range guids {
			s.retry[guid] = true
			s.list = append(s.list, WireID(guid))
		}
		return err
	})
}

func (s *session) unstage(ctx context.Context) error {
	var any int
	if err := s.e.db.QueryRow(ctx, sqlCountStaged, 1).Scan(&any); err != nil || any == 0 {
		return sqlite.Explain(err)
	}
	return s.e.db.Update(ctx, func(t *places.Tx) error { return execAll(t, sqlDropStaged) })
}

// Since is the server time up to which the collection was seen.
func (s *session) Since() engine.Timestamp { return s.since }

// Retry lists records to fetch by ID as well.
func (s *session) Retry() []engine.ID { return s.list }

// Stage puts a page of records aside.
func (s *session) Stage(ctx context.Context, page []engine.Incoming) error {
	for len(page) > 0 {
		chunk := page[:min(len(page), chunkSize)]
		page = page[len(chunk):]
		rows := make([][]any, 0, len(chunk))
		for i := range chunk {
			// Nobody may write the root of all, and no root has its local name there.
			if in := &chunk[i]; in.ID != WireID(Root) && !IsRoot(in.ID) {
				rows = append(rows, s.staged(in))
			}
		}
		err := s.e.db.Update(ctx, func(t *places.Tx) error {
			return t.Each(sqlStage, len(rows), func(i int) []any { return rows[i] })
		})
		if err != nil {
			return fmt.Errorf("cannot stage records of bookmarks: %w", err)
		}
	}
	return nil
}

// staged are the arguments of sqlStage.
func (s *session) staged(in *engine.Incoming) []any {
	guid := LocalID(in.ID)
	delete(s.retry, guid)
	switch {
	case in.Err != nil:
		return []any{guid, "", 0, in.Modified, nil, in.Err.Error(), 0}
	case in.Payload == nil:
		return []any{guid, "", 0, in.Modified, nil, nil, 0}
	}
	r, err := parseRecord(in.ID, in.Payload, in.Modified)
	if err == nil && !in.ID.Valid() {
		err = fmt.Errorf("%.70q cannot be a record's id", in.ID)
	}
	if err != nil {
		return []any{guid, "", 0, in.Modified, nil, err.Error(), 1}
	}
	return []any{guid, r.parent, r.kind, in.Modified, in.Payload, nil, 0}
}

// End closes the session and drops what it staged without a Merge. The snapshot
// stays until the next Merge: a batch whose receipt was lost may be on the server.
func (s *session) End(ctx context.Context, _ error) error {
	if err := s.unstage(ctx); err != nil {
		return fmt.Errorf("cannot end the sync of bookmarks: %w", err)
	}
	return nil
}

// Outgoing returns the next records of the snapshot: no more than max, and
// fewer where they are large.
func (s *session) Outgoing(ctx context.Context, max int) ([]engine.Outgoing, error) {
	page, err := s.page(ctx, max)
	if err != nil {
		return nil, fmt.Errorf("cannot read what to upload of bookmarks: %w", sqlite.Explain(err))
	}
	return page, nil
}

// outgoingBytes is how much payload one call of Outgoing returns, about.
const outgoingBytes = 4 << 20

func (s *session) page(ctx context.Context, max int) (page []engine.Outgoing, err error) {
	rows, err := s.e.db.Query(ctx, sqlOutgoing, s.outgoing, max)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	at := s.outgoing
	for bytes := 0; bytes < outgoingBytes && rows.Next(); {
		var guid engine.ID
		var payload []byte
		var index int
		if err := rows.Scan(&at, &guid, &payload, &index); err != nil {
			return nil, err
		}
		out := engine.Outgoing{ID: WireID(guid), Payload: payload}
		if payload != nil {
			out.SortIndex = &index
		}
		bytes += len(payload)
		page = append(page, out)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	s.outgoing = at
	return page, nil
}

// Uploaded moves what was sent to the mirror, those very bytes, and takes their
// changes off the item's: an edit made meanwhile is still one to send.
func (s *session) Uploaded(ctx context.Context, r engine.Receipt) error {
	err := s.e.db.Update(ctx, func(p *places.Tx) error {
		t := newTx(p)
		stored := make([]engine.ID, len(r.Stored))
		for i, id := range r.Stored {
			stored[i] = LocalID(id)
		}
		if err := s.settleTombstones(t, stored, r.At); err != nil {
			return err
		}
		if err := t.stored(stored, r.At); err != nil {
			return err
		}
		for _, refusal := range r.Refused {
			if err := t.refused(refusal); err != nil {
				return err
			}
		}
		_, err := t.Exec(sqlSetSince, r.At)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot note what was uploaded of bookmarks: %w", err)
	}
	s.since = max(s.since, r.At)
	return nil
}

// stored settles what of the snapshot is on the server since at.
func (t *tx) stored(guids []engine.ID, at engine.Timestamp) error {
	list := guidList(guids)
	if _, err := t.Exec(sqlStored, list, at); err != nil {
		return err
	}
	for _, query := range []string{sqlStoredGone, sqlBuried, sqlSubtract, sqlSettled, sqlHealed} {
		if _, err := t.Exec(query, list); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) refused(r engine.Refusal) error {
	if !r.Permanent {
		return nil
	}
	guid := LocalID(r.ID)
	if _, err := t.Exec(sqlRefused, guid, r.Reason); err != nil {
		return err
	}
	var n int64
	err := t.QueryRow(sqlRowOf, guid).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = t.Exec(sqlRefusedGone, guid)
	}
	return err
}
