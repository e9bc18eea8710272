package bookmarks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/test/long"

	"pgregory.net/rapid"
)

// firstSync is a first sync of a copy of a file.
type firstSync struct {
	dump        map[string][]string
	merged      engine.Merged
	out         map[engine.ID]string // the payloads
	wholeMerges int64
	failed      string
}

// syncFirst syncs a copy of a file for the first time with what the account has.
func syncFirst(rt *rapid.T, t *testing.T, a *account, file []byte, page []engine.Incoming, way bookmarks.MergeWay, atOnce int) (f firstSync) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "places.sqlite")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		rt.Fatal(err)
	}
	e, err := bookmarks.Open(ctx, bookmarks.Config{Path: path, Now: a.now, Rand: rand.NewChaCha8([32]byte{1})})
	if err != nil {
		rt.Fatal(err)
	}
	defer e.Close()
	e.SetFirstTry(way)
	e.SetAtOnce(atOnce)
	s, err := e.Begin(ctx, engine.Start{Run: "run"})
	if err == nil {
		err = s.Stage(ctx, page)
	}
	if err != nil {
		rt.Fatal(err)
	}
	if f.merged, err = s.Merge(ctx, 179_537_001_000); err != nil {
		f.failed = err.Error()
	}
	out, err := s.Outgoing(ctx, 1000)
	if err != nil {
		rt.Fatal(err)
	}
	f.out = make(map[engine.ID]string)
	for _, o := range out {
		f.out[o.ID] = string(o.Payload)
	}
	slices.Sort(f.merged.Changed)
	f.wholeMerges = bookmarks.WholeMerges(e)
	if f.dump, err = e.Dump(ctx); err != nil {
		rt.Fatal(err)
	}
	return f
}

func sameFirstSync(rt *rapid.T, got, want firstSync) {
	if got.failed != want.failed || !reflect.DeepEqual(got.merged, want.merged) { //nolint:govet // the error is in failed
		rt.Fatalf("it reports\n%+v %s\na merge of the whole trees:\n%+v %s", got.merged, got.failed, want.merged, want.failed)
	}
	if !reflect.DeepEqual(got.out, want.out) {
		rt.Fatalf("it sends\n%s\na merge of the whole trees:\n%s", got.out, want.out)
	}
	for name, lines := range want.dump {
		if !slices.Equal(got.dump[name], lines) {
			rt.Fatalf("%s are\n%q\nafter a merge of the whole trees:\n%q", name, got.dump[name], lines)
		}
	}
}

// A first sync decides, writes and sends what a merge of the whole trees does, whatever is here
// and whatever is on the server.
func TestAFirstSyncIsThatOfTheWholeTrees(t *testing.T) {
	t.Parallel()
	wholeMerges, syncs := int64(0), int64(0)
	long.Check(t, 100, func(rt *rapid.T) {
		a := newAccount()
		a.at += 1000
		path := filepath.Join(t.TempDir(), "empty.sqlite")
		if rapid.IntRange(0, 1).Draw(rt, "something here") == 1 {
			path = here(rt, t, a)
		} else if err := open(t, path, a.now).Close(); err != nil {
			rt.Fatal(err)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			rt.Fatal(err)
		}
		var page []engine.Incoming
		switch rapid.IntRange(0, 4).Draw(rt, "on the server") {
		case 0: // nothing
		case 1:
			page = incoming(rt)
		case 2, 3:
			page = agreeing(rt)
			for range rapid.IntRange(0, 3).Draw(rt, "damages") {
				page = damaged(rt, page)
			}
		default:
			page = agreeing(rt)
		}
		for i := range page {
			j := rapid.IntRange(i, len(page)-1).Draw(rt, "shuffle")
			page[i], page[j] = page[j], page[i]
		}
		want := syncFirst(rt, t, a, file, page, bookmarks.WholeWay, 1000)
		got := syncFirst(rt, t, a, file, page, bookmarks.FastWay, 1000)
		sameFirstSync(rt, got, want)
		wholeMerges += got.wholeMerges
		syncs++
	})
	t.Logf("%d of %d needed a merge of the whole trees", wholeMerges, syncs)
	if !t.Failed() && wholeMerges*10 > syncs*8 {
		t.Errorf("%d of %d needed a merge of the whole trees; want fewer", wholeMerges, syncs)
	}
}

