package ledger

import (
	"context"
	"errors"
	"iter"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// unreadPage and unreadBytes bound how many records that could not be read are in memory.
const (
	unreadPage  = 100
	unreadBytes = 4 << 20
)

// unread is a row of the table retry.
type unread struct {
	engine.Incoming           // under its ID on the wire; without a payload: it is not held
	local           engine.ID // the ID in the tables
	reason          string
}

// unreadAfter returns the next rows behind an ID of the tables, by one of the statements
// retryList and retryHeld.
func (l *Ledger) unreadAfter(ctx context.Context, query string, after engine.ID) (page []unread, err error) {
	rows, err := l.db.Query(ctx, query, after, unreadPage)
	if err != nil {
		return nil, sqlite.Explain(err)
	}
	defer rows.Close()
	for bytes := 0; bytes < unreadBytes && rows.Next(); {
		var u unread
		var stored []byte
		if err := rows.Scan(&u.local, &u.reason, &u.Modified, &stored); err != nil {
			return nil, err
		}
		if u.ID = l.c.Wire(u.local); stored != nil {
			if u.Payload, err = l.c.Open(u.local, stored); err != nil {
				return nil, err
			}
		}
		bytes += len(u.Payload)
		page = append(page, u)
	}
	return page, sqlite.Explain(rows.Err())
}

// all yields the rows by one of the statements retryList and retryHeld. Nothing is locked
// meanwhile.
func (l *Ledger) allUnread(ctx context.Context, query string) iter.Seq2[unread, error] {
	return func(yield func(unread, error) bool) {
		for after := engine.ID(""); ; {
			page, err := l.unreadAfter(ctx, query, after)
			if err != nil {
				yield(unread{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			after = page[len(page)-1].local
		}
	}
}

// stageHeld stages the held records that this version of the program can read, as if they
// had just come. What the sync brings of the same records takes their place. A process does
// it until a merge has finished.
func (s *Session) stageHeld(ctx context.Context) error {
	if s.ledger.reread.Load() {
		return nil
	}
	for u, err := range s.ledger.allUnread(ctx, s.ledger.retryHeld) {
		if err != nil {
			return err
		}
		if s.hooks.Reads(&u.Incoming) != nil {
			continue
		}
		if err := s.Stage(ctx, []engine.Incoming{u.Incoming}); err != nil {
			return err
		}
	}
	return nil
}

// Here tells what this device has of a record, by its ID in the tables.
type Here func(ctx context.Context, id engine.ID) (copied, changed bool, err error)

// Unreadable yields the records that could not be read, by ID. reads is [Hooks.Reads].
func (l *Ledger) Unreadable(ctx context.Context, reads func(*engine.Incoming) error, here Here) iter.Seq2[engine.UnreadableRecord, error] {
	return func(yield func(engine.UnreadableRecord, error) bool) {
		for u, err := range l.allUnread(ctx, l.retryList) {
			var r engine.UnreadableRecord
			if err == nil {
				r, err = l.unreadable(ctx, &u, reads, here)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func (l *Ledger) unreadable(ctx context.Context, u *unread, reads func(*engine.Incoming) error, here Here) (r engine.UnreadableRecord, err error) {
	r = engine.UnreadableRecord{ID: u.ID, Modified: u.Modified, Err: errors.New(u.reason)}
	copied, changed, err := here(ctx, u.local)
	if err != nil {
		return r, err
	}
	r.Outdated, r.Held = copied, changed && u.Payload != nil
	if u.Payload == nil {
		return r, nil
	}
	if err := reads(&u.Incoming); err != nil {
		r.Err = err
	}
	if field, ok := errors.AsType[*engine.FieldError](r.Err); ok {
		r.Field = field.Field
	}
	return r, nil
}
