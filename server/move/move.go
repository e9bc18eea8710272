package move

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
	"github.com/syncmanager/syncmanager/server/node"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/transfer"
)

// Config says what to move where.
type Config struct {
	From, To Place
	Now      func() time.Time
	// Unchanged reports, at the end, whether nothing was written to From meanwhile.
	Unchanged func(context.Context) error
	// Progress, if set, is called after each user, with the number of those that are done.
	Progress func(done, all int)
}

// Report is the result of a move.
type Report struct {
	// Users is how many users have records, and Same how many of these were there already, from a move that did
	// not end.
	Users int `json:"users"`
	Same  int `json:"same"`
	// Records and Bytes are what all users store.
	Records int64 `json:"records"`
	Bytes   int64 `json:"bytes"`
	// Rows is how many rows the tables of accounts, tokens and messages have.
	Rows int64 `json:"rows"`
	// Failed are the users whose records are damaged. They have none at the new place.
	Failed []Failed `json:"failed,omitempty"`
}

// Failed is a user whose records could not be copied.
type Failed struct {
	// Storage is the number of the user's storage.
	Storage int64  `json:"storage"`
	Error   string `json:"error"`
}

var (
	// ErrNotEmpty means that there is something at the place to move to.
	ErrNotEmpty = errors.New("there is data of another server in it: name an empty one")
	// ErrNode means that a place is the data folder of a storage node.
	ErrNode = errors.New("it is the data folder of a storage node, which is not moved by itself: add another node, and move its users there with 'syncmanager server node drain'")
	// ErrSame means that a server is to be moved to where it is.
	ErrSame = errors.New("the server is there already")
)

// Run moves a server. The caller sees to it that nothing writes to either place meanwhile. What is at the new place is
// equal to the old one when Run returns without an error, except for the users that it names as failed. A move
// that was killed is begun again, and copies what is not there yet; until then no server starts at the new place. Nothing
// at the old place is changed.
func Run(ctx context.Context, c Config) (r Report, err error) {
	if err := c.check(); err != nil {
		return r, err
	}
	from, err := open(ctx, c.From, true, nil)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, from.close(context.WithoutCancel(ctx))) }()
	secret, err := from.secret(ctx)
	if err != nil || secret == nil {
		return r, errors.Join(err, fmt.Errorf("%s has no server's secret", c.From))
	}
	mark := markOf(secret)
	to, err := open(ctx, c.To, false, mark)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, to.close(context.WithoutCancel(ctx))) }()
	if err := to.begin(ctx, mark); err != nil {
		return r, err
	}
	if err := c.copy(ctx, from, to, &r); err != nil {
		return r, err
	}
	return r, to.end(ctx, secret)
}

// check refuses places between which nothing can be moved.
func (c Config) check() error {
	if c.From == c.To {
		return ErrSame
	}
	for _, p := range []Place{c.From, c.To} {
		if p.Dir == "" {
			continue
		}
		if url, err := node.Folder(p.Dir); err != nil || url != "" {
			return errors.Join(err, fmt.Errorf("%s: %w", p, ErrNode))
		}
	}
	return nil
}

// copy copies everything but the secret, while nobody changes it.
func (c Config) copy(ctx context.Context, from, to *data, r *Report) error {
	if err := copyTables(ctx, from, to, r); err != nil {
		return err
	}
	if err := c.copyRecords(ctx, from, to, r); err != nil || c.Unchanged == nil {
		return err
	}
	return c.Unchanged(ctx)
}

// markOf returns the mark of a move of the server with a secret.
func markOf(secret []byte) []byte {
	sum := sha256.Sum256(append([]byte("moving "), secret...))
	return []byte(hex.EncodeToString(sum[:]))
}

// begin marks a place that is empty, or to which the same server was being moved.
func (d *data) begin(ctx context.Context, mark []byte) error {
	have, err := d.get(ctx, markName, server.MovingMarker)
	if err != nil || bytes.Equal(have, mark) {
		return err
	}
	empty, err := d.empty(ctx)
	if err != nil {
		return err
	}
	if have != nil || !empty {
		return fmt.Errorf("%s: %w", d.Place, ErrNotEmpty)
	}
	return d.set(ctx, markName, server.MovingMarker, mark)
}

