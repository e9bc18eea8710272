package mirror

import (
	"context"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

const (
	// maxAttempts is how often a record that cannot be read is fetched in all:
	// once by itself, then from Retry.
	maxAttempts = 3
	// maxRetries bounds what one session asks for again. They are fetched by ID,
	// which costs a request per hundred.
	maxRetries = 500
	// maxProblems bounds Merged.Problems.
	maxProblems = 36
)

type session struct {
	core     *Core
	start    engine.Start
	since    engine.Timestamp
	retry    map[engine.ID]bool // listed by Retry, and not staged since
	list     []engine.ID
	causes   map[engine.ID]error // of staged records; the first few
	outgoing int64               // the row of the snapshot that was handed out last
	result   engine.Merged
}

// Begin starts a sync. What an earlier session staged is void.
func (c *Core) Begin(ctx context.Context, start engine.Start) (engine.Session, error) {
	s := &session{core: c, start: start, retry: make(map[engine.ID]bool), causes: make(map[engine.ID]error)}
	if err := s.begin(ctx); err != nil {
		return nil, fmt.Errorf("cannot begin to sync %s: %w", c.rules.Collection, err)
	}
	return s, nil
}

func (s *session) begin(ctx context.Context) error {
	if err := s.core.clearStaged(ctx); err != nil {
		return err
	}
	m, err := s.core.meta(ctx)
	if err != nil {
		return err
	}
	s.since = m.since
	rows, err := s.core.db.Query(ctx, sqlRetryDue, maxAttempts, maxRetries)
	if err != nil {
		return sqlite.Explain(err)
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
	return sqlite.Explain(rows.Err())
}

// Since is the server time up to which the store has seen the collection.
func (s *session) Since() engine.Timestamp { return s.since }

// Retry lists records to fetch by ID as well.
func (s *session) Retry() []engine.ID { return s.list }

// stageRows is how many records one statement stages.
const stageRows = 50

// Stage puts a page of records aside. The rules look at each already, for the
// download is what the manager waits for anyway.
func (s *session) Stage(ctx context.Context, page []engine.Incoming) error {
	for len(page) > 0 {
		chunk := page[:min(len(page), s.core.chunk)]
		page = page[len(chunk):]
		err := s.core.update(ctx, func(tx *tx) error { return s.stage(tx, chunk) })
		if err != nil {
			return fmt.Errorf("cannot stage records of %s: %w", s.core.rules.Collection, err)
		}
	}
	return nil
}

func (s *session) stage(tx *tx, chunk []engine.Incoming) error {
	args := make([]any, 0, stageRows*stagedColumns)
	for len(chunk) > 0 {
		rows := chunk[:min(len(chunk), stageRows)]
		chunk = chunk[len(rows):]
		args = args[:0]
		for i := range rows {
			var err error
			if args, err = s.staged(args, &rows[i]); err != nil {
				return err
			}
		}
		if _, err := tx.exec(stageStatement(len(rows)), args...); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) staged(args []any, in *engine.Incoming) ([]any, error) {
	c := s.core
	delete(s.retry, in.ID)
	delete(s.causes, in.ID)
	cause, fatal := in.Err, 0
	if cause == nil && in.Payload != nil {
		if cause = c.acceptable(in); cause != nil {
			fatal = 1
		}
	}
	if cause != nil {
		if len(s.causes) < maxProblems {
			s.causes[in.ID] = cause
		}
		return append(args, in.ID, in.Modified, nil, nil, nil, cause.Error(), fatal), nil
	}
	sealed, err := c.seal(in.ID, in.Payload)
	if err != nil {
		return nil, err
	}
	var k keys
	if in.Payload != nil {
		k = c.keys(in.Payload)
	}
	return append(args, in.ID, in.Modified, sealed, k.dedupe, k.loose, nil, 0), nil
}

var errNoObject = errors.New("the record is not a JSON object")

func (c *Core) acceptable(in *engine.Incoming) error {
	if !in.ID.Valid() {
		return fmt.Errorf("%.70q cannot be a record's id", in.ID)
	}
	if !isObject(in.Payload) {
		return errNoObject
	}
	return c.valid(in.Payload)
}

// End closes the session and drops what it staged without a Merge. The snapshot
// stays until the next Merge: a batch whose receipt was lost may be on the server.
func (s *session) End(ctx context.Context, _ error) error {
	if err := s.core.clearStaged(ctx); err != nil {
		return fmt.Errorf("cannot end the sync of %s: %w", s.core.rules.Collection, err)
	}
	return nil
}
