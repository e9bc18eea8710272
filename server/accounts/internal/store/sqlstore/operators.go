package sqlstore

import "github.com/syncmanager/syncmanager/server/accounts/internal/store"

const (
	sqlOperators = `SELECT o.uid, a.email, o.added_at, EXISTS (SELECT 1 FROM totp t WHERE t.uid = o.uid AND t.enabled = 1)
		FROM operators o JOIN accounts a USING (uid) ORDER BY a.email_key`
	sqlOperator = `SELECT o.uid, a.email, o.added_at, EXISTS (SELECT 1 FROM totp t WHERE t.uid = o.uid AND t.enabled = 1)
		FROM operators o JOIN accounts a USING (uid) WHERE o.uid = ?`
	sqlOperatorsOpen = `SELECT EXISTS (SELECT 1 FROM operators) OR EXISTS (SELECT 1 FROM operator_codes WHERE expires_at > ?1)
		OR EXISTS (SELECT 1 FROM operator_sessions WHERE used_at > ?2)`
	sqlOperatorSession = `SELECT s.hash, COALESCE(s.uid, ''), COALESCE(a.email, ''), s.created_at, s.used_at,
		s.uid IS NULL OR (a.generation = s.generation AND EXISTS (SELECT 1 FROM totp t WHERE t.uid = s.uid AND t.enabled = 1))
		FROM operator_sessions s LEFT JOIN accounts a ON a.uid = s.uid WHERE s.hash = ?`
	sqlAddOperator        = `INSERT INTO operators (uid, added_at) SELECT uid, ? FROM accounts WHERE uid = ? ON CONFLICT (uid) DO NOTHING`
	sqlRemoveOperator     = `DELETE FROM operators WHERE uid = ?`
	sqlAddOperatorCode    = `INSERT INTO operator_codes (hash, uid, expires_at) VALUES (?, NULLIF(?, ''), ?)`
	sqlTakeOperatorCode   = `DELETE FROM operator_codes WHERE hash = ? AND expires_at > ? RETURNING COALESCE(uid, '')`
	sqlAddOperatorSession = `INSERT INTO operator_sessions (hash, uid, generation, created_at, used_at)
		VALUES (?1, NULLIF(?2, ''), COALESCE((SELECT generation FROM accounts WHERE uid = ?2), 0), ?3, ?3)`
	sqlOperatorSessionRow          = `SELECT hash FROM operator_sessions WHERE hash = ?`
	sqlTouchOperatorSession        = `UPDATE operator_sessions SET used_at = ? WHERE hash = ?`
	sqlRemoveOperatorSession       = `DELETE FROM operator_sessions WHERE hash = ?`
	sqlRemoveOperatorSessions      = `DELETE FROM operator_sessions WHERE uid = ?`
	sqlRemoveOperatorCodes         = `DELETE FROM operator_codes WHERE uid = ?`
	sqlRemoveAllOperatorSessions   = `DELETE FROM operator_sessions`
	sqlRemoveAllOperatorCodes      = `DELETE FROM operator_codes`
	sqlForgetOperatorCodes         = `DELETE FROM operator_codes WHERE expires_at <= ?`
	sqlForgetIdleOperatorSessions  = `DELETE FROM operator_sessions WHERE used_at <= ?`
	sqlForgetEndedOperatorSessions = `DELETE FROM operator_sessions WHERE created_at <= ?`
)

func operatorColumns(o *store.Operator) []any {
	return []any{&o.UID, &o.Email, &o.AddedAt, &o.SecondStep}
}

func (t tx) Operators() ([]store.Operator, error) { return list(t, operatorColumns, sqlOperators) }

func (t tx) Operator(uid string) (o store.Operator, err error) {
	err = t.get(operatorColumns(&o), sqlOperator, uid)
	return o, err
}

func (t tx) OperatorsOpen(now, usedAfter int64) (bool, error) {
	return value[bool](t, sqlOperatorsOpen, now, usedAfter)
}

func (t tx) OperatorSession(hash []byte) (*store.OperatorSession, error) {
	var s store.OperatorSession
	err := t.get([]any{&s.Hash, &s.UID, &s.Email, &s.CreatedAt, &s.UsedAt, &s.Sound}, sqlOperatorSession, hash)
	if err != nil {
		return nil, err
	}
	return &s, nil
}

func (t tx) AddOperator(uid string, at int64) (bool, error) {
	return t.changed(sqlAddOperator, at, uid)
}

func (t tx) RemoveOperator(uid string) (bool, error) { return t.changed(sqlRemoveOperator, uid) }

func (t tx) AddOperatorCode(hash []byte, uid string, expiresAt int64) error {
	return t.exec(sqlAddOperatorCode, hash, uid, expiresAt)
}

func (t tx) TakeOperatorCode(hash []byte, now int64) (string, error) {
	return value[string](t, sqlTakeOperatorCode, hash, now)
}

func (t tx) AddOperatorSession(s *store.OperatorSession) error {
	return t.exec(sqlAddOperatorSession, s.Hash, s.UID, s.CreatedAt)
}

func (t tx) HoldOperatorSession(hash []byte) error { return t.t.Lock(sqlOperatorSessionRow, hash) }

func (t tx) TouchOperatorSession(hash []byte, usedAt int64) error {
	return t.exec(sqlTouchOperatorSession, usedAt, hash)
}

func (t tx) RemoveOperatorSession(hash []byte) error { return t.exec(sqlRemoveOperatorSession, hash) }

func (t tx) RemoveOperatorSessions(uid string) error {
	for _, query := range []string{sqlRemoveOperatorSessions, sqlRemoveOperatorCodes} {
		if err := t.exec(query, uid); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) RemoveAllOperatorSessions() (int, error) {
	if err := t.exec(sqlRemoveAllOperatorCodes); err != nil {
		return 0, err
	}
	n, err := t.t.Exec(sqlRemoveAllOperatorSessions)
	return int(n), err
}

func (t tx) ForgetOperatorSessions(now, usedBefore, createdBefore int64) error {
	if err := t.exec(sqlForgetOperatorCodes, now); err != nil {
		return err
	}
	if err := t.exec(sqlForgetIdleOperatorSessions, usedBefore); err != nil {
		return err
	}
	return t.exec(sqlForgetEndedOperatorSessions, createdBefore)
}
