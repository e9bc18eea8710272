package bookmarks_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// interrupter is a source of randomness that is called back when it is read: a transaction
// that adds items is under way then, for each new page gets a random GUID.
type interrupter struct{ then func() }

func (i *interrupter) Read(b []byte) (int, error) {
	if i.then != nil {
		i.then()
	}
	return rand.Read(b)
}

// own tells whether a device has a bookmark of its own before a first download, so that the trees
// are merged, or has not, so that nothing is.
var own = map[string]bool{"with a bookmark here": true, "with nothing here": false}

// arriving is an account with folders and bookmarks, and a device that gets them in many
// transactions and may have a bookmark of its own.
func arriving(t *testing.T, own bool) (*account, *device, *interrupter, string) {
	a := newAccount()
	other := a.device(t)
	for f := range 4 {
		if _, err := other.InsertTree(t.Context(), folderOf(f, 6), bookmarks.End); err != nil {
			t.Fatal(err)
		}
	}
	other.sync()
	random := &interrupter{}
	path := filepath.Join(t.TempDir(), "places.sqlite")
	e, err := bookmarks.Open(t.Context(), bookmarks.Config{Path: path, Now: a.now, Rand: random})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	d := &device{Engine: e, t: t, a: a}
	d.SetAtOnce(5)
	if own {
		d.add(bookmarks.Toolbar, "mine")
	}
	return a, d, random, path
}

// all are the titles of all folders' items, by the folders' titles.
func (d *device) all() map[string][]string {
	d.t.Helper()
	top, err := d.Tree(d.t.Context(), bookmarks.Root)
	if err != nil {
		d.t.Fatal(err)
	}
	all := make(map[string][]string)
	var walk func(*bookmarks.Node)
	walk = func(n *bookmarks.Node) {
		for _, c := range n.Children {
			all[n.Title] = append(all[n.Title], c.Title)
			walk(c)
		}
	}
	walk(top)
	return all
}

// After a process is killed while a first download is applied, the next sync completes it, and
// sends what the user had.
func TestAKillDuringAFirstDownload(t *testing.T) {
	t.Parallel()
	for name, own := range own {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killDuringAFirstDownload(t, own)
		})
	}
}

func killDuringAFirstDownload(t *testing.T, own bool) {
	a, d, random, path := arriving(t, own)
	mine := 0
	if own {
		mine = 1
	}
	var killed []string
	random.then = func() { // what the file system has at this moment is what a kill leaves
		dir := t.TempDir()
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(path + suffix)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "places.sqlite"+suffix), b, 0o600); err != nil {
				t.Error(err)
			}
		}
		killed = append(killed, filepath.Join(dir, "places.sqlite"))
	}
	server := make(map[engine.ID]engine.Incoming)
	for id, in := range a.records {
		server[id] = in
	}
	d.sync()
	random.then = nil
	want := fmt.Sprint(d.all())
	partly := 0
	for _, file := range killed {
		again := *a
		again.records = make(map[engine.ID]engine.Incoming)
		for id, in := range server {
			again.records[id] = in
		}
		e := open(t, file, a.now)
		k := &device{Engine: e, t: t, a: &again}
		if n, err := k.Count(t.Context()); err != nil {
			t.Fatal(err)
		} else if n > mine && n < mine+28 {
			partly++
		}
		k.sync()
		if got := fmt.Sprint(k.all()); got != want {
			t.Fatalf("after a kill and a sync it has\n%s\nwant\n%s", got, want)
		}
		k.sync()
		if _, out := k.sync(); len(out) > 0 {
			t.Fatalf("%d records still go up", len(out))
		}
		k.sound()
		_ = e.Close()
	}
	if partly < 3 {
		t.Fatalf("%d of %d kills were in the middle", partly, len(killed))
	}
}

// What an app edits between two transactions of a first download stays, and goes up.
func TestAnEditDuringAFirstDownload(t *testing.T) {
	t.Parallel()
	for name, own := range own {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			editDuringAFirstDownload(t, own)
		})
	}
}

func editDuringAFirstDownload(t *testing.T, own bool) {
	a, d, random, _ := arriving(t, own)
	wholeMerges := int64(1)
	var mine []string
	if own {
		wholeMerges, mine = 2, []string{"mine"}
	}
	done := make(chan error, 1)
	random.then = func() {
		n, err := d.Count(context.Background())
		if err != nil || n < 8 {
			return // nothing is here yet
		}
		random.then = nil
		top, err := d.Tree(context.Background(), bookmarks.Menu)
		if err != nil {
			t.Error(err)
			return
		}
		first := top.Children[0]
		before := d.Waited()
		go func() {
			done <- d.Edit(context.Background(), func(tx *bookmarks.Tx) error {
				it := first.Item
				it.Title = "renamed"
				return errors.Join(tx.Update(&it), tx.Delete(first.Children[0].ID),
					tx.Insert(&bookmarks.Item{Parent: first.ID, Title: "new", URL: "https://new.example/"}, 0))
			})
		}()
		for d.Waited() == before && len(done) == 0 { // the edit waits for this transaction, and comes before the next
			runtime.Gosched()
		}
	}
	before := bookmarks.WholeMerges(d.Engine)
	d.sync()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := bookmarks.WholeMerges(d.Engine) - before; n < wholeMerges {
		t.Fatalf("the trees were merged %d times, though the tree was edited; want %d", n, wholeMerges)
	}
	d.sync()
	d.sound()
	got := d.all()
	if want := []string{"new", title(1, 0), title(2, 0), title(3, 0), title(4, 0), title(5, 0)}; !slices.Equal(got["renamed"], want) {
		t.Fatalf("the folder holds %q; want %q", got["renamed"], want)
	}
	for f := 1; f < 4; f++ {
		if n := len(got[fmt.Sprint("folder ", f)]); n != 6 {
			t.Fatalf("folder %d holds %d bookmarks; want 6", f, n)
		}
	}
	if !slices.Equal(got["toolbar"], mine) {
		t.Fatalf("the toolbar holds %q", got["toolbar"])
	}
	other := a.device(t)
	other.sync()
	if fmt.Sprint(other.all()) != fmt.Sprint(got) {
		t.Fatalf("another device has\n%v\nwant\n%v", other.all(), got)
	}
	if _, out := d.sync(); len(out) > 0 {
		t.Fatalf("%d records still go up", len(out))
	}
}
