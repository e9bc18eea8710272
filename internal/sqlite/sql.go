package sqlite

// The queries of the package. They read what SQLite knows of a file, not what a program
// stores in it.
const (
	sqlPages       = `SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count`
	sqlSize        = `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`
	sqlReadSchema  = `SELECT count(*) FROM sqlite_schema`
	sqlForeignKeys = `SELECT "table" FROM pragma_foreign_key_check`
	// A name that would end the quotes of sqlFirstRow is left out.
	sqlTables   = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%"%'`
	sqlFirstRow = `SELECT 1 FROM "%s" LIMIT 1`
	sqlSchema   = `SELECT type, name, iif(type IN ('trigger', 'view'), sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\'
		UNION ALL
		SELECT 'column', s.name || '.' || c.name, c.type FROM sqlite_schema s, pragma_table_xinfo(s.name) c WHERE s.type = 'table'
			AND s.name NOT LIKE 'sqlite\_%' ESCAPE '\'`
)
