package mozilla

// Every statement on another server's database, so that a test can read the plan of each. A
// parameter is "?" on all databases; bind numbers them for PostgreSQL.

// What tells one version of a schema from another.
const (
	sqlColumnsMySQL = `SELECT table_name, column_name, data_type FROM information_schema.columns
		WHERE table_schema = DATABASE() LIMIT 20000`
	sqlColumnsPostgres = `SELECT table_name, column_name, data_type FROM information_schema.columns
		WHERE table_schema = current_schema() LIMIT 20000`
	// A view or a virtual table could run SQL of the file's author.
	sqlColumnsSQLite = `SELECT m.name, p.name, p.type FROM sqlite_schema m, pragma_table_info(m.name) p
		WHERE m.type = 'table' AND m.sql LIKE 'CREATE TABLE%' LIMIT 20000`
)

// The token server. An account has a row for each of its keys, and for each node that it was on.
const (
	sqlService = `SELECT id FROM services WHERE service = 'sync-1.5'`
	sqlCount   = `SELECT count(DISTINCT email) FROM users`
	// An account is its uid at an accounts server, "@", and that server's name.
	sqlIssuersMySQL    = `SELECT DISTINCT substring_index(email, '@', -1) FROM users WHERE service = ? LIMIT 100`
	sqlIssuersPostgres = `SELECT DISTINCT split_part(email, '@', 2) FROM users WHERE service = ? LIMIT 100`
	sqlIssuersSQLite   = `SELECT DISTINCT substr(email, instr(email, '@') + 1) FROM users WHERE service = ? LIMIT 100`
	sqlEmails          = `SELECT DISTINCT email FROM users WHERE email > ? ORDER BY email LIMIT 500`
	sqlNodes           = `SELECT DISTINCT n.node FROM nodes n JOIN users u ON u.nodeid = n.id WHERE u.service = ? AND u.replaced_at IS NULL LIMIT 1000`
	sqlNodeKeys        = `SELECT u.uid, u.client_state, u.generation, u.keys_changed_at, u.created_at, u.replaced_at, n.node
		FROM users u LEFT JOIN nodes n ON n.id = u.nodeid
		WHERE u.email = ? AND u.service = ? ORDER BY u.created_at DESC, u.uid DESC LIMIT 1000`
	sqlOldNodeKeys = `SELECT u.uid, u.client_state, u.generation, 0, u.created_at, u.replaced_at, n.node
		FROM users u LEFT JOIN nodes n ON n.id = u.nodeid
		WHERE u.email = ? AND u.service = ? ORDER BY u.created_at DESC, u.uid DESC LIMIT 1000`
	// The Python server with a single node has the service's name in the row, and no table of nodes.
	sqlStaticKeys = `SELECT uid, client_state, generation, keys_changed_at, created_at, replaced_at, ''
		FROM users WHERE email = ? AND service = ? ORDER BY created_at DESC, uid DESC LIMIT 1000`
	sqlOldStaticKeys = `SELECT uid, client_state, generation, 0, created_at, replaced_at, ''
		FROM users WHERE email = ? AND service = ? ORDER BY created_at DESC, uid DESC LIMIT 1000`
)

// The records. The first parameter of a listing is the size from which on a payload is left out,
// in bytes. Times of records are in milliseconds; expiry is in seconds or milliseconds, as layout says.
const (
	sqlPythonNames = `SELECT collectionid, name FROM collections LIMIT 100001`
	sqlRustNames   = `SELECT id, name FROM collections LIMIT 100001`
	sqlPGNames     = `SELECT collection_id, name FROM collections LIMIT 100001`
	sqlTimes       = `SELECT collection, last_modified FROM user_collections WHERE userid = ? LIMIT 100001`
	sqlPGTimes     = `SELECT collection_id, floor(extract(epoch FROM modified) * 1000)::bigint FROM user_collections WHERE user_id = ? LIMIT 100001`
	sqlRecords     = `SELECT collection, id, sortindex, modified, ttl, CASE WHEN length(payload) <= ? THEN payload END
		FROM bso WHERE userid = ? ORDER BY collection, id`
	sqlPGRecords = `SELECT collection_id, bso_id, sortindex, floor(extract(epoch FROM modified) * 1000)::bigint,
			floor(extract(epoch FROM expiry) * 1000)::bigint, CASE WHEN octet_length(payload) <= ? THEN payload END
		FROM bsos WHERE user_id = ? ORDER BY collection_id, bso_id`
)
