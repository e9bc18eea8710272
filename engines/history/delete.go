package history

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// Deleted counts what was deleted.
type Deleted struct {
	// Pages are those that are gone, and Visits all visits that are, theirs
	// included.
	Pages  int `json:"pages"`
	Visits int `json:"visits"`
}

// ErrHost means that a text is not the name of a host.
var ErrHost = errors.New("not a host, such as example.org")

// Delete deletes the page with the ID and all its visits, here and with the next
// sync everywhere.
func (e *Engine) Delete(ctx context.Context, id engine.ID) error {
	_, err := e.deleteOne(ctx, func(tx *tx) (*row, error) { return tx.byGUID(id) })
	return err
}

// DeleteURL deletes the page with the URL, or returns [engine.ErrNotFound].
func (e *Engine) DeleteURL(ctx context.Context, url string) (Deleted, error) {
	return e.deleteOne(ctx, func(tx *tx) (*row, error) { return tx.askedFor(url) })
}

func (e *Engine) deleteOne(ctx context.Context, find func(*tx) (*row, error)) (d Deleted, err error) {
	err = e.edit(ctx, func(tx *tx) error {
		r, err := find(tx)
		if err != nil {
			return err
		}
		if r == nil || r.visits == 0 {
			return errNotFound
		}
		d = Deleted{1, r.visits}
		return tx.remove(r)
	})
	if err != nil && !errors.Is(err, errNotFound) {
		err = fmt.Errorf("cannot delete from the history: %w", err)
	}
	return d, err
}

// DeleteHost deletes all pages of a host ("example.org") and of its subdomains,
// on any port. It works in many small transactions: an error says how much is left.
func (e *Engine) DeleteHost(ctx context.Context, host string) (Deleted, error) {
	// Pages without a host, those of this device's files, are not "all" of anything.
	if !isHost(host) {
		return Deleted{}, fmt.Errorf("%w: %.70q", ErrHost, host)
	}
	first, last := places.HostRange(host)
	if err := e.dropUndoItems(ctx, sqlDropUndoItemsOfHost, first, last); err != nil {
		return Deleted{}, err
	}
	return e.deleteAll(ctx, func(tx *tx) ([]int64, error) { return tx.numbers(sqlOfHost, first, last, e.chunk) },
		func(tx *tx, r *row) (Deleted, error) { return Deleted{1, r.visits}, tx.remove(r) })
}

func isHost(host string) bool {
	return host != "" && !strings.ContainsAny(host, "/ @?#") && strings.Trim(host, ".") != ""
}

// DeleteBetween deletes the visits in the time, and the pages that have no other; and how
// pages were used then.
// A page is deleted on all devices; a visit of a page that stays is deleted on this
// device alone.
func (e *Engine) DeleteBetween(ctx context.Context, when Between) (Deleted, error) {
	from, to := when.micros()
	if err := e.dropUndoItems(ctx, sqlDropUndoItemsOfRange, from, to); err != nil {
		return Deleted{}, err
	}
	if _, err := e.ForgetUses(ctx, when); err != nil {
		return Deleted{}, err
	}
	return e.deleteAll(ctx, func(tx *tx) ([]int64, error) { return tx.numbers(sqlRange, from, to, e.chunk) },
		func(tx *tx, r *row) (Deleted, error) { return tx.removeBetween(r, from, to) })
}

// dropUndoItems deletes pages from what an Undo would bring back.
func (e *Engine) dropUndoItems(ctx context.Context, query string, args ...any) error {
	err := e.update(ctx, func(tx *tx) error { _, err := tx.Exec(query, args...); return err })
	if err != nil {
		err = fmt.Errorf("cannot delete from the history: %w", err)
	}
	return err
}

func (t *tx) removeBetween(r *row, from, to int64) (d Deleted, err error) {
	if _, err := t.Exec(sqlAddVisitTombstones, r.id, from, to); err != nil {
		return d, err
	}
	n, err := t.Exec(sqlDropRange, r.id, from, to)
	if err != nil {
		return d, err
	}
	d.Visits = int(n)
	if int(n) == r.visits {
		d.Pages = 1
		return d, t.remove(r)
	}
	var shown, sent int
	if err := t.QueryRow(sqlTally, r.id).Scan(&r.visits, &r.lastVisit, &r.typed, &shown, &sent); err != nil {
		return d, err
	}
	_, leaves := storable(r.url)
	// A page that the server has is still one that it may have.
	r.hidden, r.syncable = shown == 0, leaves && (sent > 0 || r.synced || r.had)
	if err := t.touch(r); err != nil {
		return d, err
	}
	return d, t.save(r, true, false)
}

