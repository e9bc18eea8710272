package sqlstore

import (
	"database/sql"
	"errors"

	"github.com/syncmanager/syncmanager/server/telemetry"
	"github.com/syncmanager/syncmanager/server/token"
)

// The statements of checks.
const (
	sqlLiveSession = `SELECT verified = 1 FROM tokens WHERE uid = ?1 AND hash = ?2 AND kind = 'session'`
	sqlLiveRefresh = `SELECT TRUE FROM refresh_tokens WHERE uid = ?1 AND hash = ?2`
	sqlLiveAccount = `SELECT TRUE FROM accounts WHERE uid = ?1`
)

// Checks names the statements of the checks below.
func Checks() []telemetry.Named {
	return []telemetry.Named{{Name: "sqlLiveSession", SQL: sqlLiveSession}, {Name: "sqlLiveRefresh", SQL: sqlLiveRefresh}, {Name: "sqlLiveAccount", SQL: sqlLiveAccount}}
}

// LiveSession fails with ended unless the account has that session, which waits for no code.
func LiveSession(uid string, hash []byte, ended error) token.Check {
	return live(ended, sqlLiveSession, uid, hash)
}

// LiveRefresh fails with ended unless the account has that refresh token.
func LiveRefresh(uid string, hash []byte, ended error) token.Check {
	return live(ended, sqlLiveRefresh, uid, hash)
}

// LiveAccount fails with ended unless there is the account.
func LiveAccount(uid string, ended error) token.Check { return live(ended, sqlLiveAccount, uid) }

func live(ended error, query string, args ...any) token.Check {
	return token.Check{SQL: query, Args: args, Judge: func(scan func(...any) error) error {
		var lives bool
		switch err := scan(&lives); {
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return err
		case !lives:
			return ended
		}
		return nil
	}}
}
