package bookmarks

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// Whatever a record was, the engine can write what it read of it, and reads the same again.
func FuzzRecord(f *testing.F) {
	text, err := os.ReadFile("testdata/firefox-esr-153.json")
	if err != nil {
		f.Fatal(err)
	}
	var all []struct{ Cleartext json.RawMessage }
	if err := json.Unmarshal(text, &all); err != nil {
		f.Fatal(err)
	}
	for _, r := range all {
		f.Add([]byte(r.Cleartext))
	}
	f.Add([]byte(`{"type":"query","bmkUri":"place:type=7&folder=1","folderName":"a b","x":[1,{"y":null}]}`))
	f.Add([]byte(`{"type":"folder","title":"\ud83d","children":[1,"a","menu"],"dateAdded":-1e99}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		const id = "item________"
		r, err := parseRecord(id, payload, 179_537_000_000)
		if err != nil {
			return
		}
		o := outgoing{Item: Item{ID: r.guid, Kind: r.kind, Parent: r.parent, Title: r.title, URL: r.url, Tags: r.tags,
			Keyword: r.keyword, Added: instant(r.added)}, children: r.children, extra: r.extra}
		written := o.append(nil)
		if !rawjson.Valid(written) {
			t.Fatalf("%s is written as %s", payload, written)
		}
		again, err := parseRecord(id, written, 179_537_000_000)
		if err != nil {
			t.Fatalf("%s cannot be read again: %v", written, err)
		}
		// The name of a query's tag follows from its URL.
		if r.kind == Query {
			again.extra = r.extra
		}
		if !sameValue(&r, &again) || again.added != r.added || again.parent != r.parent || len(again.children) != len(r.children) {
			t.Fatalf("%s is read again as %+v; was %+v", written, again, r)
		}
	})
}
