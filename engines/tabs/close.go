package tabs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

const (
	// CloseLife is how long a tab of another device that the user closed here counts as closed
	// while the device says that it is open. Mozilla's apps have the same.
	CloseLife = 48 * time.Hour
	// MaxCloses is how many such tabs there may be.
	MaxCloses = 1000
	// firstRetry and lastRetry bound the pause after a device could not be asked, which doubles.
	firstRetry = time.Minute
	lastRetry  = time.Hour
)

var (
	// ErrTooManyCloses means that [MaxCloses] tabs of other devices wait to be closed.
	ErrTooManyCloses = errors.New("too many tabs of other devices wait to be closed; sync first")
	// ErrSent means that a device was asked to close a tab already: that cannot be undone.
	ErrSent = errors.New("the other device was asked already to close this tab")
)

// errNotQueued is what Undo says about a tab that nobody closed here.
var errNotQueued = &engine.NotFoundError{Reason: errors.New("this tab of the other device was not closed here")}

// PendingClose is a tab of another device that the user closed here, and that the device did not
// close yet, for all that is known.
type PendingClose struct {
	// Device is the device, as the account lists it.
	Device engine.Device
	URL    string
	// QueuedAt is when the user closed it, and SentAt when the device was asked; zero: not yet. To
	// the millisecond.
	QueuedAt, SentAt time.Time
	// Attempts is how often asking failed. It is not tried again before RetryAt.
	Attempts int
	RetryAt  time.Time
}

