package bookmarks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/test/long"

	"pgregory.net/rapid"
)

// incoming are random records of an account: items that agree with each other for the most
// part, and some that are lost, damaged, deleted, or of an old or a newer program.
func incoming(rt *rapid.T) (page []engine.Incoming) {
	type object = map[string]any
	folders := []engine.ID{"menu", "toolbar", "unfiled", "mobile"}
	children := make(map[engine.ID][]engine.ID)
	records := make(map[engine.ID]object)
	var order []engine.ID
	for _, root := range folders {
		records[root] = object{"type": "folder", "parentid": "places", "title": string(root)}
		order = append(order, root)
	}
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, label) }
	for i := range rapid.IntRange(1, 40).Draw(rt, "items") {
		id := engine.ID(fmt.Sprintf("item%08d", i))
		parent := rapid.SampledFrom(folders).Draw(rt, "parent")
		r := object{"type": pick("type", "bookmark", "bookmark", "bookmark", "bookmark", "folder", "separator", "query", "livemark", "newer"),
			"parentid": string(parent), "title": pick("title", "item", "red item", "Das Élan", "")}
		switch r["type"] {
		case "folder":
			folders = append(folders, id)
		case "bookmark":
			r["bmkUri"] = fmt.Sprintf("https://%sexample.org/%d", pick("host", "", "www.", "a.", "b."), rapid.IntRange(0, 25).Draw(rt, "page"))
			if rapid.IntRange(0, 2).Draw(rt, "tagged") == 0 {
				r["tags"] = []string{pick("tag", "red", "green"), pick("tag", "red", "blue")}
			}
			if word := pick("keyword", "", "", "", "k", "l"); word != "" {
				r["keyword"] = word
			}
		case "query":
			r["bmkUri"] = pick("query", "place:tag=red", "place:type=7&folder=3", "place:folder=2")
			r["folderName"] = "red"
		}
		switch pick("date", "", "valid", "valid", "zero", "ahead") {
		case "valid":
			r["dateAdded"] = 1_700_000_000_000 + i
		case "zero":
			r["dateAdded"] = 0
		case "ahead":
			r["dateAdded"] = 4_000_000_000_000
		}
		if pick("extra", "", "", "yes") != "" {
			r["future"] = object{"of": i}
		}
		if pick("listed", "yes", "yes", "yes", "yes", "") != "" {
			children[parent] = append(children[parent], id)
		}
		records[id] = r
		order = append(order, id)
	}
	for i, id := range order {
		in := engine.Incoming{ID: id, Modified: engine.Timestamp(179_537_000_000 + rapid.IntRange(0, 500).Draw(rt, "modified"))}
		r := records[id]
		if r["type"] == "folder" {
			list := slices.Clone(children[id])
			if pick("list", "", "", "", "more") != "" {
				list = append(list, "notthere0001", order[rapid.IntRange(0, len(order)-1).Draw(rt, "listed twice")])
			}
			r["children"] = list
		}
		r["id"] = string(id)
		in.Payload, _ = json.Marshal(r)
		fate := "here"
		if i > 3 {
			fate = pick("fate", "here", "here", "here", "here", "here", "here", "here", "lost", "damaged", "deleted")
		}
		switch fate {
		case "lost":
			continue
		case "damaged":
			in.Payload, in.Err = nil, errors.New("it cannot be decrypted")
		case "deleted":
			in.Payload = nil
		}
		page = append(page, in)
	}
	return page
}

// here makes a file with a few items of the user's, some of which may be those of the account.
func here(rt *rapid.T, t *testing.T, a *account) (path string) {
	path = filepath.Join(t.TempDir(), "here.sqlite")
	e := open(t, path, a.now)
	defer e.Close()
	for range rapid.IntRange(0, 5).Draw(rt, "here") {
		a.tick()
		it := bookmarks.Item{Kind: rapid.SampledFrom([]bookmarks.Kind{bookmarks.Bookmark, bookmarks.Bookmark, bookmarks.Folder}).Draw(rt, "kind"),
			Parent: rapid.SampledFrom([]engine.ID{bookmarks.Menu, bookmarks.Toolbar}).Draw(rt, "into"),
			Title:  rapid.SampledFrom([]string{"item", "mine"}).Draw(rt, "my title")}
		if it.Kind == bookmarks.Bookmark {
			it.URL = fmt.Sprintf("https://example.org/%d", rapid.IntRange(0, 25).Draw(rt, "my page"))
			if rapid.Bool().Draw(rt, "tagged here") {
				it.Tags, it.Keyword = []string{"mine"}, "k"
			}
		}
		if _, err := e.Insert(context.Background(), it, bookmarks.End); err != nil {
			rt.Fatal(err)
		}
	}
	return path
}

