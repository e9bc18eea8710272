package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite/internal/journal"
)

// powerCut is a storage on a disk that can lose what nobody waited for. Of each user's file it keeps the
// state after each step; a loss of power goes back to any of them since the file was last waited for. Of the
// journal what was waited for stays, and a part of the rest.
type powerCut struct {
	*rapid.T
	dir   string
	b     *Backend
	now   time.Time
	sizes map[string]int64 // of the journal's segments, as they were waited for
	mu    sync.Mutex
	files map[int64][]image   // since the file was waited for
	model map[int64][]outcome // after each step; the first that may be lost is at durable
	told  map[int64]bso.Timestamp
	// durable is how many steps of a user were answered.
	durable map[int64]int
}

// image is a user's file and SQLite's journal of it; nil is none.
type image struct{ main, wal []byte }

// outcome is what a user has after a step.
type outcome struct {
	modified bso.Timestamp
	records  string
	waiting  int   // records in batches
	expiries int64 // of all records, summed up
}

func (p *powerCut) start() {
	b, err := open(Config{Dir: p.dir, Now: func() time.Time { return p.now }}, journal.Options{
		Size: 300,
		Settle: func(uid int64) error { // all that was saved is on the disk now
			p.mu.Lock()
			defer p.mu.Unlock()
			if images := p.files[uid]; len(images) > 0 {
				p.files[uid] = images[len(images)-1:]
			}
			return nil
		},
		Sync: func(f *os.File) error {
			info, err := f.Stat()
			p.sizes[f.Name()] = info.Size()
			return err
		},
	})
	if err != nil {
		p.Fatal(err)
	}
	p.b = b
}

func readOrNil(path string) []byte {
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic(err)
	}
	return b
}

// save keeps the file's state. If all of it is on the disk, older states are gone.
func (p *powerCut) save(uid int64, durable bool) {
	path := p.b.files.path(uid)
	now := image{readOrNil(path), readOrNil(path + "-wal")}
	p.mu.Lock()
	defer p.mu.Unlock()
	if durable {
		p.files[uid] = nil
	}
	p.files[uid] = append(p.files[uid], now)
}

func contents(v storage.View) (o outcome, err error) {
	if o.modified, err = v.Modified("", ""); err != nil {
		return o, err
	}
	all, err := v.Collections()
	if err != nil {
		return o, err
	}
	for _, c := range all {
		o.records += fmt.Sprintf("%s %d:", c.Name, c.Modified)
		err := v.Records(storage.Query{Collection: c.Name, Older: storage.AnyTime}, func(r *storage.Record) error {
			o.records += fmt.Sprintf(" %s %d %v %s", r.ID, r.Modified, r.SortIndex, r.Payload)
			return nil
		})
		if err != nil {
			return o, err
		}
	}
	return o, v.(*transaction).tx.QueryRow(`SELECT (SELECT count(*) FROM batch_items), (SELECT ifnull(sum(expires), 0) FROM records)`).Scan(&o.waiting, &o.expiries)
}

func (p *powerCut) look(uid int64) (o outcome) {
	err := p.b.View(context.Background(), uid, func(v storage.View) (err error) { o, err = contents(v); return err })
	if err != nil {
		p.Fatal(err)
	}
	p.told[uid] = max(p.told[uid], o.modified)
	return o
}

// step runs a step of a user.
func (p *powerCut) step(uid int64, d storage.Durability, f func(storage.Tx) error) {
	var after outcome
	file, err := p.b.files.acquire(context.Background(), uid)
	if err != nil {
		p.Fatal(err)
	}
	p.b.files.release(file)
	synced := file.unsynced.synced.Load()
	before := p.told[uid]
	alone := false
	err = p.b.Update(context.Background(), uid, d, func(tx storage.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		alone = tx.(*transaction).redo != nil && tx.(*transaction).redo.unread
		after, err = contents(tx)
		return err
	})
	if err != nil {
		p.Fatal(err)
	}
	last := p.model[uid][len(p.model[uid])-1]
	if after.modified < last.modified || after.modified > last.modified && after.modified <= before {
		p.Fatalf("user %d: the time %d follows %d, and %d was told", uid, after.modified, last.modified, before)
	}
	p.told[uid] = max(p.told[uid], after.modified)
	p.model[uid] = append(p.model[uid], after)
	if d == storage.Durable {
		p.durable[uid] = len(p.model[uid]) - 1
	}
	p.b.journal.Settled()
	p.save(uid, alone || file.unsynced.synced.Load() > synced)
}