// CloseRemote closes tabs of another device: [Engine.Others] shows them as closed at once, and
// [Engine.SendCloses] asks the device later, so that [Engine.UndoClose] can take it back until
// then. The same tab again is not queued again. It closes all of them, or none and returns
// [engine.ErrNotFound] if the device does not have one of the tabs, or [ErrTooManyCloses].
func (e *Engine) CloseRemote(ctx context.Context, device engine.ID, addresses ...string) error {
	if err := e.hasTabs(ctx, device, addresses); err != nil {
		return fmt.Errorf("cannot close tabs of another device: %w", err)
	}
	now := e.now().UnixMilli()
	err := e.db.Update(ctx, func(tx *sql.Tx) error {
		if err := e.dropExpired(ctx, tx); err != nil {
			return err
		}
		for _, address := range addresses {
			if _, err := tx.ExecContext(ctx, sqlQueueClose, device, address, now); err != nil {
				return err
			}
		}
		var n int
		err := tx.QueryRowContext(ctx, sqlCountCloses).Scan(&n)
		if err == nil && n > MaxCloses {
			err = ErrTooManyCloses
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot close tabs of another device: %w", err)
	}
	e.watchers.Tell(engine.Change{User: true, IDs: []engine.ID{device}})
	e.Notify() // so that SendCloses follows
	return nil
}

// hasTabs returns [engine.ErrNotFound] unless the device has tabs with all the addresses.
func (e *Engine) hasTabs(ctx context.Context, device engine.ID, addresses []string) error {
	all, err := e.others(ctx)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, d := range all {
		if d.Device.ID == device {
			for _, t := range slices.Concat(d.Tabs, d.Closing) {
				has[t.URL()] = true
			}
		}
	}
	if slices.ContainsFunc(addresses, func(address string) bool { return !has[address] }) {
		return errNotOpen
	}
	return nil
}

// UndoClose takes CloseRemote back: the tab is shown again. It returns [ErrSent] if the device was
// asked already, or is being asked, and [engine.ErrNotFound] if the tab was not closed here.
func (e *Engine) UndoClose(ctx context.Context, device engine.ID, address string) error {
	e.closing.Lock()
	defer e.closing.Unlock()
	err := ErrSent
	if !e.closing.inFlight[remoteTab{device, address}] {
		err = e.db.Update(ctx, func(tx *sql.Tx) error { return undoClose(ctx, tx, device, address) })
	}
	if err != nil {
		return fmt.Errorf("cannot open the tab of the other device again: %w", err)
	}
	e.watchers.Tell(engine.Change{User: true, IDs: []engine.ID{device}})
	return nil
}

func undoClose(ctx context.Context, tx *sql.Tx, device engine.ID, address string) error {
	var sent int64
	err := tx.QueryRowContext(ctx, sqlCloseSentAt, device, address).Scan(&sent)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errNotQueued
	case err != nil:
		return err
	case sent > 0:
		return ErrSent
	}
	_, err = tx.ExecContext(ctx, sqlUndoClose, device, address)
	return err
}

// PendingCloses lists the tabs of other devices that the user closed here, the first one first.
func (e *Engine) PendingCloses(ctx context.Context) ([]PendingClose, error) {
	m, err := readMeta(ctx, e.db.Read())
	if err != nil {
		return nil, err
	}
	return e.readCloses(ctx, sqlCloses, m.devices)
}

// readCloses reads those that have not expired.
func (e *Engine) readCloses(ctx context.Context, query string, devices []engine.Device) ([]PendingClose, error) {
	all, err := readAll(ctx, e.db.Read(), query, func(rows *sql.Rows, c *PendingClose) error {
		var queued, sent, retry int64
		err := rows.Scan(&c.Device.ID, &c.URL, &queued, &sent, &c.Attempts, &retry)
		c.QueuedAt, c.SentAt, c.RetryAt = fromMillis(queued), fromMillis(sent), fromMillis(retry)
		return err
	})
	for i := range all {
		if at := slices.IndexFunc(devices, func(d engine.Device) bool { return d.ID == all[i].Device.ID }); at >= 0 {
			all[i].Device = devices[at]
		}
	}
	oldest, newest := e.closeTimes()
	return slices.DeleteFunc(all, func(c PendingClose) bool {
		return !c.QueuedAt.After(oldest) || c.QueuedAt.After(newest)
	}), err
}

// closeTimes are the times between which a tab was closed here and still counts as that. One that
// is long in the future is of a clock that was wrong.
func (e *Engine) closeTimes() (oldest, newest time.Time) {
	now := e.now()
	return now.Add(-CloseLife), now.Add(CloseLife)
}

func (e *Engine) dropExpired(ctx context.Context, tx *sql.Tx) error {
	oldest, newest := e.closeTimes()
	_, err := tx.ExecContext(ctx, sqlDropExpired, oldest.UnixMilli(), newest.UnixMilli())
	return err
}

// remoteTab names a tab of another device.
type remoteTab struct {
	device engine.ID
	url    string
}

// SendCloses asks other devices to close the tabs that the user closed here at least delay ago,
// with one call of ask for each device. ask is account.Account.CloseTabs: it gets the device's ID
// with the accounts server. If it fails, those tabs are tried again after a minute, and then after
// growing pauses of up to an hour, until [CloseLife] has passed; its error may have a method
// NotSent() []string that says which, and otherwise it is all. SendCloses returns the errors of ask
// joined. No lock is held during ask, and one call runs at a time.
//
// The manager's Run calls SendCloses with its syncs. An app without Run calls it after
// Manager.Sync, and at [engine.SentCloses].Next:
//
//	sent, err := tabs.SendCloses(ctx, 5*time.Second, account.CloseTabs)
//
// A device that closes a tab uploads its tabs without it, which ends the matter: see
// [Engine.PendingCloses].
func (e *Engine) SendCloses(ctx context.Context, delay time.Duration, ask func(ctx context.Context, accountID string, urls []string) error) (r engine.SentCloses, err error) {
	select {
	case e.sending <- struct{}{}:
		defer func() { <-e.sending }()
	case <-ctx.Done():
		return r, context.Cause(ctx)
	}
	due, r, err := e.takeDue(ctx, delay)
	if err != nil {
		return r, fmt.Errorf("cannot close tabs of other devices: %w", err)
	}
	defer e.putBack()
	var errs []error
	for len(due) > 0 {
		device := due[0].Device
		other := func(c PendingClose) bool { return c.Device.ID != device.ID }
		mine := slices.DeleteFunc(slices.Clone(due), other)
		due = slices.DeleteFunc(due, func(c PendingClose) bool { return !other(c) })
		var urls []string
		for _, c := range mine {
			urls = append(urls, c.URL)
		}
		askErr := ask(ctx, device.AccountID, urls)
		// What was sent must not be forgotten because the caller gave up.
		if err := e.settleCloses(context.WithoutCancel(ctx), mine, askErr, &r); err != nil {
			return r, errors.Join(append(errs, err)...)
		}
		if askErr != nil {
			errs = append(errs, askErr)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return r, errors.Join(errs...)
}

// takeDue returns the closed tabs that are due, and keeps UndoClose away from them.
func (e *Engine) takeDue(ctx context.Context, delay time.Duration) (due []PendingClose, r engine.SentCloses, err error) {
	e.closing.Lock()
	defer e.closing.Unlock()
	if err := e.db.Update(ctx, func(tx *sql.Tx) error { return e.dropExpired(ctx, tx) }); err != nil {
		return nil, r, err
	}
	m, err := readMeta(ctx, e.db.Read())
	if err != nil {
		return nil, r, err
	}
	all, err := e.readCloses(ctx, sqlUnsent, m.devices)
	if err != nil {
		return nil, r, err
	}
	now := e.now()
	for _, c := range all {
		at := c.QueuedAt.Add(delay)
		if at.After(now.Add(delay)) {
			at = now // the clock was set back
		}
		if c.RetryAt.After(at) {
			at = c.RetryAt
		}
		switch {
		case c.Device.AccountID == "": // nobody to ask, until the next sync finds the device
		case at.After(now):
			waitUntil(&r, at)
		default:
			due = append(due, c)
			e.closing.inFlight[remoteTab{c.Device.ID, c.URL}] = true
		}
	}
	return due, r, nil
}

// waitUntil notes that a tab is due then.
func waitUntil(r *engine.SentCloses, at time.Time) {
	if r.Next.IsZero() || at.Before(r.Next) {
		r.Next = at
	}
}

func (e *Engine) putBack() {
	e.closing.Lock()
	defer e.closing.Unlock()
	clear(e.closing.inFlight)
}

// settleCloses notes which tabs a device was asked to close.
func (e *Engine) settleCloses(ctx context.Context, asked []PendingClose, cause error, r *engine.SentCloses) error {
	failed := func(string) bool { return cause != nil }
	if part, is := errors.AsType[interface {
		error
		NotSent() []string
	}](cause); is {
		failed = func(url string) bool { return slices.Contains(part.NotSent(), url) }
	}
	now := e.now()
	return e.db.Update(ctx, func(tx *sql.Tx) error {
		for _, c := range asked {
			query, at := sqlMarkSent, now
			if failed(c.URL) {
				query, at = sqlMarkFailed, now.Add(min(firstRetry<<min(c.Attempts, 10), lastRetry))
				r.Failed++
				waitUntil(r, at)
			} else {
				r.Sent++
			}
			if _, err := tx.ExecContext(ctx, query, at.UnixMilli(), c.Device.ID, c.URL); err != nil {
				return err
			}
		}
		return nil
	})
}

// noteTabs drops the closed tabs of a device that says that it does not have them.
func noteTabs(tx *sqlite.Tx, device engine.ID, payload []byte) error {
	urls := []string{}
	if payload != nil {
		_, open, err := parse(payload)
		if err != nil {
			return err
		}
		for _, t := range open.Tabs {
			urls = append(urls, t.URL())
		}
	}
	list, err := json.Marshal(urls)
	if err != nil {
		return err
	}
	_, err = tx.Exec(sqlDropClosed, device, string(list))
	return err
}
