package sqlite

// Every statement on index.sqlite, so that a test can read the plan of each.
const (
	sqlIndex  = `SELECT uid, size, changed, bytes, modified, expires FROM files`
	sqlFile   = `SELECT size, changed, bytes, modified, expires FROM files WHERE uid = ?1`
	sqlNote   = `INSERT OR REPLACE INTO files (uid, size, changed, bytes, modified, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)`
	sqlForget = `DELETE FROM files WHERE uid = ?1`
)
