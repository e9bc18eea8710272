package sqlstore

import (
	"context"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

const (
	sqlNoteEnded        = `INSERT INTO ended_sessions (uid, at) VALUES (?1, 0) ON CONFLICT (uid) DO UPDATE SET at = 0`
	sqlNoteEndedSession = `INSERT INTO ended_sessions (uid, at)
		SELECT uid, 0 FROM tokens WHERE uid = ?1 AND hash = ?2 AND kind = 'session' ON CONFLICT (uid) DO UPDATE SET at = 0`
	sqlAnyEnded   = `SELECT EXISTS (SELECT 1 FROM ended_sessions WHERE at = 0)`
	sqlStampEnded = `UPDATE ended_sessions SET at = ?1 WHERE at = 0`
	sqlEnded      = `SELECT uid, at FROM ended_sessions WHERE at > ?1 ORDER BY at`
	sqlPurgeEnded = `DELETE FROM ended_sessions WHERE at > 0 AND at <= ?1`
)

// noteEnded notes that a session or a refresh token of an account ends in this transaction.
func (t tx) noteEnded(uid string) error { return t.exec(sqlNoteEnded, uid) }

// Ended implements [store.Store].
func (s *Store) Ended(ctx context.Context, now, since int64) (all []store.Ended, err error) {
	var fresh bool
	if err := s.db.Read(ctx).QueryRow(sqlAnyEnded).Scan(&fresh); err != nil {
		return nil, err
	}
	if fresh {
		if err := s.db.UpdateSoon(ctx, func(t sqldb.Tx) error { return tx{t}.exec(sqlStampEnded, now) }); err != nil {
			return nil, err
		}
	}
	rows, err := s.db.Read(ctx).Query(sqlEnded, since)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e store.Ended
		if err := rows.Scan(&e.UID, &e.At); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, rows.Err()
}
