package sqldb

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/internal/pg"
)

// Unavailable reports whether an error of a [DB] means that it cannot be used for now, so that the
// same request may succeed later: it does not answer, a connection was lost or none is free, or others
// were in the way for too long. What was changed may be in force if a connection was lost at a commit.
func Unavailable(err error) bool {
	if err == nil {
		return false
	}
	if pg.Unreachable(err) || pg.Conflicts(err) || errors.Is(err, sqlite.ErrBusy) {
		return true
	}
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failure.Code == "55P03" || failure.Code == "57014" || // lock_not_available, query_canceled
			strings.HasPrefix(failure.Code, "53") // insufficient_resources
	}
	_, network := errors.AsType[net.Error](err)
	return network || pgconn.SafeToRetry(err) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
