package channels

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/server/internal/sqldb"
	"github.com/syncmanager/syncmanager/server/telemetry"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Board is a PostgreSQL database by which servers relay messages of channels whose parties are
// connected to different servers. A message stays there until the other server reads it, which
// takes a fraction of a second; what nobody reads is removed after some minutes.
type Board struct {
	db     sqldb.DB
	server string // names this server among those that share the database
}

//go:generate go run github.com/syncmanager/syncmanager/server/telemetry/statements

// OpenBoard opens the tables in a database, and creates them if they do not exist. The caller must
// call [Board.Close]. observer may be nil.
func OpenBoard(ctx context.Context, database string, random io.Reader, observer *telemetry.Observer) (*Board, error) {
	name := make([]byte, idSize)
	if _, err := io.ReadFull(random, name); err != nil {
		return nil, fmt.Errorf("no randomness: %w", err)
	}
	schema, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqldb.OpenFew(ctx, database, "channels", schema, observer, statementNames)
	if err != nil {
		return nil, err
	}
	return &Board{db, hex.EncodeToString(name)}, nil
}

// Close closes the database.
func (b *Board) Close() error { return b.db.Close() }

// create notes a new channel of a sender at this server, and reports whether that is within the bounds for
// all servers together.
func (b *Board) create(ctx context.Context, id string, from Sender, now time.Time) (created bool, err error) {
	old := now.Add(-Lifetime).UnixMilli()
	err = b.db.UpdateSoon(ctx, func(tx sqldb.Tx) error {
		for _, forget := range []string{sqlForgetMessages, sqlForget} {
			if _, err := tx.Exec(forget, old); err != nil {
				return err
			}
		}
		n, err := tx.Exec(sqlCreate, id, from.Network, b.server, now.UnixMilli(), old, maxRecent, from.most())
		created = n > 0
		return err
	})
	return created, err
}

// join gives the second place in a channel to a party at this server. first is the server of the first party,
// and left is how long the channel exists. found is false if nobody can join.
func (b *Board) join(ctx context.Context, id string, now time.Time) (first string, left time.Duration, found bool, err error) {
	var created int64
	err = b.db.UpdateSoon(ctx, func(tx sqldb.Tx) error {
		return tx.QueryRow(sqlJoin, id, b.server, now.Add(-Lifetime).UnixMilli()).Scan(&first, &created)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", 0, false, nil
	}
	// The clocks of servers differ.
	left = min(max(time.UnixMilli(created).Add(Lifetime).Sub(now), 0), Lifetime)
	return first, left, err == nil, err
}

// note is what one server tells another of a channel.
type note struct {
	// Envelope is a message for the party there, which has Size bytes.
	Envelope json.RawMessage `json:"envelope,omitempty"`
	Size     int             `json:"size,omitempty"`
	// End is why the channel ended; "": it did not.
	End string `json:"end,omitempty"`
}

// send sends this server's note number n to the other party's server. It does nothing if nobody joined
// there.
func (b *Board) send(ctx context.Context, id string, n int, what note, now time.Time) error {
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return b.db.UpdateSoon(ctx, func(tx sqldb.Tx) error {
		if _, err := tx.Exec(sqlSend, id, b.server, n, string(body), now.UnixMilli()); err != nil || what.End == "" {
			return err
		}
		_, err := tx.Exec(sqlEnd, id)
		return err
	})
}

// received is a note of another server.
type received struct {
	channel string
	n       int
	note    note
}

// take returns what waits for this server, each channel's in the order in which it was sent, and removes it.
func (b *Board) take(ctx context.Context) (all []received, err error) {
	err = b.db.UpdateSoon(ctx, func(tx sqldb.Tx) error {
		all = nil
		rows, err := tx.Query(sqlTake, b.server)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r received
			var body []byte
			if err := rows.Scan(&r.channel, &r.n, &body); err != nil {
				return err
			}
			if json.Unmarshal(body, &r.note) == nil { // a newer server may write more
				all = append(all, r)
			}
		}
		return rows.Err()
	})
	slices.SortFunc(all, func(a, b received) int { return cmp.Or(cmp.Compare(a.channel, b.channel), a.n-b.n) })
	return all, err
}