// lose takes the power away, at a moment when the users' files are as late as they may be, or as early.
func (p *powerCut) lose() {
	dir, err := os.MkdirTemp(filepath.Dir(p.dir), "disk")
	if err != nil {
		p.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(p.dir, JournalFolder), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".redo") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		kept := int(p.sizes[path])
		b = append(b[:kept:kept], rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(p.T, "left on the disk")...)
		to := filepath.Join(dir, JournalFolder, filepath.Base(path))
		return errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, b, 0o600))
	})
	if err != nil {
		p.Fatal(err)
	}
	for uid := range int64(len(p.files)) {
		images := p.files[uid]
		i := images[rapid.IntRange(0, len(images)-1).Draw(p.T, "state of a file")]
		if i.main == nil {
			continue
		}
		to := filepath.Join(dir, Name(uid))
		err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, i.main, 0o600))
		if i.wal != nil {
			err = errors.Join(err, os.WriteFile(to+"-wal", i.wal, 0o600))
		}
		if err != nil {
			p.Fatal(err)
		}
	}
	if err := p.b.Close(context.Background()); err != nil { // what it does to its files is not seen any more
		p.Fatal(err)
	}
	_ = os.RemoveAll(p.dir)
	p.dir = dir
	clear(p.sizes)
	p.start()
	for uid, steps := range p.model {
		got := p.look(uid)
		i := slices.Index(steps, got)
		if i < p.durable[uid] && !(i >= 0 && slices.Index(steps[i+1:], got) >= 0) {
			p.Fatalf("user %d has %+v, step %d of %d, and %d were answered\n%+v", uid, got, i, len(steps)-1, p.durable[uid], steps)
		}
		p.model[uid] = []outcome{got}
		p.durable[uid] = 0
		p.save(uid, true)
	}
}

// Whatever the power takes, nothing that was answered is lost, and no last-modified time that anybody was
// told is given out again for something else.
//
// It is not parallel: the contract's tests measure the memory of a listing.
func TestLossesOfPower(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		base, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			r.Fatal(err)
		}
		p := &powerCut{
			T: r, dir: filepath.Join(base, "storage"), now: time.Unix(1_800_000_000, 0), sizes: make(map[string]int64),
			files: make(map[int64][]image), model: make(map[int64][]outcome), told: make(map[int64]bso.Timestamp), durable: make(map[int64]int),
		}
		p.start()
		defer func() { _ = p.b.Close(context.Background()) }()
		const users = 3
		for uid := range int64(users) {
			p.model[uid] = []outcome{{}}
			p.save(uid, true)
		}
		id := rapid.SampledFrom([]bso.ID{"a", "b", "c", "d"})
		collection := rapid.SampledFrom([]string{"x", "y"})
		who := rapid.Int64Range(0, users-1)
		write := func(f func(storage.Tx) error) { p.step(who.Draw(r, "user"), storage.Durable, f) }
		r.Repeat(map[string]func(*rapid.T){
			"put": func(r *rapid.T) {
				n := rapid.IntRange(1, 3).Draw(r, "records")
				write(func(tx storage.Tx) error {
					var changes []storage.Change
					for i := range n {
						c := storage.Change{ID: bso.ID(fmt.Sprint(id.Draw(r, "id"), i)), Fields: storage.Fields(rapid.IntRange(1, 7).Draw(r, "fields"))}
						c.Payload = []byte(rapid.StringN(0, 10, 10).Draw(r, "payload"))
						c.SortIndex.V, c.SortIndex.Valid = rapid.Int64Range(-9, 9).Draw(r, "index"), rapid.Bool().Draw(r, "has index")
						c.TTL.V, c.TTL.Valid = 1000000, rapid.Bool().Draw(r, "expires")
						changes = append(changes, c)
					}
					return tx.Put(collection.Draw(r, "collection"), changes)
				})
			},
			"delete records": func(r *rapid.T) {
				write(func(tx storage.Tx) error {
					return tx.DeleteRecords(collection.Draw(r, "collection"), []bso.ID{id.Draw(r, "id") + "0"})
				})
			},
			"delete a collection": func(r *rapid.T) {
				write(func(tx storage.Tx) error { _, err := tx.DeleteCollection(collection.Draw(r, "collection")); return err })
			},
			"delete all": func(*rapid.T) { write(storage.Tx.DeleteAll) },
			"batch": func(r *rapid.T) {
				uid, name := who.Draw(r, "user"), fmt.Sprint(len(p.model))
				p.step(uid, storage.Deferred, func(tx storage.Tx) error {
					if err := tx.DropBatch(name); err != nil {
						return err
					}
					if err := tx.StartBatch("x", name, bso.TimestampOf(p.now)+1000); err != nil {
						return err
					}
					_, err := tx.AppendBatch("x", name, []storage.Change{{ID: "batched", Fields: storage.FieldPayload, Payload: []byte("b")}})
					return err
				})
				if rapid.Bool().Draw(r, "commit") {
					p.step(uid, storage.Durable, func(tx storage.Tx) error { _, err := tx.CommitBatch("x", name); return err })
				}
			},
			"time": func(r *rapid.T) {
				p.now = p.now.Add(time.Duration(rapid.IntRange(0, 3).Draw(r, "time")) * 10 * time.Millisecond)
			},
			"power": func(*rapid.T) { p.lose() },
			"": func(*rapid.T) {
				for uid := range int64(users) {
					if got, want := p.look(uid), p.model[uid][len(p.model[uid])-1]; got != want {
						p.Fatalf("user %d has %+v, want %+v", uid, got, want)
					}
				}
			},
		})
	})
}