// deleteAll deletes what next finds, a chunk at a time, until it finds nothing.
func (e *Engine) deleteAll(ctx context.Context, next func(*tx) ([]int64, error), remove func(*tx, *row) (Deleted, error)) (sum Deleted, err error) {
	for {
		var some Deleted
		var found int
		err := e.edit(ctx, func(tx *tx) error {
			some = Deleted{}
			ids, err := next(tx)
			if err != nil {
				return err
			}
			found = len(ids)
			for _, id := range ids {
				r, err := tx.byID(id)
				if err != nil {
					return err
				}
				d, err := remove(tx, r)
				if err != nil {
					return err
				}
				some.Pages += d.Pages
				some.Visits += d.Visits
			}
			return nil
		})
		if err != nil {
			return sum, fmt.Errorf("cannot delete all of it from the history, %d pages are gone: %w", sum.Pages, err)
		}
		if found == 0 {
			return sum, nil
		}
		sum.Pages += some.Pages
		sum.Visits += some.Visits
	}
}

// Reset forgets the sync state and keeps the history. Deletions that are not on
// the server yet are kept too, as they are the user's.
func (e *Engine) Reset(ctx context.Context, a engine.Association) error {
	cutoff := e.db.Now().Add(-backfill).UnixMicro()
	err := e.forget(ctx, func(tx *tx, from, to int64) error {
		_, err := tx.Exec(sqlForget, from, to, cutoff)
		return err
	})
	if err == nil {
		err = e.update(ctx, func(tx *tx) error {
			// The times of another server say nothing about what was seen when.
			if _, err := tx.Exec(sqlForgetSeen, forEver); err != nil {
				return err
			}
			return e.ledger.Associate(tx.Tx.Tx, a)
		})
	}
	if err != nil {
		return fmt.Errorf("cannot reset the history: %w", err)
	}
	return nil
}

const forEver = engine.Timestamp(1<<63 - 1)

// Wipe forgets the history, also that [Engine.ClearLocal] cleared it: the next sync brings
// all that the account has. Pages that are bookmarked stay as such.
func (e *Engine) Wipe(ctx context.Context) error {
	err := e.forget(ctx, wipe)
	if err == nil {
		err = e.chunks(ctx, sqlLastOrigin, func(tx *tx, from, to int64) error {
			_, err := tx.Exec(sqlWipeOrigins, from, to)
			return err
		})
	}
	if err == nil {
		err = e.ledger.DropOutgoing(ctx)
	}
	if err == nil {
		err = e.ledger.ForgetTombstones(ctx)
	}
	if err == nil {
		err = e.update(ctx, func(tx *tx) error {
			for _, query := range []string{sqlDropTombstones, sqlDropLog, sqlForgetCleared} {
				if _, err := tx.Exec(query); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("cannot wipe the history: %w", err)
	}
	e.watchers.Tell(engine.Change{})
	return nil
}

func wipe(tx *tx, from, to int64) error {
	for _, query := range []string{sqlWipeVisits, sqlWipeVisitTombstones, sqlWipeAccepted, sqlWipeUses, sqlWipeSearch, sqlWipePlaces} {
		if _, err := tx.Exec(query, from, to); err != nil {
			return err
		}
	}
	bookmarked, err := tx.numbers(sqlWipeKept, from, to)
	if err != nil {
		return err
	}
	for _, id := range bookmarked {
		r, err := tx.byID(id)
		if err != nil {
			return err
		}
		if err := tx.drop(r); err != nil {
			return err
		}
	}
	return nil
}

// forget drops the sync state and runs each over all places. The association
// goes first: stopped half-way, the engine no longer claims to be in sync with
// anything, and the manager resets it again.
func (e *Engine) forget(ctx context.Context, each func(tx *tx, from, to int64) error) error {
	err := e.ledger.Forget(ctx)
	if err == nil {
		err = e.chunks(ctx, sqlLastPlace, each)
	}
	return err
}
