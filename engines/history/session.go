package history

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
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
)

type session struct {
	e        *Engine
	start    engine.Start
	since    engine.Timestamp
	past     engine.Timestamp   // up to when the collection was seen before a Reset; zero: it was not reset
	retry    map[engine.ID]bool // listed by Retry, and not staged since
	list     []engine.ID
	retries  bool  // records failed earlier
	outgoing int64 // the row of the snapshot that was handed out last
	result   engine.Merged
	skipped  skipped
}

// skipped counts what a sync left out.
type skipped struct{ pages, visits int }

// Begin starts a sync. What an earlier session staged is void.
func (e *Engine) Begin(ctx context.Context, start engine.Start) (engine.Session, error) {
	s := &session{e: e, start: start, retry: make(map[engine.ID]bool)}
	if err := s.begin(ctx); err != nil {
		return nil, fmt.Errorf("cannot begin to sync the history: %w", err)
	}
	return s, nil
}

func (s *session) begin(ctx context.Context) (err error) {
	if err := s.e.clearStaged(ctx); err != nil {
		return err
	}
	if _, s.since, err = s.e.meta(ctx); err != nil {
		return err
	}
	return s.e.view(ctx, func(tx *tx) error {
		if err := tx.QueryRow(sqlPast).Scan(&s.past); err != nil {
			return err
		}
		if err := tx.QueryRow(sqlRetryAny).Scan(&s.retries); err != nil {
			return err
		}
		rows, err := tx.Query(sqlRetryDue, maxAttempts, maxRetries)
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
			s.list = append(s.list, id)
		}
		return rows.Err()
	})
}

func (e *Engine) clearStaged(ctx context.Context) error {
	return e.chunks(ctx, sqlLastStaged, func(tx *tx, from, to int64) error {
		_, err := tx.Exec(sqlUnstage, from, to)
		return err
	})
}

// Since is the server time up to which the engine has seen the collection.
func (s *session) Since() engine.Timestamp { return s.since }

// Retry lists records to fetch by ID as well.
func (s *session) Retry() []engine.ID { return s.list }

// Stage puts a page of records aside.
func (s *session) Stage(ctx context.Context, page []engine.Incoming) error {
	for len(page) > 0 {
		chunk := page[:min(len(page), s.e.chunk)]
		page = page[len(chunk):]
		err := s.e.update(ctx, func(tx *tx) error {
			return tx.Each(sqlStage, len(chunk), func(i int) []any { return s.staged(&chunk[i]) })
		})
		if err != nil {
			return fmt.Errorf("cannot stage records of the history: %w", err)
		}
	}
	return nil
}

// staged is the row of an incoming record.
func (s *session) staged(in *engine.Incoming) []any {
	delete(s.retry, in.ID)
	cause, fatal := in.Err, 0
	if cause == nil && in.Payload != nil && !validGUID(in.ID) {
		cause, fatal = fmt.Errorf("%.70q cannot be the id of a page", in.ID), 1
	}
	if cause != nil {
		return []any{in.ID, in.Modified, nil, cause.Error(), fatal}
	}
	return []any{in.ID, in.Modified, in.Payload, nil, 0}
}

// Outgoing returns the next records of the snapshot, max at most.
func (s *session) Outgoing(ctx context.Context, max int) (page []engine.Outgoing, err error) {
	at := s.outgoing
	err = s.e.view(ctx, func(tx *tx) error {
		rows, err := tx.Query(sqlOutgoing, s.outgoing, max)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			out := engine.Outgoing{TTL: ttl}
			if err := rows.Scan(&at, &out.ID, &out.Payload, &out.SortIndex); err != nil {
				return err
			}
			page = append(page, out)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read what to upload of the history: %w", err)
	}
	s.outgoing = at
	return page, nil
}

// Uploaded notes what the server has now. An edit made meanwhile is still one to
// send.
func (s *session) Uploaded(ctx context.Context, r engine.Receipt) error {
	stored := idList(r.Stored)
	err := s.e.update(ctx, func(tx *tx) error {
		for _, query := range []string{sqlStored, sqlStoredGone, sqlSettled, sqlHealed} {
			if _, err := tx.Exec(query, stored); err != nil {
				return err
			}
		}
		for _, refusal := range r.Refused {
			if !refusal.Permanent {
				continue
			}
			if _, err := tx.Exec(sqlRefused, refusal.ID, refusal.Reason); err != nil {
				return err
			}
			if _, err := tx.Exec(sqlRefusedGone, refusal.ID); err != nil {
				return err
			}
		}
		_, err := tx.Exec(sqlSetSince, r.At)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot note what was uploaded of the history: %w", err)
	}
	s.since = max(s.since, r.At)
	return nil
}

// idList is IDs as a JSON array, which one statement can take whole.
func idList(ids []engine.ID) string {
	text := []byte{'['}
	for i, id := range ids {
		if i > 0 {
			text = append(text, ',')
		}
		text = rawjson.AppendQuoted(text, id)
	}
	return string(append(text, ']'))
}

// End closes the session and drops what it staged without a Merge. The snapshot
// stays until the next Merge: a batch whose receipt was lost may be on the server.
func (s *session) End(ctx context.Context, _ error) error {
	if err := s.e.clearStaged(ctx); err != nil {
		return fmt.Errorf("cannot end the sync of the history: %w", sqlite.Explain(err))
	}
	return nil
}
