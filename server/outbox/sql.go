package outbox

// All statements of the package, so that a test can check their query plans.
const (
	sqlAdd = `INSERT INTO outbox (owner, id, kind, body, tries, due_at, ends_at)
		SELECT ?1, ?2, ?3, ?4, 0, ?5, ?6
		WHERE (SELECT count(*) FROM (SELECT 1 FROM outbox WHERE kind = ?3 LIMIT ?7) c) < ?7
			AND (SELECT count(*) FROM (SELECT 1 FROM outbox WHERE owner = ?1 AND kind = ?3 LIMIT ?8) c) < ?8`
	sqlTake = `UPDATE outbox SET due_at = ?3 WHERE (owner, id) IN (
			SELECT owner, id FROM outbox WHERE kind = ?1 AND due_at <= ?2 AND ends_at > ?2 ORDER BY due_at LIMIT 1 /*postgres FOR UPDATE SKIP LOCKED */)
		RETURNING owner, id, body, tries, ends_at`
	sqlLater  = `UPDATE outbox SET due_at = ?3, tries = ?4 WHERE owner = ?1 AND id = ?2`
	sqlRemove = `DELETE FROM outbox WHERE owner = ?1 AND id = ?2`
	sqlDrop   = `DELETE FROM outbox WHERE kind = ?1 AND ends_at <= ?2`
	sqlCount  = `SELECT count(*) FROM outbox WHERE kind = ?1`
)
