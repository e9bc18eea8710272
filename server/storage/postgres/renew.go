package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/internal/syncids"
)

// RenewSyncIDs gives each user's storage new sync IDs, after the database was restored to an earlier
// state than the one that clients know: every client then reads everything and merges it with
// what it has. The records stay. If one user fails, the others get theirs nevertheless, and
// the error joins a [storage.UserError] for each that failed. It returns how many users have new IDs.
func (b *Backend) RenewSyncIDs(ctx context.Context) (renewed int, err error) {
	var uids []int64
	err = b.States(ctx, func(s storage.State) error {
		uids = append(uids, s.UID)
		return nil
	})
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, uid := range uids {
		found := false
		renew := func() error {
			return b.Update(ctx, uid, storage.Durable, func(tx storage.Tx) (err error) {
				found, err = tx.(*transaction).renew(b)
				return err
			})
		}
		err := renew()
		if errors.Is(err, storage.ErrFenced) { // the move that the backup caught is over
			if err = b.Fence(ctx, uid, false); err == nil {
				err = renew()
			}
		}
		if ctx.Err() != nil {
			return renewed, errors.Join(append(errs, ctx.Err())...)
		}
		if err != nil {
			errs = append(errs, &storage.UserError{UID: uid, Err: fmt.Errorf("cannot renew the sync IDs of user %d: %w", uid, err)})
		} else if found {
			renewed++
		}
	}
	return renewed, errors.Join(errs...)
}

// renew replaces the user's sync IDs, and reports whether there were any.
func (t *transaction) renew(b *Backend) (bool, error) {
	number, _, err := t.number("meta")
	if number == 0 || err != nil {
		return false, err
	}
	old := make(map[string][]byte)
	err = t.each(func(rows pgx.Rows) error {
		var id string
		var payload []byte
		err := rows.Scan(&id, &payload)
		old[id] = payload
		return err
	}, sqlMetaRecords, t.uid, number, syncids.MaxRecord, syncids.MaxRecords)
	if err != nil {
		return false, err
	}
	fresh, grown := make(map[string][]byte), int64(0)
	renewal := syncids.New(random{b})
	for _, id := range slices.Sorted(maps.Keys(old)) {
		payload, err := renewal.Payload(old[id])
		if err != nil {
			return false, err
		}
		if payload != nil {
			fresh[id] = payload
			grown += int64(len(payload) - len(old[id]))
		}
	}
	if len(fresh) == 0 {
		return false, nil
	}
	at, err := syncids.Time(random{b}, int64(t.last), int64(t.now))
	if err != nil {
		return false, err
	}
	t.time = bso.Timestamp(at)
	t.stamp()
	for name := range t.own {
		if name != "crypto" { // its time is that of its one record, which clients compare
			t.collection(name).modified = t.time
		}
	}
	t.collection("meta").bytes += grown
	for id, payload := range fresh {
		t.later(sqlRenewRecord, t.uid, number, id, payload, at)
	}
	return true, nil
}

// random is the backend's source, which may not be safe for concurrent use.
type random struct{ b *Backend }

func (r random) Read(p []byte) (int, error) {
	r.b.mu.Lock()
	defer r.b.mu.Unlock()
	return r.b.rand.Read(p)
}
