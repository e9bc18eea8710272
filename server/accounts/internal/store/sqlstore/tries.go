package sqlstore

import (
	"errors"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

const (
	sqlTries    = `SELECT n, ends_at FROM tries WHERE what = ? AND network = ? AND ends_at > ?`
	sqlCountTry = `INSERT INTO tries (what, network, n, ends_at) VALUES (?1, ?2, 1, ?3)
		ON CONFLICT (what, network) DO UPDATE SET
			n = CASE WHEN tries.ends_at <= ?4 THEN 1 ELSE tries.n + 1 END,
			ends_at = CASE WHEN tries.ends_at <= ?4 THEN excluded.ends_at ELSE tries.ends_at END
		RETURNING n, ends_at`
	sqlReturnTry   = `UPDATE tries SET n = CASE WHEN n > 0 THEN n - 1 ELSE 0 END WHERE what = ? AND network = ?`
	sqlForgetTries = `DELETE FROM tries WHERE what = ?`
	// sqlForgetEndedTries removes only a few, because it runs with each try.
	sqlForgetEndedTries = `DELETE FROM tries WHERE (what, network) IN (SELECT what, network FROM tries WHERE ends_at <= ? LIMIT 8 /*postgres FOR UPDATE SKIP LOCKED */)`
	sqlKnowsNetwork     = `SELECT EXISTS (SELECT 1 FROM known_networks
		WHERE uid IN (?1, (SELECT uid FROM accounts WHERE email_key = ?1)) AND network = ?2)`
	sqlKnowNetwork = `INSERT INTO known_networks (uid, network, seen_at) VALUES (?, ?, ?)
		ON CONFLICT (uid, network) DO UPDATE SET seen_at = excluded.seen_at`
	sqlKeepNetworks = `DELETE FROM known_networks WHERE uid = ?1 AND network IN (
		SELECT network FROM known_networks WHERE uid = ?1 ORDER BY seen_at DESC, network LIMIT 9223372036854775807 OFFSET ?2)`
)

func (t tx) Tries(what []byte, network string, now int64) (n int, endsAt int64, err error) {
	err = t.get([]any{&n, &endsAt}, sqlTries, what, network, now)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return n, endsAt, err
}

func (t tx) CountTry(what []byte, network string, endsAt, now int64) (n int, ends int64, err error) {
	err = t.get([]any{&n, &ends}, sqlCountTry, what, network, endsAt, now)
	return n, ends, err
}

func (t tx) ReturnTry(what []byte, network string) error {
	for _, of := range []string{"", network} { // in the order in which they are counted
		if err := t.exec(sqlReturnTry, what, of); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) ForgetTries(what []byte) error { return t.exec(sqlForgetTries, what) }

func (t tx) ForgetEndedTries(now int64) error { return t.exec(sqlForgetEndedTries, now) }

func (t tx) KnowsNetwork(keyOrUID, network string) (bool, error) {
	return value[bool](t, sqlKnowsNetwork, keyOrUID, network)
}

func (t tx) KnowNetwork(uid, network string, at int64, max int) error {
	if err := t.exec(sqlKnowNetwork, uid, network, at); err != nil {
		return err
	}
	return t.exec(sqlKeepNetworks, uid, max)
}

const (
	sqlSecret            = `SELECT value FROM secrets WHERE name = ?`
	sqlAddSecret         = `INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`
	sqlCurrentSigningKey = `SELECT kid, private, created_at FROM signing_keys WHERE retired_at IS NULL`
	sqlSigningKey        = `SELECT kid, private, created_at FROM signing_keys WHERE kid = ?`
	sqlSigningKeys       = `SELECT kid FROM signing_keys ORDER BY created_at DESC`
	sqlRetireSigningKey  = `UPDATE signing_keys SET retired_at = ? WHERE kid = ? AND retired_at IS NULL`
	sqlAddSigningKey     = `INSERT INTO signing_keys (kid, private, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
)

func (t tx) Secret(name string) ([]byte, error) { return value[[]byte](t, sqlSecret, name) }

func (t tx) AddSecret(name string, value []byte) error { return t.exec(sqlAddSecret, name, value) }

func (t tx) signingKey(query string, args ...any) (store.SigningKey, error) {
	var k store.SigningKey
	err := t.get([]any{&k.KID, &k.Private, &k.CreatedAt}, query, args...)
	return k, err
}

func (t tx) CurrentSigningKey() (store.SigningKey, error) { return t.signingKey(sqlCurrentSigningKey) }

func (t tx) SigningKey(kid string) (store.SigningKey, error) {
	return t.signingKey(sqlSigningKey, kid)
}

func (t tx) SigningKeys() ([]string, error) {
	return list(t, func(kid *string) []any { return []any{kid} }, sqlSigningKeys)
}

func (t tx) AddSigningKey(k store.SigningKey, before string) (bool, error) {
	if before != "" {
		if retired, err := t.changed(sqlRetireSigningKey, k.CreatedAt, before); err != nil || !retired {
			return false, err
		}
	}
	return t.changed(sqlAddSigningKey, k.KID, k.Private, k.CreatedAt) // an index holds the one that signs
}
