package exchange_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/internal/exchange"
)

// BenchmarkHistory reads a places.sqlite of pages with four visits each; its time is that of one
// page.
func BenchmarkHistory(b *testing.B) {
	path := filepath.Join(b.TempDir(), "places.sqlite")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	for _, query := range []string{
		`CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url LONGVARCHAR, title LONGVARCHAR, hidden INTEGER DEFAULT 0 NOT NULL, typed INTEGER DEFAULT 0 NOT NULL,
			guid TEXT, foreign_count INTEGER DEFAULT 0 NOT NULL)`,
		`CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, from_visit INTEGER, place_id INTEGER, visit_date INTEGER, visit_type INTEGER, session INTEGER)`,
		`CREATE UNIQUE INDEX moz_historyvisits_placedateindex ON moz_historyvisits (place_id, visit_date)`,
		`CREATE TABLE moz_bookmarks (id INTEGER PRIMARY KEY, type INTEGER, fk INTEGER DEFAULT NULL, parent INTEGER, position INTEGER, title LONGVARCHAR,
			keyword_id INTEGER, folder_type TEXT, dateAdded INTEGER, lastModified INTEGER, guid TEXT)`,
		`CREATE TABLE moz_keywords (id INTEGER PRIMARY KEY AUTOINCREMENT, keyword TEXT UNIQUE, place_id INTEGER, post_data TEXT)`,
		fmt.Sprintf(`INSERT INTO moz_places (id, url, title) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			SELECT i, 'https://www.host-' || (i %% 700) || '.example/articles/some-words-' || i || '.html', 'An article about number ' || i FROM n`, b.N),
		fmt.Sprintf(`INSERT INTO moz_historyvisits (place_id, visit_date, visit_type) SELECT p.id, %d + p.id * 1000000 + v.column1 * 3600000000, 1
			FROM (VALUES (1), (2), (3), (4)) AS v, moz_places AS p`, now.AddDate(-1, 0, 0).UnixMicro()),
	} {
		if _, err := db.Exec(query); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	source, err := exchange.Open(b.Context(), path, exchange.Options{TempDir: b.TempDir(), Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	var skips exchange.Skips
	visits := 0
	for p, err := range source.History(b.Context(), &skips) {
		if err != nil {
			b.Fatal(err)
		}
		visits += len(p.Visits)
	}
	if visits != 4*b.N {
		b.Errorf("%d visits of %d pages; %v", visits, b.N, skips)
	}
	if err := source.Close(); err != nil {
		b.Fatal(err)
	}
}
