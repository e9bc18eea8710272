package bookmarks_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// large is an account of n bookmarks in folders of a hundred, as another device
// wrote them.
func large(n int) *account {
	a := newAccount()
	a.tick()
	put := func(id engine.ID, record string) {
		a.records[id] = engine.Incoming{ID: id, Modified: a.at, Payload: []byte(record)}
	}
	var folders []string
	for f := 0; f*100 < n; f++ {
		folder := fmt.Sprintf("folder%06d", f)
		folders = append(folders, `"`+folder+`"`)
		var children []string
		for i := f * 100; i < min(n, f*100+100); i++ {
			id := fmt.Sprintf("item%08d", i)
			children = append(children, `"`+id+`"`)
			put(engine.ID(id), fmt.Sprintf(`{"id":"%s","type":"bookmark","parentid":"%s","hasDupe":true,"parentName":"Folder %d",`+
				`"dateAdded":1795360000000,"bmkUri":"https://site-%d.example/page/%d?of=the+benchmark","title":"The page of number %d"}`, id, folder, f, i%5000, i, i))
		}
		put(engine.ID(folder), fmt.Sprintf(`{"id":"%s","type":"folder","parentid":"menu","hasDupe":true,"parentName":"menu","dateAdded":1795360000000,`+
			`"title":"Folder %d","children":[%s]}`, folder, f, strings.Join(children, ",")))
	}
	for _, root := range []string{"menu", "toolbar", "unfiled", "mobile"} {
		list := ""
		if root == "menu" {
			list = strings.Join(folders, ",")
		}
		put(engine.ID(root), fmt.Sprintf(`{"id":"%s","type":"folder","parentid":"places","hasDupe":true,"parentName":"","title":"%s","children":[%s]}`, root, root, list))
	}
	return a
}

const many = 100_000

func BenchmarkFirstSync(b *testing.B) {
	a := large(many)
	for b.Loop() {
		b.StopTimer()
		d := a.device(b)
		b.StartTimer()
		if m, out := d.sync(); m.Applied != many*101/100 || len(out) != 0 {
			b.Fatalf("%+v, %d up", m, len(out))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Seconds())/float64(b.N)/many*1e6, "µs/bookmark")
}

func synced(b *testing.B) (*account, *device) {
	a := large(many)
	d := a.device(b)
	d.sync()
	for id, in := range a.records {
		delete(a.records, id) // the device has them; later ones are put again
		_ = in
	}
	return a, d
}

func BenchmarkOneRemoteEdit(b *testing.B) {
	a, d := synced(b)
	for i := 0; b.Loop(); i++ {
		a.put("item00050000", fmt.Sprintf(`{"id":"item00050000","type":"bookmark","parentid":"folder000500","hasDupe":true,"parentName":"Folder 500",`+
			`"dateAdded":1795360000000,"bmkUri":"https://example.org/","title":"Edition %d"}`, i))
		if m, out := d.sync(); m.Applied != 1 || len(out) != 0 {
			b.Fatalf("%+v, %d up", m, len(out))
		}
	}
}

func BenchmarkOneLocalEdit(b *testing.B) {
	_, d := synced(b)
	for i := 0; b.Loop(); i++ {
		d.rename("item00050000", fmt.Sprint("Edition ", i))
		if m, out := d.sync(); m.Applied != 0 || len(out) != 1 {
			b.Fatalf("%+v, %d up", m, len(out))
		}
	}
}

// Both sides renamed one bookmark.
func BenchmarkOneConflict(b *testing.B) {
	a, d := synced(b)
	for i := 0; b.Loop(); i++ {
		d.rename("item00050000", fmt.Sprint("Edition ", i))
		a.put("item00050000", fmt.Sprintf(`{"id":"item00050000","type":"bookmark","parentid":"folder000500","hasDupe":true,"parentName":"Folder 500",`+
			`"dateAdded":1795360000000,"bmkUri":"https://example.org/%d","title":"Edition %d"}`, i, i))
		d.sync()
	}
}

// A bookmark is moved to another folder here and renamed there.
func BenchmarkMovedHereRenamedThere(b *testing.B) {
	a, d := synced(b)
	for i := 0; b.Loop(); i++ {
		here := fmt.Sprintf("folder%06d", 500+i%2)
		d.move("item00050000", engine.ID(fmt.Sprintf("folder%06d", 501-i%2)), bookmarks.End)
		a.put("item00050000", fmt.Sprintf(`{"id":"item00050000","type":"bookmark","parentid":"%s","hasDupe":true,"parentName":"Folder 500",`+
			`"dateAdded":1795360000000,"bmkUri":"https://example.org/%d","title":"Edition %d"}`, here, i, i))
		d.sync()
	}
}

// Both sides add to a folder of 10,000 bookmarks.
func BenchmarkConflictInALargeFolder(b *testing.B) {
	a, d := synced(b)
	top, err := d.InsertTree(b.Context(), folderOf(1000, 9_999), bookmarks.End)
	if err != nil {
		b.Fatal(err)
	}
	d.sync()
	var children []any
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		r := a.record(b, top.ID)
		children = append(r["children"].([]any), fmt.Sprintf("there%07d", i))
		r["children"] = children
		text, err := json.Marshal(r)
		if err != nil {
			b.Fatal(err)
		}
		a.put(top.ID, string(text))
		a.put(engine.ID(fmt.Sprintf("there%07d", i)), fmt.Sprintf(`{"id":"there%07d","type":"bookmark","parentid":"%s","hasDupe":true,"parentName":"",`+
			`"dateAdded":1795360000000,"bmkUri":"https://example.org/there/%d","title":"Edition %d"}`, i, top.ID, i, i))
		d.add(top.ID, fmt.Sprint("here", i))
		b.StartTimer()
		d.sync()
	}
}

func BenchmarkAdd(b *testing.B) {
	a := newAccount()
	e := open(b, filepath.Join(b.TempDir(), "places.sqlite"), a.now)
	defer e.Close()
	for i := 0; b.Loop(); i++ {
		if _, err := e.Insert(b.Context(), bookmarks.Item{Title: title(i, 0), URL: address(i)}, bookmarks.End); err != nil {
			b.Fatal(err)
		}
	}
}
