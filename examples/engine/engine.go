package jsonnotes

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
)

var (
	_ engine.Engine   = (*Engine)(nil)
	_ engine.Watcher  = (*Engine)(nil) // optional features
	_ engine.Notifier = (*Engine)(nil)
)

// Collection returns the collection's name on the server, which never changes.
func (e *Engine) Collection() string { return "example-json" }

// Version returns the version of the records' format.
func (e *Engine) Version() int { return 1 }

// Association returns the sync IDs that the sync state belongs to.
func (e *Engine) Association(ctx context.Context) (a engine.Association, err error) {
	err = e.Do(ctx, func() error { a = e.Disk.Association; return nil })
	return a, err
}

// Reset keeps the notes, their mirrors and the known deletions. It marks each note as
// changed, so that the next sync compares it with the account's.
func (e *Engine) Reset(ctx context.Context, a engine.Association) error {
	return e.Do(ctx, func() error {
		kept, deletions := e.Notes, e.Deletions
		e.clear()
		e.Disk.Association, e.Disk.Deletions = a, deletions
		for id, n := range kept {
			e.Notes[id] = &Note{Local: n.Local, Mirror: n.Mirror, Modified: n.Modified, Changes: 1}
		}
		return nil
	})
}

// Wipe removes the notes too, without tombstones, so that the account keeps them.
func (e *Engine) Wipe(ctx context.Context) error {
	return e.Do(ctx, func() error { e.clear(); return nil })
}

// Changes counts the notes that the next sync will upload.
func (e *Engine) Changes(ctx context.Context) (count int, err error) {
	err = e.Do(ctx, func() error {
		for id := range e.Notes {
			if e.due(id) {
				count++
			}
		}
		return nil
	})
	return count, err
}

// due tells whether a note goes up. One that the server refused for ever waits for another
// edit, and one that a later version of the app wrote, for a version that reads it.
func (e *Engine) due(id engine.ID) bool {
	_, unknown := e.Unknown[id]
	n := e.Notes[id]
	return n.Changes > 0 && n.Changes != n.Refused && !unknown
}

// check returns why a record is not one that this version knows.
func check(payload []byte) error {
	if Field(payload, "name") == "" {
		return errors.New("it has no name")
	}
	return nil
}

// maxAttempts is how often an unreadable record is fetched.
const maxAttempts = 3

// Session is one sync.
type Session struct {
	Engine *Engine
	Prefer engine.Side

	account string
	retry   []engine.ID
	out     []engine.Outgoing
}

// Begin starts a sync. It drops records that an earlier one staged and did not merge.
func (e *Engine) Begin(ctx context.Context, start engine.Start) (engine.Session, error) {
	s := &Session{Engine: e, Prefer: start.Prefer, account: start.Account}
	err := e.Do(ctx, func() error {
		clear(e.Staged)
		for id, in := range e.Unknown {
			if check(in.Payload) == nil { // the app was updated
				e.Staged[id] = Staged{Payload: in.Payload, Modified: in.Modified}
			}
		}
		for id, attempts := range e.Attempts {
			if attempts < maxAttempts {
				s.retry = append(s.retry, id)
			}
		}
		return nil
	})
	return s, err
}

// Since returns the server time up to which the engine has merged the collection.
func (s *Session) Since() engine.Timestamp {
	s.Engine.mu.Lock()
	defer s.Engine.mu.Unlock()
	return s.Engine.Disk.Since
}

// Retry lists the records to fetch again.
func (s *Session) Retry() []engine.ID { return s.retry }

// Stage stores a page for Merge. It copies the payloads, which belong to the caller. A record
// that is not a note does not affect the others.
func (s *Session) Stage(ctx context.Context, page []engine.Incoming) error {
	return s.Engine.Do(ctx, func() error {
		for _, in := range page {
			staged := Staged{Payload: bytes.Clone(in.Payload), Modified: in.Modified}
			if in.Err != nil {
				staged.Err = in.Err.Error()
			} else if in.Payload != nil && check(in.Payload) != nil {
				staged.Err = check(in.Payload).Error()
			}
			s.Engine.Staged[in.ID] = staged
		}
		return nil
	})
}

// Merge applies the staged records, writes the snapshot for the upload, and advances Since.
// It does so in one transaction, so that an interrupted sync starts again at the same point.
func (s *Session) Merge(ctx context.Context, at engine.Timestamp) (m engine.Merged, err error) {
	e := s.Engine
	err = e.Do(ctx, func() error {
		for _, id := range s.retry {
			if _, ok := e.Staged[id]; !ok {
				e.Attempts[id]++
			}
		}
		for _, id := range slices.Sorted(maps.Keys(e.Staged)) {
			s.apply(id, e.Staged[id], &m)
		}
		clear(e.Staged)
		clear(e.Sent)
		for _, id := range slices.Sorted(maps.Keys(e.Notes)) {
			if n := e.Notes[id]; e.due(id) {
				e.Sent[id] = Sent{n.Local, n.Changes}
				s.out = append(s.out, engine.Outgoing{ID: id, Payload: n.Local})
			}
		}
		m.Outgoing = len(s.out)
		e.Disk.Since = max(e.Disk.Since, at)
		return nil
	})
	return m, err
}