// Many items that one statement inserts are what they are if each is inserted by itself.
func TestABatchIsWhatSingleInsertsAre(t *testing.T) {
	t.Parallel()
	long.Check(t, 60, func(rt *rapid.T) {
		ctx := context.Background()
		a := newAccount()
		a.at += 1000
		file, err := os.ReadFile(here(rt, t, a))
		if err != nil {
			rt.Fatal(err)
		}
		page := incoming(rt)
		atOnce := rapid.SampledFrom([]int{1, 3, 10, 100}).Draw(rt, "at once")
		var dumps [2]map[string][]string
		for i := range dumps {
			path := filepath.Join(t.TempDir(), "places.sqlite")
			if err := os.WriteFile(path, file, 0o600); err != nil {
				rt.Fatal(err)
			}
			e := open(t, path, a.now)
			defer e.Close()
			e.SetAtOnce(atOnce)
			s, err := e.Begin(ctx, engine.Start{Run: "run"})
			if err == nil {
				err = s.Stage(ctx, page)
			}
			if err == nil {
				err = bookmarks.Prefetch(ctx, e, s, i == 1)
			}
			if err != nil {
				rt.Fatal(err)
			}
			e.SetAtOnce(1000)
			before, err := e.Dump(ctx)
			if err != nil {
				rt.Fatal(err)
			}
			if _, err := s.Merge(ctx, 179_537_001_000); err != nil {
				rt.Fatal(err)
			}
			if dumps[i], err = e.Dump(ctx); err != nil {
				rt.Fatal(err)
			}
			for name, lines := range before {
				dumps[i]["before "+name] = lines
			}
		}
		for name, lines := range dumps[1] {
			if !slices.Equal(dumps[0][name], lines) {
				rt.Fatalf("%s are\n%q\none by one:\n%q", name, dumps[0][name], lines)
			}
		}
	})
}

// agreeing are the records of an account that agree with each other: each item is where its
// folder lists it, and no two bookmarks have one URL.
func agreeing(rt *rapid.T) (page []engine.Incoming) {
	type object = map[string]any
	folders := []engine.ID{"menu", "toolbar", "unfiled", "mobile"}
	records := make(map[engine.ID]object)
	var order []engine.ID
	add := func(id, parent engine.ID, kind string) object {
		records[id] = object{"id": string(id), "type": kind, "parentid": string(parent), "title": string(id), "dateAdded": 1_700_000_000_000 + len(order)}
		if kind == "folder" {
			records[id]["children"] = []engine.ID{}
		}
		if folder := records[parent]; folder != nil {
			folder["children"] = append(folder["children"].([]engine.ID), id)
		}
		order = append(order, id)
		return records[id]
	}
	for _, root := range folders {
		add(root, "places", "folder")
	}
	for i := range rapid.IntRange(0, 30).Draw(rt, "items") {
		id := engine.ID(fmt.Sprintf("item%08d", i))
		kind := rapid.SampledFrom([]string{"bookmark", "bookmark", "folder", "separator"}).Draw(rt, "kind")
		r := add(id, rapid.SampledFrom(folders).Draw(rt, "parent"), kind)
		switch kind {
		case "folder":
			folders = append(folders, id)
		case "bookmark":
			r["bmkUri"] = fmt.Sprintf("https://example.org/%d", i)
			r["tags"] = rapid.SampledFrom([][]string{nil, nil, {"red"}, {"blue", "red"}}).Draw(rt, "tags")
			if rapid.IntRange(0, 9).Draw(rt, "keyword") == 0 {
				r["keyword"] = fmt.Sprint("word", i)
			}
		}
		if rapid.IntRange(0, 9).Draw(rt, "date") == 0 {
			r["dateAdded"] = 4_000_000_000_000 // to be corrected
		}
	}
	for i, id := range order {
		payload, err := json.Marshal(records[id])
		if err != nil {
			rt.Fatal(err)
		}
		page = append(page, engine.Incoming{ID: id, Modified: engine.Timestamp(179_537_000_000 + i), Payload: payload})
	}
	return page
}
