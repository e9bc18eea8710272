package sqlstore

import (
	"path/filepath"
	"testing"
)

// shared are the tables whose key does not begin with the user, and why.
var shared = map[string]string{
	"secrets":           "are the server's own",
	"signing_keys":      "are the server's own",
	"invitations":       "are nobody's until they are used",
	"tries":             "are counted for addresses without an account too",
	"operator_codes":    "may be of the command line",
	"operator_sessions": "may be of the command line",
}

// Each key begins with the user, and each reference stays with them, so that accounts
// can be kept apart.
func TestKeysBeginWithTheUser(t *testing.T) {
	t.Parallel()
	s, err := OpenFile(t.Context(), filepath.Join(t.TempDir(), "accounts.sqlite"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	texts := func(query string, args ...any) (all []string) {
		t.Helper()
		rows, err := s.db.Read(t.Context()).Query(query, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				t.Fatal(err)
			}
			all = append(all, text)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return all
	}
	const ours = `FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'`
	if lax := texts(`SELECT name ` + ours + ` AND NOT strict`); len(lax) > 0 {
		t.Errorf("tables that are not strict: %q", lax)
	}
	tables := texts(`SELECT name ` + ours)
	if len(tables) < 15 {
		t.Fatalf("the tables are %q, want all of them", tables)
	}
	for _, table := range tables {
		if shared[table] != "" {
			continue
		}
		if first := texts(`SELECT name FROM pragma_table_info(?) WHERE pk = 1`, table); len(first) != 1 || first[0] != "uid" {
			t.Errorf("the key of %s begins with %q", table, first)
		}
		leaves := texts(`SELECT "table" FROM pragma_foreign_key_list(?1) WHERE id NOT IN
			(SELECT id FROM pragma_foreign_key_list(?1) WHERE "from" = 'uid' AND ("to" = 'uid' OR "to" IS NULL))`, table)
		if len(leaves) > 0 {
			t.Errorf("%s refers to %q of any user", table, leaves)
		}
	}
}
