package mirror

import (
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
	// unmerged is why Rules.Merge could not bring it together with this device's.
	unmerged error
}

// one deals with a staged record.
func (c *chunk) one(n int64) error {
	var in staged
	ok, err := c.tx.one(sqlStagedOne, []any{n}, &in.id, &in.modified, &in.sealed, &in.keys.Dedupe, &in.keys.Loose, &in.err, &in.fatal)
	if err != nil || !ok {
		return err
	}
	if in.err != nil {
		return c.failed(&in)
	}
	if in.payload, err = c.core.open(in.id, in.sealed); err != nil {
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

// failed notes a record that could not be read or merged, and changes nothing. Where
// this device has the record, it goes up in the place of the one that is damaged.
func (c *chunk) failed(in *staged) error {
	if !in.fatal || !c.core.rules.KeepInvalid {
		if _, err := c.tx.exec(sqlRepair, in.id); err != nil {
			return err
		}
	}
	return c.Fail(c.tx.Tx, &c.merged, in.id, *in.err, in.fatal)
}

// tombstone applies a deletion by another device. An edit here beats it: the
// record goes up again.
func (c *chunk) tombstone(in *staged, r *row) error {
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
		c.merged.Reconciled++
		sealed, err := c.core.seal(r.id, r.content())
		if err != nil {
			return err
		}
		var base []byte
		if r.changedHere() {
			if base, err = c.core.seal(r.id, r.mirror); err != nil {
				return err
			}
		}
		_, err = c.tx.exec(sqlOrphan, r.n, sealed, c.after(in.modified), base)
		return err
	}
	c.merged.Applied++
	c.tx.changed = append(c.tx.changed, r.id)
	if err := c.keeper.keep(c.core, r.id, r.content(), nil); err != nil {
		return err
	}
	_, err = c.tx.exec(sqlDrop, r.n)
	return err
}

// editedSince tells whether a record here is another than the one that was deleted
// elsewhere.
func (c *chunk) editedSince(in *staged, r *row) (bool, error) {
	switch {
	case r.ahead(in.modified):
		return true, nil // the deletion is of an earlier state
	case r.mirror != nil:
		return r.changedHere() && !same(r.mirror, r.content()), nil
	}
	// This device does not know that it sent the record, and yet it was there: the
	// receipt was lost, or the file is an old copy.
	sent, ok, err := c.tx.sent(r.id)
	if err != nil || ok {
		return ok && !same(sent, r.content()), err
	}
	return r.edited >= c.after(in.modified), nil
}

// after is the first moment by this device's clock that comes after one of the
// server's, in Unix milliseconds.
func (s *session) after(at engine.Timestamp) int64 {
	return int64(at)*10 + 1 - s.Start.Skew.Milliseconds()
}

// incoming merges a record with the one that has its ID, and with the one that
// is the same thing under another.
func (c *chunk) incoming(in *staged, r *row) error {
	base, err := c.base(in, r)
	if err != nil {
		return err
	}
	content, send, forked, before := in.payload, false, []byte(nil), []byte(nil)
	switch {
	case r == nil:
		at, deleted, err := c.DeletedLater(c.tx.Tx, in.id, in.modified)
		if err != nil {
			return err
		}
		if deleted && c.Start.Prefer != engine.PreferRemote {
			return c.deleteAgain(in, at)
		}
		send = deleted // the other devices know the deletion as well
	case r.deleted && (base != nil && same(base, in.payload) || r.ahead(in.modified)):
		c.merged.Reconciled++
		_, err := c.tx.exec(sqlMirror, r.n, in.sealed, in.modified)
		return err
	case r.deleted: // an edit elsewhere beats a deletion here
	case !r.changedHere() && r.local == nil && !r.ahead(in.modified) && len(c.core.sticky)+len(c.core.required) == 0 &&
		(!c.earlier(r) || len(c.core.nested) == 0):
		before = r.mirror
	default:
		before = r.content()
		content, send, forked, err = c.bring(c.sides(r, base, in), in)
		if err != nil {
			return err
		}
	}
	content, merged, err := c.absorb(in, content)
	if err != nil {
		return err
	}
	changed := before == nil || !same(before, content)
	if changed {
		c.tx.changed = append(c.tx.changed, in.id)
	}
	if changed && before != nil {
		if err := c.keeper.keep(c.core, in.id, before, content); err != nil {
			return err
		}
	}
	for _, a := range merged {
		c.tx.changed = append(c.tx.changed, a.row.id)
		send = send || a.send
	}
	switch {
	case in.unmerged != nil:
		c.merged.Failed++
		c.merged.NewFailed++
		c.merged.Problems = append(c.merged.Problems, engine.Problem{ID: in.id, Err: in.unmerged})
	case merged == nil && changed:
		c.merged.Applied++
	default:
		c.merged.Reconciled++
	}
	if err := c.settle(in, r, merged, content, send); err != nil || forked == nil {
		return err
	}
	return c.fork(r, forked)
}

// bring merges the two sides of a record. forked is this device's, where it has to
// become a record of its own.
func (c *chunk) bring(s sides, in *staged) (content []byte, send bool, forked []byte, err error) {
	if c.core.rules.Fork == nil || !s.changed {
		content, send, err = c.core.threeWay(s)
		return content, send, nil, err
	}
	undecided := false
	s.undecided = &undecided
	// Two that are the same thing anyway would only be found to be duplicates.
	key := c.core.keys(s.local).Dedupe
	forks := key == nil || string(key) != string(in.keys.Dedupe)
	// What a newer version wrote cannot be merged with by one that does not know it.
	newer := c.core.readOnly(in.payload) != nil && !same(s.local, in.payload) && (s.base == nil || !same(s.base, s.local))
	if !forks || !newer {
		content, send, err = c.core.threeWay(s)
		if err != nil || !forks || !undecided {
			return content, send, nil, err
		}
	}
	return in.payload, false, s.local, nil
}

// fork adds this device's side of a record that two devices changed differently.
func (c *chunk) fork(r *row, payload []byte) error {
	k := c.core.keys(payload)
	if k.Dedupe != nil {
		switch other, err := c.tx.row(sqlByKey, k.Dedupe); {
		case err != nil:
			return err
		case other != nil:
			return nil // there is one for the same thing already
		}
	}
	id, err := c.tx.forkID(r.id, payload)
	if err != nil {
		return err
	}
	if payload, err = withID(payload, id); err != nil {
		return err
	}
	sealed, err := c.core.seal(id, payload)
	if err != nil {
		return err
	}
	c.tx.changed = append(c.tx.changed, id)
	_, err = c.tx.exec(sqlAdd, id, sealed, r.edited, k.Dedupe, k.Loose)
	return err
}

// base is the common past of a record's two sides: the mirror, unless the server
// has what the last snapshot sent, whose receipt was lost then, or went back to what
// was before the mirror.
func (c *chunk) base(in *staged, r *row) ([]byte, error) {
	if r == nil {
		return nil, nil
	}
	sent, ok, err := c.tx.sent(in.id)
	if err != nil {
		return nil, err
	}
	switch {
	case ok && same(sent, in.payload) || r.ahead(in.modified):
		return in.payload, nil
	case ok:
		return c.core.arrived(r.mirror, sent, in.payload)
	case r.mirror == nil:
		return r.base, nil
	}
	return r.mirror, nil
}

func (c *chunk) sides(r *row, base []byte, in *staged) sides {
	return sides{
		base: base, local: r.content(), remote: in.payload,
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

// absorb looks for the same thing under other IDs and merges it into content.
// The account's ID stands; if another one was on the server too, a tombstone
// goes up for it.
func (c *chunk) absorb(in *staged, content []byte) ([]byte, []absorbed, error) {
	var all []absorbed
	for {
		other, err := c.twin(in.id, content, c.keysOf(in, content))
		if err != nil || other == nil {
			return content, all, err
		}
		if deleted, err := c.deleteFirst(other); err != nil {
			return nil, nil, err
		} else if deleted {
			continue
		}
		s := c.sides(other, other.base, in)
		s.remote = content
		merged, send, err := c.core.threeWay(s)
		if err == nil && other.past == present {
			err = c.tx.remove(other)
		} else if err == nil {
			// Should this storage have it too, it is still to come.
			_, err = c.tx.exec(sqlDrop, other.n)
		}
		if err != nil {
			return nil, nil, err
		}
		content, all = merged, append(all, absorbed{other, send})
	}
}

// deleteFirst applies the deletion of a record that this sync brings as well, before its
// turn. Deleted and added again on another device, the record has nothing to give to the
// one that took its place: that would look like an edit of it.
func (c *chunk) deleteFirst(r *row) (deleted bool, err error) {
	var n int64
	found, err := c.tx.one(sqlStagedDeletion, []any{r.id}, &n)
	if err != nil || !found {
		return false, err
	}
	for _, step := range []func(tx *sqlite.Tx, from, to int64) error{
		c.Readable, c.NoteDeletions, func(*sqlite.Tx, int64, int64) error { return c.one(n) }, c.Unstage,
	} {
		if err := step(c.tx.Tx, n-1, n); err != nil {
			return false, err
		}
	}
	return true, nil
}

// keysOf returns the keys of what came of an incoming record. Those of the record as it
// came were found when it was staged.
func (c *chunk) keysOf(in *staged, content []byte) Keys {
	if string(content) == string(in.payload) {
		return in.keys
	}
	return c.core.keys(content)
}

// twin is a record with another ID that is the same thing: by its dedupe key, or one
// that only this device has and that matches.
func (c *chunk) twin(id engine.ID, content []byte, k Keys) (*row, error) {
	if k.Dedupe != nil {
		other, err := c.tx.row(sqlByKey, k.Dedupe)
		if err != nil || other != nil && other.id != id {
			return other, err
		}
	}
	found, err := c.tx.loose(k.Loose)
	if err != nil {
		return nil, err
	}
	for _, other := range found {
		if other.id == id || other.mirror != nil || !c.core.rules.Matches(content, other.content()) {
			continue
		}
		if _, sent, err := c.tx.sent(other.id); err != nil || !sent {
			return other, err
		}
	}
	return nil, nil
}

// settle writes the outcome: the mirror is what came, and local is the content
// where it differs.
func (c *chunk) settle(in *staged, r *row, merged []absorbed, content []byte, send bool) error {
	var local []byte
	if string(content) != string(in.payload) {
		var err error
		if local, err = c.core.seal(in.id, content); err != nil {
			return err
		}
	}
	changes, edited := 0, int64(0)
	for _, a := range merged {
		changes, edited = max(changes, a.row.changes), max(edited, a.row.edited)
	}
	if r != nil {
		changes, edited = max(changes, r.changes), max(edited, r.edited)
	}
	if changes = max(changes, 1); !send {
		changes = 0
	}
	k := c.keysOf(in, content)
	if r == nil {
		_, err := c.tx.exec(sqlInsert, in.id, in.sealed, local, changes, edited, in.modified, k.Dedupe, k.Loose)
		return err
	}
	_, err := c.tx.exec(sqlSettle, r.n, in.sealed, local, changes, in.modified, k.Dedupe, k.Loose)
	return err
}
