package ledger

import (
	"fmt"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// account begins a sync of the tree with an account.
func account(t *testing.T, l *Ledger, name string) *Session {
	t.Helper()
	s, err := l.Begin(t.Context(), engine.Start{Account: name}, &tree{})
	must(t, err)
	return s
}

// sees stages records that the server has as of a time; those without a payload are
// tombstones.
func sees(t *testing.T, db *sqlite.DB, s *Session, at engine.Timestamp, payload string, ids ...engine.ID) {
	t.Helper()
	var page []engine.Incoming
	for _, id := range ids {
		in := engine.Incoming{ID: id, Modified: at}
		if payload != "" {
			in.Payload = []byte(payload)
		}
		page = append(page, in)
	}
	must(t, s.Stage(t.Context(), page))
	must(t, db.UpdateCached(t.Context(), func(tx *sqlite.Tx) error { return s.NoteDeletions(tx, 0, 1<<62) }))
	must(t, s.End(t.Context(), nil))
}

// wantDeleted wants a record to have been deleted after a time, or not.
func wantDeleted(t *testing.T, db *sqlite.DB, s *Session, id engine.ID, modified engine.Timestamp, want bool) {
	t.Helper()
	must(t, db.UpdateCached(t.Context(), func(tx *sqlite.Tx) error {
		at, got, err := s.DeletedLater(tx, local(id), modified)
		if got != want {
			t.Errorf("%s as of %d: deleted later %v, at %d; want %v", id, modified, got, at, want)
		}
		return err
	}))
}

func TestARecordThatIsOlderThanItsTombstoneIsThePast(t *testing.T) {
	t.Parallel()
	db := open(t)
	l := newTree(db)
	s := account(t, l, "me")
	sees(t, db, s, 100, "", "a", "b")
	sees(t, db, s, 90, "", "a") // the later one stands
	sees(t, db, s, 99, "old", "a", "b")
	sees(t, db, s, 150, "new", "b")
	sees(t, db, account(t, l, "somebody else"), 150, "new", "a")
	wantDeleted(t, db, s, "a", 99, true)
	wantDeleted(t, db, s, "a", 100, false)
	wantDeleted(t, db, s, "b", 50, false)
	wantDeleted(t, db, s, "c", 50, false)
	wantDeleted(t, db, account(t, l, "somebody else"), "a", 99, false)
	must(t, l.ForgetTombstones(t.Context()))
	wantDeleted(t, db, s, "a", 99, false)
}

func TestUploadedDeletionsAreRemembered(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := account(t, newTree(db), "me")
	sees(t, db, s, 100, "", "back")
	exec(t, db, `INSERT INTO tree_outgoing (id, changes, sortindex) VALUES ('here-gone', 0, 0), ('here-refused', 0, 0)`)
	exec(t, db, `INSERT INTO tree_outgoing (id, payload, changes, sortindex) VALUES ('here-back', x'78', 0, 0)`)
	_, err := s.Outgoing(t.Context(), 9)
	must(t, err)
	_, err = s.Outgoing(t.Context(), 9)
	must(t, err)
	must(t, s.Uploaded(t.Context(), engine.Receipt{At: 200, Stored: []engine.ID{"gone", "back"}}))
	wantDeleted(t, db, s, "gone", 199, true)
	wantDeleted(t, db, s, "refused", 199, false)
	wantDeleted(t, db, s, "back", 50, false)
}

func TestTombstonesAreBounded(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := account(t, newTree(db), "me")
	const now = 2 * keepTombstonesFor
	sees(t, db, s, now-keepTombstonesFor-1, "", "old")
	sees(t, db, s, now-keepTombstonesFor, "", "a")
	must(t, s.Finish(t.Context(), now))
	wantDeleted(t, db, s, "old", 1, false)
	wantDeleted(t, db, s, "a", 1, true)
	ids := make([]engine.ID, keepTombstones)
	for i := range ids {
		ids[i] = engine.ID(fmt.Sprint("r", i))
	}
	sees(t, db, s, now, "", ids...)
	must(t, s.Finish(t.Context(), now))
	wantDeleted(t, db, s, "a", 1, false)
	wantDeleted(t, db, s, "r0", 1, true)
}
