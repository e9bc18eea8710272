package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/syncmanager/syncmanager/server/internal/pg"
	"github.com/syncmanager/syncmanager/server/storage"
)

// with calls f with a connection of its own, after a turn of the user's unless of is nil, and
// translates its error.
func (b *Backend) with(ctx context.Context, uid int64, of *turns, f func(*pgxpool.Conn) error) error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.calls.Done()
	if err := ctx.Err(); err != nil {
		return err
	}
	conn, leave, err := b.acquire(ctx, uid, of)
	if err != nil {
		return err
	}
	defer leave()
	return explain(ctx, f(conn))
}

// repeat runs a step with a connection, again where only a repetition helps. settle turns the
// error of a commit whose answer was lost into what became of the step.
func (b *Backend) repeat(ctx context.Context, uid int64, of *turns, step func(*pgxpool.Conn) error, settle func(*unsettledError) error) error {
	for n := 1; ; n++ {
		err := b.with(ctx, uid, of, step)
		var unsettled *unsettledError
		if errors.As(err, &unsettled) {
			err = explain(ctx, settle(unsettled))
		}
		if n == pg.Attempts || ctx.Err() != nil || !repeatable(err) {
			return err
		}
		var lost *lostError
		if errors.As(err, &lost) {
			b.pool.Reset() // the others are lost too, if the database was restarted
		}
	}
}

// settled is the settle of a step that writes nothing.
func settled(err *unsettledError) error { return err }

// noUser is the user of a step that reads all users.
const noUser = -1

// operate runs a step of the operator, which may read all users and take its time.
func (b *Backend) operate(ctx context.Context, f func(*transaction) error) error {
	return b.repeat(ctx, noUser, nil, func(conn *pgxpool.Conn) error {
		t := b.begin(ctx, conn, noUser, sqlBeginView, sqlUnhurried)
		defer t.rollback()
		return f(t)
	}, settled)
}

// repeatable reports whether a step that failed changed nothing, and may succeed if it is run again.
func repeatable(err error) bool {
	var final *finalError
	var lost *lostError
	return !errors.As(err, &final) && (errors.As(err, &lost) || pg.Conflicts(err))
}

// lostError is the loss of a connection in a step of which nothing is in force: the database was
// restarted, perhaps since the connection was used last.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

// unsettledError is a failure of a commit that may have taken effect.
type unsettledError struct{ error }

func (e *unsettledError) Unwrap() error { return e.error }

// finalError is the failure of a step that must not be repeated: it has handed out what it read, or may be
// in force.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// The codes of PostgreSQL's errors that mean one of the contract's.
var meanings = map[string]error{
	"55P03": storage.ErrBusy, // lock_not_available
	"57014": storage.ErrBusy, // query_canceled, by a timeout
	"40001": storage.ErrBusy, // serialization_failure, again and again
	"40P01": storage.ErrBusy, // deadlock_detected
	"53100": storage.ErrFull, // disk_full
	"XX001": storage.ErrDamaged,
	"XX002": storage.ErrDamaged,
}

// explain adds to an error the error of the contract that it means.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var failure *pgconn.PgError
	isFailure := errors.As(err, &failure)
	if ended := ctx.Err(); ended != nil {
		if !errors.Is(err, ended) && (isFailure || pgconn.Timeout(err)) {
			return fmt.Errorf("%w: %w", ended, err)
		}
		return err
	}
	if isFailure {
		if meaning := meanings[failure.Code]; meaning != nil {
			return fmt.Errorf("%w: %w", meaning, err)
		}
	}
	var lost *lostError
	if errors.As(err, &lost) || pg.Unreachable(err) {
		return fmt.Errorf("%w: %w", storage.ErrUnreachable, err)
	}
	return err
}
