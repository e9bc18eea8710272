package takeover

// All statements of the package, so that a test can check their query plans.
const (
	sqlTaken = `SELECT uid, source, modified, hash FROM takeovers WHERE account = ?1`
	sqlTake  = `INSERT INTO takeovers (account, uid, source, modified, hash) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (account) DO UPDATE SET uid = excluded.uid, source = excluded.source, modified = excluded.modified, hash = excluded.hash`
)
