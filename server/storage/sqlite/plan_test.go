package sqlite

import (
	"context"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/plantest"
)

// No statement of a request reads a whole table or a whole collection, or sorts records.
func TestPlans(t *testing.T) {
	t.Parallel()
	b, err := New(Config{Dir: t.TempDir(), Now: newTestClock()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	f := b.files.use(t, 1)
	defer b.files.release(f)
	db := f.db.Read()
	const (
		oneRow  = "the table has one row"
		few     = "a user has few collections and batches"
		expired = "each purge removes the expired records"
	)
	plantest.Check(t, db, "sql.go", map[string]string{
		"sqlModified": oneRow, "sqlStamp": oneRow, "sqlFenced": oneRow, "sqlFence": oneRow,
		"sqlCollections": expired, "sqlUsage": few, "sqlSummary": few,
		"sqlDropExpiredItems": few, "sqlDropExpiredBatch": few, "sqlDropCollectItems": few, "sqlDropCollectBatch": few,
		"sqlDropExcessItems": few, "sqlDropExcessBatch": few,
		"sqlWipeRecords": "a wipe deletes everything", "sqlRenewCollections": few,
	})
	// They delete or copy a collection, and read up to maxMetaRecords.
	whole := map[string]bool{"sqlDeleteAllRecords": true, "sqlExport": true, "sqlMetaRecords": true}
	covered := 0
	for name, query := range plantest.Statements(t, "sql.go") {
		for _, step := range plantest.Plan(t, db, query) {
			if strings.HasPrefix(step, "SEARCH records") && strings.HasSuffix(step, "(collection=?)") && !whole[name] {
				t.Errorf("%s reads a whole collection: %s\n%s", name, step, query)
			}
			if strings.Contains(step, "records USING COVERING INDEX records_by_time") {
				covered++
			}
		}
	}
	// Those by time that list IDs, count records, or find the end of a page.
	if covered != 6 {
		t.Errorf("%d statements read the index by time and nothing else, want 6", covered)
	}
}

// The index is read for each file that is closed.
func TestPlansOfTheIndex(t *testing.T) {
	t.Parallel()
	x := index{dir: t.TempDir()}
	db, err := x.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := x.close(); err != nil {
			t.Error(err)
		}
	}()
	plantest.Check(t, db.Read(), "index_sql.go", map[string]string{"sqlIndex": "a purge and an operator look at all files"})
}