// end gives a place that has everything else the secret, and takes the mark away: now it is the server.
func (d *data) end(ctx context.Context, secret []byte) error {
	if err := d.setSecret(ctx, secret); err != nil {
		return err
	}
	return d.set(ctx, markName, server.MovingMarker, nil)
}

func (d *data) empty(ctx context.Context) (bool, error) {
	if secret, err := d.secret(ctx); err != nil || secret != nil {
		return false, err
	}
	for _, part := range parts() {
		tables, err := sqldb.Tables(part.schema)
		if err != nil {
			return false, err
		}
		if sum, err := sqldb.SumOf(ctx, d.tables[part.name], tables); err != nil || sum.Rows > 0 {
			return false, err
		}
	}
	users, err := usersOf(ctx, d.records)
	return len(users) == 0, err
}

// copyTables copies the tables that differ.
func copyTables(ctx context.Context, from, to *data, r *Report) error {
	for _, part := range parts() {
		source := from.tables[part.name]
		if source == nil {
			continue // the accounts are on another server, or the queue is in memory
		}
		target := to.tables[part.name]
		tables, err := sqldb.Tables(part.schema)
		if err != nil {
			return err
		}
		want, err := sqldb.SumOf(ctx, source, tables)
		if err != nil {
			return fmt.Errorf("%s of %s: %w", part.name, from, err)
		}
		got, err := sqldb.SumOf(ctx, target, tables)
		if err == nil && got != want {
			if err = sqldb.CopyTables(ctx, source, target, tables); err == nil {
				got, err = sqldb.SumOf(ctx, target, tables)
			}
		}
		if err == nil && got != want {
			err = transfer.ErrDiffers
		}
		if err != nil {
			return fmt.Errorf("%s in %s: %w", part.name, to, err)
		}
		r.Rows += want.Rows
	}
	return nil
}

// usersOf lists the users who have records, by the numbers of their storages.
func usersOf(ctx context.Context, b storage.Backend) (uids []int64, err error) {
	seen := make(map[int64]bool)
	err = b.States(ctx, func(s storage.State) error {
		seen[s.UID] = true
		return ctx.Err()
	})
	return slices.Sorted(maps.Keys(seen)), err
}

// copyRecords copies the records of users who have others at the new place, or none.
func (c *Config) copyRecords(ctx context.Context, from, to *data, r *Report) error {
	uids, err := usersOf(ctx, from.records)
	if err != nil {
		return err
	}
	there, err := usersOf(ctx, to.records)
	if err != nil {
		return err
	}
	for _, uid := range there {
		if _, found := slices.BinarySearch(uids, uid); !found { // removed since the move began
			if err := to.records.Delete(ctx, uid); err != nil {
				return err
			}
		}
	}
	r.Users = len(uids)
	for i, uid := range uids {
		_, have := slices.BinarySearch(there, uid)
		if err := c.copyUser(ctx, from, to, uid, have, r); err != nil {
			return fmt.Errorf("storage %d: %w", uid, err)
		}
		if c.Progress != nil {
			c.Progress(i+1, len(uids))
		}
	}
	return nil
}

func (c *Config) copyUser(ctx context.Context, from, to *data, uid int64, have bool, r *Report) error {
	source, target, now := transfer.Local{Backend: from.records}, transfer.Local{Backend: to.records}, bso.TimestampOf(c.Now())
	var sum transfer.Sum
	err := transfer.ErrDiffers
	if have {
		if sum, err = transfer.Compare(ctx, now, source, uid, target, uid); err == nil {
			r.Same++
		}
	}
	if errors.Is(err, transfer.ErrDiffers) {
		sum, err = transfer.Copy(ctx, now, source, uid, target, uid)
	}
	var broken *transfer.SourceError
	if errors.As(err, &broken) && errors.Is(err, storage.ErrDamaged) {
		r.Failed = append(r.Failed, Failed{uid, err.Error()})
		return to.records.Delete(ctx, uid) // rather none than some
	}
	r.Records += sum.Records
	r.Bytes += sum.Bytes
	return err
}
