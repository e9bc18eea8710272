package sqldb

import (
	"context"
	"os"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const (
	sqlMake  = "CREATE TABLE counts (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	sqlAdd   = `INSERT INTO counts (name, n) VALUES (?, 0)`
	sqlRow   = `SELECT name FROM counts WHERE name = ?`
	sqlRead  = `SELECT n FROM counts WHERE name = ?`
	sqlWrite = `UPDATE counts SET n = ? WHERE name = ?`
)

// counters opens a database of counters twice, as two servers do.
func counters(t *testing.T, names ...string) (both [2]DB) {
	t.Helper()
	database, schema := pgtest.Database(t), fstest.MapFS{"1.sql": {Data: []byte(sqlMake)}}
	for i := range both {
		db, err := OpenPostgres(t.Context(), database, "counters", schema, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		both[i] = db
	}
	for _, name := range names {
		update(t, both[0], func(tx Tx) error {
			_, err := tx.Exec(sqlAdd, name)
			return err
		})
	}
	return both
}

func update(t *testing.T, db DB, f func(Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), f); err != nil {
		t.Error(err)
	}
}

func read(t *testing.T, db DB, name string) (n int) {
	t.Helper()
	if err := db.Read(t.Context()).QueryRow(sqlRead, name).Scan(&n); err != nil {
		t.Error(err)
	}
	return n
}

// add adds one to a counter, by what it read before.
func add(tx Tx, name string) (err error) {
	var n int
	if err := tx.QueryRow(sqlRead, name).Scan(&n); err != nil {
		return err
	}
	_, err = tx.Exec(sqlWrite, n+1, name)
	return err
}

// What an Update read after it locked a row does not change before its commit, whichever server
// the others are.
func TestLock(t *testing.T) {
	t.Parallel()
	both := counters(t, "a")
	const each = 20
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for range each {
				update(t, both[i%2], func(tx Tx) error {
					if err := tx.Lock(sqlRow, "a"); err != nil {
						return err
					}
					return add(tx, "a")
				})
			}
		})
	}
	writers.Wait()
	if n := read(t, both[0], "a"); n != 4*each {
		t.Errorf("%d were counted, want %d", n, 4*each)
	}
}

// Updates of different rows do not wait for each other.
func TestLockOfAnother(t *testing.T) {
	t.Parallel()
	both := counters(t, "a", "b")
	update(t, both[0], func(tx Tx) error {
		if err := tx.Lock(sqlRow, "a"); err != nil {
			return err
		}
		update(t, both[1], func(tx Tx) error {
			if err := tx.Lock(sqlRow, "b"); err != nil {
				return err
			}
			return add(tx, "b")
		})
		return add(tx, "a")
	})
	for _, name := range []string{"a", "b"} {
		if n := read(t, both[0], name); n != 1 {
			t.Errorf("%s is %d", name, n)
		}
	}
}

// Of two Updates that wait for each other, one is undone and run again, after the other.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	both := counters(t, "a", "b")
	var first sync.WaitGroup // both hold their first row
	first.Add(2)
	var writers sync.WaitGroup
	runs := make(chan int, 10)
	for i, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		writers.Go(func() {
			once := sync.OnceFunc(func() {
				first.Done()
				first.Wait()
			})
			update(t, both[i], func(tx Tx) error {
				runs <- i
				for _, name := range order {
					if err := tx.Lock(sqlRow, name); err != nil {
						return err
					}
					once()
				}
				return add(tx, "a")
			})
		})
	}
	writers.Wait()
	if len(runs) < 3 {
		t.Errorf("%d runs: they were not in each other's way", len(runs))
	}
	if n := read(t, both[0], "a"); n != 2 {
		t.Errorf("the counter is %d", n)
	}
}

// A row that another server added at the same time is found by the second run.
func TestUniqueRow(t *testing.T) {
	t.Parallel()
	both := counters(t)
	var added int
	put := func(db DB, then func()) {
		update(t, db, func(tx Tx) error {
			rows, err := tx.Exec(`UPDATE counts SET n = n + 1 WHERE name = 'a'`)
			if err != nil || rows > 0 {
				return err
			}
			then()
			added++
			_, err = tx.Exec(sqlAdd, "a")
			return err
		})
	}
	put(both[0], func() { put(both[1], func() {}) })
	if n := read(t, both[0], "a"); n != 1 || added != 2 {
		t.Errorf("the counter is %d, %d times a row was added", n, added)
	}
}

// An error that is not about others ends an Update at once, and so does the end of its context.
func TestNotRunAgain(t *testing.T) {
	t.Parallel()
	both := counters(t, "a")
	runs := 0
	err := both[0].Update(t.Context(), func(tx Tx) error {
		runs++
		_, err := tx.Exec(`SELECT 1/0`)
		return err
	})
	if err == nil || runs != 1 {
		t.Errorf("%d runs, %v", runs, err)
	}
	runs = 0
	ctx, cancel := context.WithCancel(t.Context())
	err = both[0].Update(ctx, func(tx Tx) error {
		runs++
		_, err := tx.Exec(sqlAdd, "a") // it is there
		cancel()
		return err
	})
	if err == nil || runs != 1 {
		t.Errorf("with a context that ended: %d runs, %v", runs, err)
	}
}