func (s *Session) apply(id engine.ID, in Staged, m *engine.Merged) {
	e := s.Engine
	if in.Err != "" {
		m.Failed++
		if e.Attempts[id] == 0 {
			m.NewFailed++
		}
		if e.Attempts[id]++; in.Payload != nil {
			e.Unknown[id], e.Attempts[id] = in, maxAttempts // it is not fetched again
		}
		m.Problems = append(m.Problems, engine.Problem{ID: id, Err: errors.New(in.Err)})
		return
	}
	delete(e.Attempts, id)
	delete(e.Unknown, id)
	n := e.Notes[id]
	switch {
	case n != nil && in.Modified < n.Modified:
		// The server returned to an earlier state: upload the local note again.
		n.Mirror, n.Modified, n.Changes = in.Payload, in.Modified, max(n.Changes, 1)
	case in.Payload == nil:
		s.applyTombstone(id, in, m)
	case n == nil && s.deletedLater(id, in.Modified):
		// The same, for a note that was deleted since: upload a tombstone again.
		e.Notes[id] = &Note{Mirror: in.Payload, Modified: in.Modified, Changes: 1}
	default:
		s.applyNote(id, in, m)
	}
}

// deletedLater reports whether the note was deleted after that time.
func (s *Session) deletedLater(id engine.ID, modified engine.Timestamp) bool {
	d, known := s.Engine.Deletions[id]
	return known && d.Account == s.account && modified < d.At && s.Prefer != engine.PreferRemote
}

func (s *Session) applyTombstone(id engine.ID, in Staged, m *engine.Merged) {
	e := s.Engine
	n := e.Notes[id]
	if n != nil && n.Local != nil && n.Changes > 0 && !bytes.Equal(n.Local, n.Mirror) {
		n.Mirror, n.Modified = nil, in.Modified // a local edit wins over a remote deletion, and is uploaded again
		return
	}
	if n != nil && n.Local != nil {
		m.Applied++
		m.NoteChanged(id)
	}
	delete(e.Notes, id)
	e.Deletions[id] = Deletion{s.account, in.Modified}
}

func (s *Session) applyNote(id engine.ID, in Staged, m *engine.Merged) {
	e := s.Engine
	delete(e.Deletions, id)
	n := e.Notes[id]
	if n == nil {
		n = &Note{}
		// The account's note replaces the same local note with another ID.
		for other, here := range e.Notes {
			if here.Local != nil && Field(here.Local, "name") == Field(in.Payload, "name") {
				e.remove(other)
				m.NoteChanged(other)
			}
		}
		e.Notes[id] = n
	}
	// The record may be one that was uploaded before and whose response was lost: then it is
	// not a change by another device.
	base := n.Mirror
	if sent, ok := e.Sent[id]; ok && bytes.Equal(sent.Payload, in.Payload) {
		base = in.Payload
	}
	unchanged := n.Changes == 0 || bytes.Equal(n.Local, in.Payload)
	theirs := !bytes.Equal(base, in.Payload)
	n.Mirror, n.Modified = in.Payload, in.Modified
	// If both sides changed the note, this engine uses the account's; real engines merge
	// field by field.
	if unchanged || theirs && s.Prefer != engine.PreferLocal {
		if !bytes.Equal(n.Local, in.Payload) {
			m.Applied++
			m.NoteChanged(id)
		}
		n.Local, n.Changes, n.Refused = in.Payload, 0, 0
	}
}

// Outgoing returns the snapshot, without edits that were made since.
func (s *Session) Outgoing(ctx context.Context, max int) ([]engine.Outgoing, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	page := s.out[:min(max, len(s.out))]
	s.out = s.out[len(page):]
	return page, nil
}

// Uploaded settles the changes that were uploaded. An edit made meanwhile still counts, and
// is uploaded next time.
func (s *Session) Uploaded(ctx context.Context, r engine.Receipt) error {
	e := s.Engine
	return e.Do(ctx, func() error {
		for _, id := range r.Stored {
			n, sent := e.Notes[id], e.Sent[id]
			n.Mirror, n.Modified, n.Refused = sent.Payload, r.At, 0
			n.Changes -= sent.Changes
			if n.Local == nil && n.Changes == 0 {
				delete(e.Notes, id)
				e.Deletions[id] = Deletion{s.account, r.At}
			}
			delete(e.Sent, id)
		}
		for _, refusal := range r.Refused {
			if refusal.Permanent {
				e.Notes[refusal.ID].Refused = e.Sent[refusal.ID].Changes
			}
		}
		e.Disk.Since = max(e.Disk.Since, r.At)
		return nil
	})
}

// End drops staged records that were not merged.
func (s *Session) End(ctx context.Context, _ error) error {
	return s.Engine.Do(ctx, func() error { clear(s.Engine.Staged); return nil })
}
