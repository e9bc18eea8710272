package api_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

func TestATimelineCombinesSyncsThatDidNothing(t *testing.T) {
	t.Parallel()
	idle := api.SyncResult{Status: "ok", Engines: []api.EngineResult{{Engine: "tabs", Status: "ok"}}}
	busy := api.SyncResult{Status: "ok", Engines: []api.EngineResult{{Engine: "tabs", Status: "ok", Uploaded: 1}}}
	failed := func(why string) api.SyncResult {
		return api.SyncResult{Status: "partial", Engines: []api.EngineResult{{Engine: "tabs", Status: "failed", Error: why}}}
	}
	var list []api.SyncResult
	for i, r := range []api.SyncResult{idle, idle, busy, busy, idle, failed("a"), failed("a"), failed("b"), idle} {
		r.At = time.Unix(int64(i), 0)
		list = api.AppendResult(list, r)
	}
	got := []int{}
	for _, r := range list {
		got = append(got, r.Repeats)
	}
	want := []int{1, 0, 0, 0, 1, 0, 0}
	if len(got) != len(want) || got[0] != 1 || got[4] != 1 || list[0].At != time.Unix(1, 0) {
		t.Errorf("repeats are %v; want %v", got, want)
	}

	// It has an end, and names few items.
	busy.Changed = []api.Changed{{Engine: "tabs", IDs: make([]engine.ID, 21)}}
	for range api.MaxResults + 5 {
		list = api.AppendResult(list, busy)
	}
	if len(list) != api.MaxResults || list[0].Changed[0].IDs != nil || len(busy.Changed[0].IDs) != 21 {
		t.Errorf("%d results are kept, with %d items", len(list), len(list[0].Changed[0].IDs))
	}
	if newest := api.Newest(list, 3); len(newest) != 3 {
		t.Errorf("of the newest three, %d are there", len(newest))
	}
}

func TestAPartOfAFolder(t *testing.T) {
	t.Parallel()
	c := newCaller(t, testenv.New(t), "Laptop")
	folder := c.call("bookmarks.add", object{"title": "Many", "kind": "folder", "parent": "menu________"})
	for _, title := range []string{"a", "b", "c", "d", "e"} {
		c.call("bookmarks.add", object{"title": title, "url": "https://example.org/" + title, "parent": folder["id"]})
	}
	page := c.call("bookmarks.page", object{"folder": folder["id"], "from": 1, "limit": 2})
	items, path := page["items"].([]any), page["path"].([]any)
	if page["total"] != 5.0 || len(items) != 2 || items[0].(object)["title"] != "b" || len(path) != 2 || path[1].(object)["title"] != "Many" {
		t.Errorf("the page is %v", page)
	}
	for _, from := range []int{5, 99} {
		if page := c.call("bookmarks.page", object{"folder": folder["id"], "from": from}); len(page["items"].([]any)) != 0 || page["total"] != 5.0 {
			t.Errorf("from %d it has %v", from, page["items"])
		}
	}
	if root := c.call("bookmarks.page", object{}); root["total"] != 4.0 {
		t.Errorf("the root has %v", root)
	}
	c.refused(api.CodeNotFound, "bookmarks.page", object{"folder": "nothinghere1"})
}

func TestWhatWasDeletedComesBackAsItWas(t *testing.T) {
	t.Parallel()
	c := newCaller(t, testenv.New(t), "Laptop")
	folder := c.call("bookmarks.add", object{"title": "News", "kind": "folder"})
	item := c.call("bookmarks.add", object{"title": "Go", "url": "https://go.dev/", "parent": folder["id"], "tags": []string{"go"}})
	c.sync()
	c.call("bookmarks.delete", object{"id": folder["id"], "etag": folder["etag"], "contents": true})
	c.sync()
	back := []object{
		{"id": folder["id"], "kind": "folder", "title": "News", "parent": folder["parent"], "position": 0, "added": folder["added"]},
		{"id": item["id"], "title": "Go", "url": "https://go.dev/", "parent": folder["id"], "tags": []string{"go"}, "added": item["added"]},
	}
	// All or nothing.
	c.refused(api.CodeNotFound, "bookmarks.restore", object{"items": append(back[:1:1], object{"kind": "separator", "parent": "nothinghere1"})})
	c.refused(api.CodeNotFound, "bookmarks.get", object{"id": folder["id"]})
	if got := c.call("bookmarks.restore", object{"items": back}); got["id"] != folder["id"] || got["added"] != folder["added"] {
		t.Errorf("back is %v; want %v", got, folder)
	}
	if got := c.call("bookmarks.get", object{"id": item["id"]}); got["etag"] != item["etag"] || got["added"] != item["added"] {
		t.Errorf("in it is %v; want %v", got, item)
	}
	c.sync()
	if r := c.call("bookmarks.check", object{}); r["total"] != 0.0 {
		t.Errorf("the check found %v", r)
	}
	c.refused(api.CodeDuplicate, "bookmarks.restore", object{"items": back})
}

func TestFilesThatAreNotText(t *testing.T) {
	t.Parallel()
	c := newCaller(t, testenv.New(t), "Laptop")
	csv := "url,username,password\nhttps://example.org,ann,secret\n"
	// UTF-16 with its mark, as Windows programs write it.
	utf16 := []byte{0xff, 0xfe}
	for _, r := range csv {
		utf16 = append(utf16, byte(r), 0)
	}
	if r := c.call("passwords.importCSV", object{"base64": base64.StdEncoding.EncodeToString(utf16)}); r["added"] != 1.0 {
		t.Errorf("imported: %v", r)
	}
	for _, q := range []object{{}, {"text": "a", "base64": "YQ=="}, {"base64": "!!"}} {
		c.refused(api.CodeInvalid, "passwords.importCSV", q)
	}
}

// A home that is not a Keeper knows little, and the answers are whole.
func TestAboutAndHealthOfAnyHome(t *testing.T) {
	t.Parallel()
	c := newCaller(t, testenv.New(t), "Laptop")
	if got := c.call("about", nil)["problems"].([]any); len(got) != 0 {
		t.Errorf("there are problems: %v", got)
	}
	if got := c.call("health", nil); got["stores"] == nil || got["log"] == nil {
		t.Errorf("the health is %v", got)
	}
	c.rights = api.Rights{Engines: []string{"bookmarks"}}
	c.refused(api.CodeForbidden, "about", nil)
	c.refused(api.CodeForbidden, "health", nil)
}
