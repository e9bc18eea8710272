package places

import (
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/plantest"
)

// However many pages there are, a text in an address bar reads a bounded number of rows.
func TestMatchingReadsABoundedNumberOfPages(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	const pages = 4000
	fill(t, db, pages, func(i int) (string, string, time.Duration) {
		return fmt.Sprintf("https://www.example.org/common/%d", i), fmt.Sprintf("Page %d", i), time.Duration(i) * time.Minute
	})
	for text, most := range map[string]int{
		"https://www.example.org/common/3999": scanned + 100,
		"example.org/common/":                 scanned + candidates + scanned + 100,
		"example":                             candidates + scanned + 100,
		"common page":                         candidates + scanned + 100,
		"w common":                            candidates + scanned + verified + 100,
	} {
		err := db.View(t.Context(), func(tx *Tx) error {
			s, err := tx.matching(text, 10)
			if err == nil && (s.touched > most || text[0] != 'w' && len(s.found) == 0) {
				t.Errorf("%q found %d and read %d rows; want no more than %d", text, len(s.found), s.touched, most)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	hits := func(text string) (found []Hit) {
		t.Helper()
		err := db.View(t.Context(), func(tx *Tx) (err error) { found, err = tx.Matching(text, 10); return err })
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := hits("http://example.org/common/3999/"); len(found) == 0 || found[0].Match != ByURL || found[0].URL != "https://www.example.org/common/3999" {
		t.Errorf("the page used least is not found by its URL: %+v", found)
	}
	if found := hits("example.org/common/1"); len(found) != 10 || found[0].Match != ByURL || found[1].Match != ByAddress {
		t.Errorf("found %+v", found)
	}
}

// What Maintain tells the query planner of a full file does not lead it astray.
func TestThePlansAfterMaintain(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	fill(t, db, 3000, func(i int) (string, string, time.Duration) {
		return fmt.Sprintf("https://host-%d.example/page/%d", i%200, i), fmt.Sprintf("Page %d", i), time.Duration(i) * time.Minute
	})
	if _, err := db.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	var known int
	if err := db.Read().QueryRow(`SELECT count(*) FROM sqlite_stat1`).Scan(&known); err != nil || known < 5 {
		t.Errorf("the planner knows %d indexes, %v", known, err)
	}
	plantest.Check(t, db.Read(), "sql.go", nil)
	plantest.Check(t, db.Read(), "../../history/sql.go", nil)
	found, err := db.Search(t.Context(), "page 2999", Anything, 10)
	if err != nil || len(found) != 1 {
		t.Errorf("found %+v, %v", found, err)
	}
}
