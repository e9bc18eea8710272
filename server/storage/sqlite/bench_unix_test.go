//go:build unix

package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

// processor returns the CPU time that the process has used.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measured runs work, which does b.N things, and reports the CPU time of each: other programs on
// the machine change it less than the time.
func measured(b *testing.B, work func()) {
	b.Helper()
	before := processor(b)
	b.ResetTimer()
	work()
	b.StopTimer()
	b.ReportMetric(float64((processor(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// openBench opens a storage, with as many files as a server with 4 GiB has open. It is closed when
// the benchmark ends.
func openBench(b *testing.B, dir string) *Backend {
	b.Helper()
	s, err := New(Config{Dir: dir, Now: time.Now, MaxOpen: 1024})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return s
}

// post stores records of the size of encrypted ones, with IDs from first on.
func post(ctx context.Context, s *Backend, uid int64, first, records int) error {
	changes := make([]storage.Change, records)
	for i := range changes {
		changes[i] = storage.Change{ID: bso.ID(fmt.Sprintf("%012d", first+i)), Fields: storage.FieldPayload, Payload: bytes.Repeat([]byte("x"), 500)}
	}
	return s.Update(ctx, uid, storage.Durable, func(tx storage.Tx) error { return tx.Put("bookmarks", changes) })
}

// look reads what a device reads that finds nothing new.
func look(ctx context.Context, s *Backend, uid int64) error {
	return s.View(ctx, uid, func(v storage.View) error {
		_, err := v.Modified("", "")
		_, listErr := v.Collections()
		return errors.Join(err, listErr)
	})
}

// BenchmarkUsersInTurn measures one request, when so many users come one after the other. Each has
// 100 records, and has come before: the file is open, and its statements are prepared.
func BenchmarkUsersInTurn(b *testing.B) {
	for _, users := range []int{1, 1000} {
		s := openBench(b, b.TempDir())
		for uid := range users {
			for range 3 {
				if err := errors.Join(post(b.Context(), s, int64(uid), 0, 100), look(b.Context(), s, int64(uid))); err != nil {
					b.Fatal(err)
				}
			}
		}
		for name, request := range map[string]func(uid int64, i int) error{
			"look":  func(uid int64, _ int) error { return look(b.Context(), s, uid) },
			"write": func(uid int64, i int) error { return post(b.Context(), s, uid, i%100, 1) },
		} {
			b.Run(fmt.Sprintf("%s/users=%d", name, users), func(b *testing.B) {
				measured(b, func() {
					for i := range b.N {
						if err := request(int64(i%users), i); err != nil {
							b.Fatal(err)
						}
					}
				})
			})
		}
	}
}

// BenchmarkWritingUsers measures one write, when so many users write at once. Each write waits for
// the disk: the folder for temporary files decides which.
func BenchmarkWritingUsers(b *testing.B) {
	for _, records := range []int{1, 100} {
		for _, users := range []int{1, 8, 64, 1000} {
			b.Run(fmt.Sprintf("records=%d/users=%d", records, users), func(b *testing.B) {
				s := openBench(b, b.TempDir())
				for uid := range users {
					if err := post(b.Context(), s, int64(uid), 0, records); err != nil {
						b.Fatal(err)
					}
				}
				measured(b, func() { writeAtOnce(b, s, users, records) })
			})
		}
	}
}

// writeAtOnce writes b.N times.
func writeAtOnce(b *testing.B, s *Backend, users, records int) {
	var next atomic.Int64
	var group sync.WaitGroup
	for uid := range users {
		group.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := post(b.Context(), s, int64(uid), int(i)*records%5000, records); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// BenchmarkUpkeep measures what an operator does to all of 10,000 users, of whom some have just been
// active, and what it costs to list them when the index is lost.
func BenchmarkUpkeep(b *testing.B) {
	const users = 10_000
	dir := b.TempDir()
	one := openBench(b, dir)
	err := errors.Join(post(b.Context(), one, 0, 0, 20), one.Close(b.Context()))
	if err != nil {
		b.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(dir, Name(0)))
	for uid := int64(1); uid < users && err == nil; uid++ {
		path := filepath.Join(dir, Name(uid))
		err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, file, 0o600))
	}
	if err != nil {
		b.Fatal(err)
	}
	s := openBench(b, dir)
	list := func() error {
		n := 0
		err := s.States(b.Context(), func(st storage.State) error { n++; return st.Err })
		if err == nil && n != users {
			err = fmt.Errorf("%d users are listed", n)
		}
		return err
	}
	work := []struct {
		name string
		do   func() error
	}{
		{"list without the index", list},
		{"list", list},
		{"purge", func() error { return s.Purge(b.Context()) }},
	}
	for _, w := range work {
		b.Run(w.name, func(b *testing.B) {
			measured(b, func() {
				for range b.N {
					if err := w.do(); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
		for uid := range int64(100) { // active meanwhile
			if err := post(b.Context(), s, uid, 0, 1); err != nil {
				b.Fatal(err)
			}
		}
	}
}
