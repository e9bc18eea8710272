package mirror

import (
	"bytes"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// staged is one record of this sync, its payload opened.
type staged struct {
	id       engine.ID
	modified engine.Timestamp
	payload  []byte
	sealed   []byte
	keys     Keys
	err      *string
	fatal    bool
	// unmerged is why Schema.Merge could not merge it with this device's.
	unmerged error
}

// one deals with a staged record.
func (c *chunk[R]) one(n int64) error {
	var in staged
	ok, err := c.tx.one(sqlStagedOne, []any{n}, &in.id, &in.modified, &in.sealed, &in.keys.Dedupe, &in.keys.Loose, &in.err, &in.fatal)
	if err != nil || !ok {
		return err
	}
	if in.err != nil {
		return c.failed(&in)
	}
	if in.payload, err = c.store.open(in.id, in.sealed); err != nil {
		return err
	}
	r, err := c.tx.row(sqlRow, in.id)
	if err != nil {
		return err
	}
	if in.payload == nil {
		return c.tombstone(&in, r)
	}
	return c.incoming(&in, r)
}

// failed notes a record that could not be read, and changes nothing. Where this device has
// the record, it goes up in the place of one that is damaged; one that a newer version of
// the program may read stays.
func (c *chunk[R]) failed(in *staged) error {
	if !in.fatal {
		if _, err := c.tx.exec(sqlRepair, in.id); err != nil {
			return err
		}
	}
	return c.Fail(c.tx.sql, &c.merged, in.id, *in.err, in.fatal)
}

// tombstone applies a deletion by another device. An edit here beats it: the
// record goes up again.
func (c *chunk[R]) tombstone(in *staged, r *row) error {
	if r == nil {
		c.merged.Reconciled++
		return nil
	}
	if r.deleted {
		c.merged.Reconciled++
		_, err := c.tx.exec(sqlDrop, r.n)
		return err
	}
	edited, err := c.editedSince(in, r)
	if err != nil {
		return err
	}
	if edited {
		return c.sendAgain(in, r)
	}
	c.merged.Applied++
	c.tx.changed = append(c.tx.changed, r.id)
	if err := c.undo.record(r.id, r.content(), nil); err != nil {
		return err
	}
	if err := c.noteDifference(r.content(), nil); err != nil {
		return err
	}
	_, err = c.tx.exec(sqlDrop, r.n)
	return err
}

// sendAgain makes a record that another device deleted one that is new to the server.
func (c *chunk[R]) sendAgain(in *staged, r *row) error {
	c.merged.Reconciled++
	sealed, err := c.store.seal(r.id, r.content())
	if err != nil {
		return err
	}
	var base []byte
	if r.changedHere() {
		if base, err = c.store.seal(r.id, r.mirror); err != nil {
			return err
		}
	}
	_, err = c.tx.exec(sqlOrphan, r.n, sealed, c.after(in.modified), base)
	return err
}

// editedSince tells whether a record here is another than the one that was deleted
// elsewhere.
func (c *chunk[R]) editedSince(in *staged, r *row) (bool, error) {
	switch {
	case r.ahead(in.modified):
		return true, nil // the deletion is of an earlier state
	case r.mirror != nil:
		return r.changedHere() && !same(r.mirror, r.content()), nil
	}
	// This device does not know that it sent the record, and yet it was there: the
	// receipt was lost, or the file is an old copy.
	sent, ok, err := c.tx.sent(r)
	if err != nil || ok {
		return ok && !same(sent, r.content()), err
	}
	return r.edited >= c.after(in.modified), nil
}

// after is the first moment by this device's clock that comes after one of the
// server's, in Unix milliseconds.
func (s *session[R]) after(at engine.Timestamp) int64 {
	return int64(at)*10 + 1 - s.Start.Skew.Milliseconds()
}

// outcome is what comes of an incoming record.
type outcome struct {
	content
	send   bool
	before []byte     // what the user had under the ID; nil: nothing
	forked *content   // this device's side, where it becomes a record of its own
	gaveUp []absorbed // records here that were the same thing under another ID
}

// incoming merges a record with the one that has its ID, and with the one that
// is the same thing under another.
func (c *chunk[R]) incoming(in *staged, r *row) error {
	o := outcome{content: content{in.payload, in.keys}}
	done, err := c.mergeInto(&o, in, r)
	if err != nil || done {
		return err
	}
	if err := c.absorb(&o, in); err != nil {
		return err
	}
	if err := c.note(&o, in); err != nil {
		return err
	}
	if err := c.settle(&o, in, r); err != nil || o.forked == nil {
		return err
	}
	return c.fork(r, o.forked)
}

// mergeInto merges an incoming record with the one that has its ID. done tells that
// nothing is left to do: the deletion here stands.
func (c *chunk[R]) mergeInto(o *outcome, in *staged, r *row) (done bool, err error) {
	if r == nil {
		at, deleted, err := c.DeletedLater(c.tx.sql, in.id, in.modified)
		if err != nil {
			return false, err
		}
		if deleted && c.Start.Prefer != engine.PreferRemote {
			return true, c.deleteAgain(in, at)
		}
		o.send = deleted // the other devices know the deletion as well
		return false, nil
	}
	base, err := c.base(in, r)
	if err != nil {
		return false, err
	}
	switch {
	case r.deleted && (base != nil && same(base, in.payload) || r.ahead(in.modified)):
		c.merged.Reconciled++
		_, err := c.tx.exec(sqlMirror, r.n, in.sealed, in.modified)
		return true, err
	case r.deleted: // an edit elsewhere beats a deletion here
	case c.untouched(in, r):
		o.before = r.mirror
	default:
		o.before = r.content()
		return false, c.merge(o, c.sides(r, base, in), in)
	}
	return false, nil
}

// untouched tells whether a record can take what the server has without a merge.
func (c *chunk[R]) untouched(in *staged, r *row) bool {
	f := &c.store.fields
	return !r.changedHere() && r.local == nil && !r.ahead(in.modified) && len(f.sticky)+len(f.required) == 0 &&
		(!c.earlier(r) || len(f.nested) == 0)
}

// note counts what came of an incoming record, and files what the user can undo.
func (c *chunk[R]) note(o *outcome, in *staged) error {
	changed := o.before == nil || !same(o.before, o.payload)
	if changed {
		c.tx.changed = append(c.tx.changed, in.id)
		if err := c.noteDifference(o.before, o.payload); err != nil {
			return err
		}
	}
	if changed && o.before != nil {
		if err := c.undo.record(in.id, o.before, o.payload); err != nil {
			return err
		}
	}
	for _, a := range o.gaveUp {
		c.tx.changed = append(c.tx.changed, a.row.id)
		if err := c.noteDifference(a.row.content(), nil); err != nil {
			return err
		}
		o.send = o.send || a.send
	}
	switch {
	case in.unmerged != nil:
		c.merged.Failed++
		c.merged.NewFailed++
		c.merged.Problems = append(c.merged.Problems, engine.Problem{ID: in.id, Err: in.unmerged})
	case o.gaveUp == nil && changed:
		c.merged.Applied++
	default:
		c.merged.Reconciled++
	}
	return nil
}

// merge merges the two sides of a record, or forks this device's.
func (c *chunk[R]) merge(o *outcome, s sides, in *staged) (err error) {
	if !c.store.schema.Fork || !s.changed {
		o.content, o.send, err = c.store.threeWay(s)
		return err
	}
	undecided := false
	s.undecided = &undecided
	// Two that are the same thing anyway would only be found to be duplicates.
	ours := content{payload: s.local}
	ours.keys, _ = c.store.check(s.local) // one that is not valid has none
	forks := ours.keys.Dedupe == nil || !bytes.Equal(ours.keys.Dedupe, in.keys.Dedupe)
	if !forks || !c.newer(s) {
		merged, send, err := c.store.threeWay(s)
		if err != nil || !forks || !undecided {
			o.content, o.send = merged, send
			return err
		}
	}
	o.forked = &ours // and the record stands as it came
	return nil
}

// newer tells whether a newer version of the program wrote remote, and local was changed:
// one that does not know it cannot merge the two.
func (c *chunk[R]) newer(s sides) bool {
	return c.store.schema.readOnly(s.remote) != nil && !same(s.local, s.remote) && (s.base == nil || !same(s.base, s.local))
}

// fork adds this device's side of a record that two devices changed differently.
func (c *chunk[R]) fork(r *row, ours *content) error {
	if ours.keys.Dedupe != nil {
		switch other, err := c.tx.row(sqlByKey, ours.keys.Dedupe); {
		case err != nil:
			return err
		case other != nil:
			return nil // there is one for the same thing already
		}
	}
	id, err := c.tx.forkID(r.id, ours.payload)
	if err != nil {
		return err
	}
	payload, err := withID(ours.payload, id)
	if err != nil {
		return err
	}
	sealed, err := c.store.seal(id, payload)
	if err != nil {
		return err
	}
	c.tx.changed = append(c.tx.changed, id)
	_, err = c.tx.exec(sqlAdd, id, sealed, r.edited, ours.keys.Dedupe, ours.keys.Loose)
	return err
}

// base is the common past of a record's two sides: the mirror, unless the server
// has what the last snapshot sent, whose receipt was lost then, or went back to what
// was before the mirror.
func (c *chunk[R]) base(in *staged, r *row) ([]byte, error) {
	sent, ok, err := c.tx.sent(r)
	if err != nil {
		return nil, err
	}
	switch {
	case ok && same(sent, in.payload) || r.ahead(in.modified):
		return in.payload, nil
	case ok:
		return c.store.fields.arrived(r.mirror, sent, in.payload)
	case r.mirror == nil:
		return r.base, nil
	}
	return r.mirror, nil
}

func (c *chunk[R]) sides(r *row, base []byte, in *staged) sides {
	return sides{
		base: base, local: r.content(), remote: in.payload, keys: in.keys,
		changed:    r.changedHere() || r.ahead(in.modified),
		localNewer: r.edited >= c.after(in.modified),
		prefer:     c.Start.Prefer,
		earlier:    c.earlier(r),
		unmerged:   &in.unmerged,
	}
}

// absorbed is a local record that gave way to the incoming one of the same
// content.
type absorbed struct {
	row  *row
	send bool
}

// absorb looks for the same thing under other IDs and merges it into the outcome.
// The account's ID stands; if another one was on the server too, a tombstone
// goes up for it.
func (c *chunk[R]) absorb(o *outcome, in *staged) error {
	for {
		other, err := c.duplicate(in.id, o.content)
		if err != nil || other == nil {
			return err
		}
		if deleted, err := c.deleteFirst(other); err != nil {
			return err
		} else if deleted {
			continue
		}
		s := c.sides(other, other.base, in)
		s.remote, s.keys = o.payload, o.keys
		merged, send, err := c.store.threeWay(s)
		if err == nil && other.past == present {
			err = c.tx.remove(other)
		} else if err == nil {
			// Should this storage have it too, it is still to come.
			_, err = c.tx.exec(sqlDrop, other.n)
		}
		if err != nil {
			return err
		}
		o.content, o.gaveUp = merged, append(o.gaveUp, absorbed{other, send})
	}
}

// deleteFirst applies the deletion of a record that this sync brings as well, before its
// turn. Deleted and added again on another device, the record has nothing to give to the
// one that took its place: that would look like an edit of it.
func (c *chunk[R]) deleteFirst(r *row) (deleted bool, err error) {
	var n int64
	found, err := c.tx.one(sqlStagedDeletion, []any{r.id, c.row}, &n)
	if err != nil || !found {
		return false, err
	}
	for _, step := range []func(tx *sqlite.Tx, from, to int64) error{
		c.Readable, c.NoteDeletions, func(*sqlite.Tx, int64, int64) error { return c.one(n) }, c.Unstage,
	} {
		if err := step(c.tx.sql, n-1, n); err != nil {
			return false, err
		}
	}
	return true, nil
}

// duplicate returns a record with another ID that is a duplicate: one with the same dedupe
// key, or one that only this device has and that matches.
func (c *chunk[R]) duplicate(id engine.ID, content content) (*row, error) {
	if content.keys.Dedupe != nil {
		other, err := c.tx.row(sqlByKey, content.keys.Dedupe)
		if err != nil || other != nil && other.id != id {
			return other, err
		}
	}
	return c.looseTwin(id, content)
}

func (c *chunk[R]) looseTwin(id engine.ID, content content) (*row, error) {
	found, err := c.tx.loose(content.keys.Loose)
	if err != nil {
		return nil, err
	}
	for _, other := range found {
		if other.id == id || other.mirror != nil || !c.store.schema.matches(content.payload, other.content()) {
			continue
		}
		if _, sent, err := c.tx.sent(other); err != nil || !sent {
			return other, err
		}
	}
	return nil, nil
}

// settle writes the outcome: the mirror is what came, and local is the content
// where it differs.
func (c *chunk[R]) settle(o *outcome, in *staged, r *row) error {
	var local []byte
	if !bytes.Equal(o.payload, in.payload) {
		var err error
		if local, err = c.store.seal(in.id, o.payload); err != nil {
			return err
		}
	}
	changes, edited := 0, int64(0)
	for _, a := range o.gaveUp {
		changes, edited = max(changes, a.row.changes), max(edited, a.row.edited)
	}
	if r != nil {
		changes, edited = max(changes, r.changes), max(edited, r.edited)
	}
	if changes = max(changes, 1); !o.send {
		changes = 0
	}
	k := o.keys
	if r == nil {
		_, err := c.tx.exec(sqlInsert, in.id, in.sealed, local, changes, edited, in.modified, k.Dedupe, k.Loose)
		return err
	}
	_, err := c.tx.exec(sqlSettle, r.n, in.sealed, local, changes, in.modified, k.Dedupe, k.Loose)
	return err
}