// damaged returns the records with one of them lost, deleted or contradicting the others.
func damaged(rt *rapid.T, page []engine.Incoming) []engine.Incoming {
	if len(page) == 0 {
		return page
	}
	i := rapid.IntRange(0, len(page)-1).Draw(rt, "damaged")
	other := page[rapid.IntRange(0, len(page)-1).Draw(rt, "other")]
	page = slices.Clone(page)
	replace := func(key string, value any) {
		var r map[string]any
		if json.Unmarshal(page[i].Payload, &r) == nil {
			r[key] = value
			page[i].Payload, _ = json.Marshal(r)
		}
	}
	switch rapid.SampledFrom([]string{"lost", "deleted", "deleted elsewhere", "parent", "children", "livemark", "id", "damaged", "twice", "circle"}).Draw(rt, "damage") {
	case "lost":
		page = slices.Delete(page, i, i+1)
	case "deleted":
		page[i].Payload = nil
	case "deleted elsewhere":
		page = append(page, engine.Incoming{ID: "elsewhere000", Modified: page[i].Modified})
	case "parent":
		replace("parentid", other.ID)
	case "children":
		replace("children", []engine.ID{other.ID})
	case "livemark":
		replace("type", "livemark")
	case "id":
		page[i].ID = "no guid"
		replace("id", "no guid")
	case "damaged":
		page[i].Payload, page[i].Err = nil, errors.New("it cannot be decrypted")
	case "twice":
		page = append(page, page[i])
	case "circle":
		page = append(page,
			engine.Incoming{ID: "circle000001", Modified: 9, Payload: []byte(`{"id":"circle000001","type":"folder","title":"1","parentid":"circle000002","children":["circle000002"]}`)},
			engine.Incoming{ID: "circle000002", Modified: 9, Payload: []byte(`{"id":"circle000002","type":"folder","title":"2","parentid":"circle000001","children":["circle000001"]}`)})
	}
	return page
}

// A first download whose records agree needs no merge: after many transactions the file is what
// a merge in one would have made of it.
func TestAFirstDownloadInManyTransactions(t *testing.T) {
	t.Parallel()
	long.Check(t, 40, func(rt *rapid.T) {
		a := newAccount()
		a.at += 1000
		page := agreeing(rt)
		path := filepath.Join(t.TempDir(), "empty.sqlite")
		if err := open(t, path, a.now).Close(); err != nil {
			rt.Fatal(err)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			rt.Fatal(err)
		}
		want := syncFirst(rt, t, a, file, page, bookmarks.WholeWay, 1000)
		atOnce := rapid.SampledFrom([]int{1, 3, 10}).Draw(rt, "at once")
		for way, merges := range map[bookmarks.MergeWay]int64{bookmarks.FastWay: 0, bookmarks.WholeWay: 1} {
			got := syncFirst(rt, t, a, file, page, way, atOnce)
			if got.merged.Applied != len(page)-4 {
				rt.Fatalf("%d were applied; want all but the roots", got.merged.Applied)
			}
			if got.wholeMerges != merges {
				rt.Fatalf("the trees were merged %d times; want %d", got.wholeMerges, merges)
			}
			got.merged.Changed, got.merged.MoreChanged = want.merged.Changed, want.merged.MoreChanged
			sameFirstSync(rt, got, want)
		}
	})
}

// A first upload reads no tree, and sends every item and the roots.
func TestAFirstUploadMergesNothing(t *testing.T) {
	t.Parallel()
	a := newAccount()
	d := a.device(t)
	if _, err := d.InsertTree(t.Context(), folderOf(1, 20), bookmarks.End); err != nil {
		t.Fatal(err)
	}
	_, out := d.sync()
	if n := bookmarks.WholeMerges(d.Engine); n != 0 {
		t.Errorf("the trees were merged %d times", n)
	}
	if len(out) != 25 {
		t.Errorf("%d records went up; want 21 items and 4 roots", len(out))
	}
	d.sound()
	other := a.device(t)
	other.sync()
	if n := bookmarks.WholeMerges(other.Engine); n != 0 {
		t.Errorf("on another device the trees were merged %d times", n)
	}
	if got, want := fmt.Sprint(other.all()), fmt.Sprint(d.all()); got != want {
		t.Errorf("another device has\n%s\nwant\n%s", got, want)
	}
	other.sound()
}
