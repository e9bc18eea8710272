package sqlstore

import (
	"context"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

const (
	sqlPurgeTries       = `DELETE FROM tries WHERE ends_at <= ?`
	sqlPurgeExcessTries = `DELETE FROM tries WHERE (what, network) IN (
		SELECT what, network FROM tries ORDER BY network = '' DESC, ends_at DESC LIMIT 9223372036854775807 OFFSET ?)`
	sqlPurgeNetworks    = `DELETE FROM known_networks WHERE seen_at <= ?`
	sqlPurgeIdleRefresh = `DELETE FROM refresh_tokens WHERE used_at <= ? AND NOT EXISTS (SELECT 1 FROM devices d
		WHERE d.uid = refresh_tokens.uid AND d.refresh = refresh_tokens.hash)`
	sqlPurgeIdleSessions = `DELETE FROM tokens WHERE kind = 'session' AND used_at <= ?
		AND NOT EXISTS (SELECT 1 FROM devices d WHERE d.uid = tokens.uid AND d.session = tokens.hash)
		AND NOT EXISTS (SELECT 1 FROM refresh_tokens f
			WHERE f.uid = tokens.uid AND (f.session = tokens.hash OR f.grant_id = tokens.grant_id))`
	sqlPurgeUnconfirmed = `DELETE FROM accounts WHERE confirmed = 0 AND created_at <= ?`
	sqlPurgeCodes       = `DELETE FROM codes WHERE expires_at <= ?`
	sqlPurgeInvitations = `DELETE FROM invitations WHERE uid IS NULL AND expires_at <= ?`
	sqlPurgeCommands    = `DELETE FROM commands WHERE expires_at <= ?`
	sqlPurgeSignatures  = `DELETE FROM signatures WHERE ends_at <= ?`
	sqlPurgeRevoked     = `DELETE FROM revoked WHERE expires_at <= ?`
	sqlPurgeShort       = `DELETE FROM tokens WHERE kind IN ('keys', 'change', 'reset') AND created_at <= ?`
	sqlPurgeUnverified  = `DELETE FROM tokens WHERE verified = 0 AND created_at <= ?`
	sqlPurgeKeys        = `DELETE FROM signing_keys WHERE retired_at <= ?`
)

// Purge implements [store.Store]. One server at a time purges for all.
func (s *Store) Purge(ctx context.Context, e store.Expiry) error {
	unlock, err := s.db.TryLock(ctx, "purge of accounts")
	if err != nil || unlock == nil {
		return err
	}
	defer unlock()
	return s.purge(ctx, e)
}

// purge has a transaction of its own for each statement, so that no account waits for the others.
func (s *Store) purge(ctx context.Context, e store.Expiry) error {
	for _, q := range []struct {
		query string
		arg   any
	}{
		{sqlPurgeTries, e.Now},
		{sqlPurgeExcessTries, e.Tries},
		{sqlPurgeNetworks, e.Networks},
		{sqlPurgeIdleRefresh, e.Idle},
		{sqlPurgeIdleSessions, e.Idle},
		{sqlPurgeUnconfirmed, e.Unconfirmed},
		{sqlPurgeCodes, e.Now},
		{sqlPurgeInvitations, e.Now},
		{sqlPurgeCommands, e.Now},
		{sqlPurgeRevoked, e.Now},
		{sqlPurgeSignatures, e.Now},
		{sqlPurgeShort, e.Short},
		{sqlPurgeUnverified, e.Short},
		{sqlPurgeKeys, e.Keys},
		{sqlPurgeEnded, e.Ended},
		{sqlStampEnded, e.Now}, // so that the next purge removes it
	} {
		err := s.db.Update(ctx, func(t sqldb.Tx) error { return tx{t}.exec(q.query, q.arg) })
		if err != nil {
			return err
		}
	}
	return nil
}
