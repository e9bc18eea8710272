package mirror

import "github.com/syncmanager/syncmanager/engine"

// Difference is a record before and after a sync. Before is nil where this device did not have it,
// and After where it was deleted.
type Difference[R any] struct{ Before, After *R }

// noteDifference notes for [Schema.Synced] what a sync changes in this transaction. A payload is
// nil where there is no record.
func (c *chunk[R]) noteDifference(before, after []byte) error {
	if c.store.schema.Synced == nil {
		return nil
	}
	var d Difference[R]
	for _, side := range []struct {
		payload []byte
		into    **R
	}{{before, &d.Before}, {after, &d.After}} {
		if side.payload == nil {
			continue
		}
		r, err := decodeStored[R](side.payload)
		if err != nil {
			return err
		}
		*side.into = &r
	}
	c.differences = append(c.differences, d)
	return nil
}

// noteAdded does the same for records that were added without being looked at.
func (c *chunk[R]) noteAdded(ids []engine.ID) error {
	if c.store.schema.Synced == nil {
		return nil
	}
	for _, id := range ids {
		r, err := c.tx.row(sqlRow, id)
		if err != nil {
			return err
		}
		if r != nil {
			if err := c.noteDifference(nil, r.content()); err != nil {
				return err
			}
		}
	}
	return nil
}
