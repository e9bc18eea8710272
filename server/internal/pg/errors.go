package pg

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Attempts is how often a transaction is tried that fails for a reason that a repetition mends.
const Attempts = 5

// Conflicts reports whether a transaction failed because of another one that ran at the same
// time. It changed nothing, and may succeed if all of it is run again. A database of several
// machines reports this also where PostgreSQL would have waited.
func Conflicts(err error) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && (failure.Code == "40001" || failure.Code == "40P01") // serialization_failure, deadlock_detected
}

// errNewConnection means that a connection that was just made cannot be used.
var errNewConnection = errors.New("a new connection to the database failed")

// Unreachable reports whether an error of the database or of connecting to it means that it cannot be used for
// now: nothing answers, it is starting or stopping, it has no place for one more connection, or it is a
// standby that takes no writes.
func Unreachable(err error) bool {
	if errors.Is(err, errNewConnection) {
		return true
	}
	var failure *pgconn.PgError
	if !errors.As(err, &failure) {
		var connecting *pgconn.ConnectError
		return errors.As(err, &connecting)
	}
	switch failure.Code {
	case "53300", // too_many_connections
		"25006", // read_only_sql_transaction
		"25P03", // idle_in_transaction_session_timeout
		"57P01", // admin_shutdown
		"57P02", // crash_shutdown
		"57P03", // cannot_connect_now
		"57P05": // idle_session_timeout
		return true
	}
	return strings.HasPrefix(failure.Code, "08") // connection_exception
}
