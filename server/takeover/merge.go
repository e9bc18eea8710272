package takeover

import (
	"bytes"
	"context"
	"database/sql"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/token"
)

// merge takes the records that devices wrote at the other server since it was copied, while
// others wrote here.
func (r *run) merge(ctx context.Context, a account, is token.Standing, before *taken) error {
	var c *content
	amounts := make(map[string]Amount)
	into := func(uid int64) error {
		return r.to.Backend.Update(ctx, uid, storage.Durable, func(tx storage.Tx) (err error) {
			clear(amounts) // it may be called again
			m := merging{tx: tx, since: before.source, now: r.now(), amounts: amounts}
			c, err = r.read(ctx, a, m.take)
			return err
		})
	}
	var err error
	uid := is.UID
	if is.Node == "" {
		err = into(uid)
	} else {
		uid, err = r.mergeOnNode(ctx, a, is, into)
	}
	if err != nil {
		return err
	}
	if err := r.to.Tokens.Adopt(ctx, a.Adoption, uid, uid); err != nil {
		return err
	}
	if err := r.to.State.put(ctx, a.Account, taken{uid: uid, source: c.storage, hash: c.hash()}); err != nil {
		return err
	}
	r.report.Merged++
	r.report.read(c)
	r.report.count(amounts)
	return nil
}

// merging writes late records into a storage that is in use.
type merging struct {
	tx storage.Tx
	// since is the last-modified time there when it was copied.
	since, now bso.Timestamp
	amounts    map[string]Amount
}

// take writes those of some records of one collection that are newer than the ones here.
func (m *merging) take(collection string, records []storage.Dated) error {
	var changes []storage.Change
	for i := range records {
		d := &records[i]
		if d.Modified <= m.since {
			continue // an earlier run took it, or a device has deleted it here
		}
		here, err := m.tx.Record(collection, d.ID)
		switch {
		case err != nil:
			return err
		case collection == "meta" || collection == "crypto":
			// Records here and records there may need different keys then.
			if here == nil || !bytes.Equal(here.Payload, d.Payload) {
				return errBothMoved
			}
			continue
		case here != nil && here.Modified >= d.Modified:
			continue
		}
		changes = append(changes, m.change(d))
		n := m.amounts[collection]
		m.amounts[collection] = Amount{n.Records + 1, n.Bytes + int64(len(d.Payload))}
	}
	if len(changes) == 0 {
		return nil
	}
	return m.tx.Put(collection, changes)
}

// change is what a device would send for a record.
func (m *merging) change(d *storage.Dated) storage.Change {
	c := storage.Change{
		ID: d.ID, Fields: storage.FieldPayload | storage.FieldSortIndex | storage.FieldTTL, Payload: d.Payload, SortIndex: d.SortIndex,
	}
	if d.Expires != 0 {
		c.TTL = sql.Null[int64]{V: max(1, int64(d.Expires-m.now)/100), Valid: true}
	}
	return c
}
