package mozilla

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrSchema means that a database is not that of a version of a server that this program knows. The
// error that wraps it says what is missing.
var ErrSchema = errors.New("it is not the database of a sync server that this program knows")

// columns are the columns of a database: their types, in lower case, by table and name.
type columns map[string]map[string]string

func (c columns) add(table, column, kind string) {
	table, column = strings.ToLower(table), strings.ToLower(column)
	if c[table] == nil {
		c[table] = make(map[string]string)
	}
	c[table][column] = strings.ToLower(kind)
}

// has reports whether a table has all of some columns.
func (c columns) has(table string, names ...string) bool {
	for _, name := range names {
		if _, ok := c[table][name]; !ok {
			return false
		}
	}
	return c[table] != nil
}

// layout is one schema of a storage.
type layout struct {
	// server names the server that makes it.
	server string
	// names, times and records are statements.
	names, times, records string
	// expiry is what a unit of the expiry is, in milliseconds.
	expiry int64
	// never is the expiry of the Python server's records without one, in seconds. syncstorage-rs has
	// a time in the far future for them.
	never int64
	// shards is the number of tables that the records are in, by uid; 0: one table.
	shards int64
}

// The Python server's number for "never".
const pythonNever = 2_100_000_000

// layoutOf finds the schema of a storage.
func layoutOf(c columns) (layout, error) {
	python := layout{server: "the Python server", names: sqlPythonNames, times: sqlTimes, records: sqlRecords, expiry: 1000, never: pythonNever}
	rust := layout{server: "syncstorage-rs", names: sqlRustNames, times: sqlTimes, records: sqlRecords, expiry: 1}
	postgres := layout{server: "syncstorage-rs", names: sqlPGNames, times: sqlPGTimes, records: sqlPGRecords, expiry: 1}
	switch {
	case c.has("bsos", "user_id", "collection_id", "bso_id", "sortindex", "payload", "modified", "expiry") &&
		c.has("user_collections", "user_id", "collection_id", "modified") && c.has("collections", "collection_id", "name"):
		return postgres, nil
	case !c.has("user_collections", "userid", "collection", "last_modified"):
		return layout{}, fmt.Errorf("%w: it has no table user_collections as known versions of syncstorage-rs and the Python server have it", ErrSchema)
	case c.has("collections", "collectionid", "name"):
		return python.sharded(c)
	case !c.has("collections", "id", "name"):
		return layout{}, fmt.Errorf("%w: it has no table collections as known versions of syncstorage-rs and the Python server have it", ErrSchema)
	case !c.isRecords("bso"):
		return layout{}, fmt.Errorf("%w: it has no table bso as known versions of syncstorage-rs have it", ErrSchema)
	case c["bso"]["ttl"] == "int":
		// syncstorage-rs was started on the Python server's tables: seconds and milliseconds.
		return layout{}, fmt.Errorf("%w: its table bso is the Python server's, and its table collections that of syncstorage-rs", ErrSchema)
	}
	return rust, nil
}

// isRecords reports whether a table has the records as a server on MySQL has them.
func (c columns) isRecords(table string) bool {
	return c.has(table, "userid", "collection", "id", "sortindex", "modified", "payload", "ttl")
}

// sharded finds the tables of the Python server's records: bso, or bso0, bso1 and so on.
func (l layout) sharded(c columns) (layout, error) {
	for c.isRecords("bso" + strconv.FormatInt(l.shards, 10)) {
		l.shards++
	}
	switch one := c.isRecords("bso"); {
	case one && l.shards > 0:
		return layout{}, fmt.Errorf("%w: it has both a table bso and tables bso0 to bso%d: remove those that are not in use", ErrSchema, l.shards-1)
	case !one && l.shards == 0:
		return layout{}, fmt.Errorf("%w: it has no table bso as known versions of the Python server have it", ErrSchema)
	}
	return l, nil
}

// recordsOf returns the statement that lists the records of a uid.
func (l layout) recordsOf(uid int64) string {
	if l.shards == 0 {
		return l.records
	}
	return strings.Replace(l.records, "FROM bso ", fmt.Sprintf("FROM bso%d ", uid%l.shards), 1)
}

// keysOf finds the schema of a token server: the statement that lists an account's rows, and
// whether there are nodes.
func keysOf(c columns) (statement string, nodes bool, err error) {
	dated := c.has("users", "keys_changed_at")
	switch {
	case !c.has("users", "uid", "service", "email", "generation", "client_state", "created_at", "replaced_at"):
		return "", false, fmt.Errorf("%w: it has no table users as known versions of the token server have it", ErrSchema)
	case c.has("users", "nodeid") && c.has("nodes", "id", "node") && c.has("services", "id", "service"):
		if dated {
			return sqlNodeKeys, true, nil
		}
		return sqlOldNodeKeys, true, nil
	case c.has("users", "nodeid") || c.has("nodes"):
		return "", false, fmt.Errorf("%w: its tables users, nodes and services are not as known versions of the token server have them", ErrSchema)
	case dated:
		return sqlStaticKeys, false, nil
	}
	return sqlOldStaticKeys, false, nil
}
