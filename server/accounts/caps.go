package accounts

import (
	"context"
	"database/sql"
	"time"
)

// How much one account may keep. What is idle longest goes first; what is in use
// goes only for somebody who showed the password.
const (
	maxSessions = 100
	maxRefresh  = 100
	maxCodes    = 50
	// maxShort is how many tokens for one purpose, of each kind.
	maxShort = 50
	// idleAfter is when a session or refresh token counts as not in use.
	idleAfter = 24 * time.Hour
	// idleLife is when one without a device ends that nobody used.
	idleLife = 180 * 24 * time.Hour

	// maxKeysJWE bounds what is sealed for a client, in bytes.
	maxKeysJWE = 8 << 10
	// maxCommandPayload bounds a command's payload, in bytes; Firefox sends 16 KiB.
	maxCommandPayload = 48 << 10
	// maxAccountCommands bounds what waits for all devices of an account.
	maxAccountCommands = 500
	// maxDeviceCommands is how many kinds of commands a device takes, and the others
	// are the lengths of a kind's name and value, in bytes.
	maxDeviceCommands = 16
	maxCommandName    = 255
	maxCommandValue   = 4096
	// maxInviteNote is in bytes.
	maxInviteNote = 256
)

// makeRoom keeps an account's rows of a table to max, for one that was just made.
// proved says that the password was shown for it.
func (s *Service) makeRoom(ctx context.Context, tx *sql.Tx, table, where, uid string, made []byte, max int, proved bool) error {
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM `+table+` WHERE uid = ? AND `+where, uid).Scan(&n); err != nil || n <= max {
		return err
	}
	before := s.cfg.Now().UnixMilli()
	if !proved {
		before -= idleAfter.Milliseconds()
	}
	res, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE hash IN (SELECT hash FROM `+table+`
		WHERE uid = ? AND `+where+` AND hash <> ? AND used_at <= ? ORDER BY used_at, created_at, hash LIMIT ?)`, uid, made, before, n-max)
	if err != nil {
		return err
	}
	if gone, err := res.RowsAffected(); err != nil {
		return err
	} else if int(gone) < n-max {
		return throttled(s.cfg.Limits.Window)
	}
	return nil
}

// purgeIdle ends what no device has and nobody used for long.
func (s *Service) purgeIdle(ctx context.Context, tx *sql.Tx) error {
	before := s.cfg.Now().Add(-idleLife).UnixMilli()
	for _, q := range []string{
		`DELETE FROM refresh_tokens WHERE used_at <= ? AND NOT EXISTS (SELECT 1 FROM devices d WHERE d.refresh = refresh_tokens.hash)`,
		`DELETE FROM tokens WHERE kind = 'session' AND used_at <= ? AND NOT EXISTS (SELECT 1 FROM devices d WHERE d.session = tokens.hash)
			AND NOT EXISTS (SELECT 1 FROM refresh_tokens f WHERE f.session = tokens.hash OR f.grant_id = tokens.grant_id)`,
	} {
		if _, err := tx.ExecContext(ctx, q, before); err != nil {
			return err
		}
	}
	return nil
}
