package bookmarks_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// real is a record that Firefox ESR 153 wrote.
type real struct {
	ID        engine.ID
	Modified  engine.Timestamp
	SortIndex int
	Cleartext map[string]any
}

func realRecords(t *testing.T) (all []real) {
	t.Helper()
	text, err := os.ReadFile("testdata/firefox-esr-153.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// Records that Firefox wrote are uploaded to another account with the same members and values.
func TestRecordsAreFirefoxs(t *testing.T) {
	t.Parallel()
	a := newAccount()
	all := realRecords(t)
	for _, r := range all {
		payload, err := json.Marshal(r.Cleartext)
		if err != nil {
			t.Fatal(err)
		}
		a.records[r.ID] = engine.Incoming{ID: r.ID, Modified: r.Modified, Payload: payload}
		a.at = max(a.at, r.Modified)
	}
	d := a.device(t)
	if _, out := d.sync(); len(out) != 0 {
		t.Fatalf("%d records go up after a first sync with Firefox's; want none", len(out))
	}
	d.want(bookmarks.Menu, "Mozilla Firefox/", "Reading/")
	d.want(bookmarks.Toolbar, "日本語 🦊")
	d.want("fCEITCbbg4N7", "Bookmark 0", "Bookmark 1", "Bookmark 2", "Bookmark 3", "Bookmark 4", "---")
	if it := d.get("xzqUWB-adFxL"); !slices.Equal(it.Tags, []string{"alpha", "beta"}) {
		t.Errorf("its tags are %q", it.Tags)
	}
	if it := d.get("XTyMcrmIbLYO"); it.Keyword != "kw" {
		t.Errorf("its keyword is %q", it.Keyword)
	}
	d.sound()

	clear(a.records)
	if err := d.Reset(t.Context(), engine.Association{Global: "another account"}); err != nil {
		t.Fatal(err)
	}
	_, out := d.sync()
	if len(out) != len(all) {
		t.Fatalf("%d records go up to an empty account; want %d", len(out), len(all))
	}
	for _, r := range all {
		got := a.record(t, r.ID)
		if !reflect.DeepEqual(got, r.Cleartext) {
			t.Errorf("%s goes up as\n%v; Firefox wrote\n%v", r.ID, got, r.Cleartext)
		}
		i := slices.IndexFunc(out, func(o engine.Outgoing) bool { return o.ID == r.ID })
		// Firefox ranks an unvisited bookmark by a scale of its own.
		if r.Cleartext["type"] == "folder" && *out[i].SortIndex != r.SortIndex {
			t.Errorf("%s has the sort index %d; Firefox gave %d", r.ID, *out[i].SortIndex, r.SortIndex)
		}
	}
	d.sound()
}

func TestOldQueriesAreRewritten(t *testing.T) {
	t.Parallel()
	a := newAccount()
	a.put("unfiled", `{"id":"unfiled","type":"folder","parentid":"places","title":"unfiled","children":["query1______","query2______","livemark____"]}`)
	a.put("query1______", `{"id":"query1______","type":"query","parentid":"unfiled","title":"Tagged","bmkUri":"place:type=7&folder=42","folderName":"r&d"}`)
	a.put("query2______", `{"id":"query2______","type":"query","parentid":"unfiled","title":"Folder","bmkUri":"place:folder=43"}`)
	a.put("livemark____", `{"id":"livemark____","type":"livemark","parentid":"unfiled","title":"Feed","feedUri":"https://example.org/feed","children":[]}`)
	d := a.device(t)
	d.sync()
	for id, want := range map[engine.ID]string{"query1______": "place:tag=r%26d", "query2______": "place:folder=43&excludeItems=1"} {
		if got := d.get(id).URL; got != want {
			t.Errorf("%s is here as %s; want %s", id, got, want)
		}
		if got := a.record(t, id)["bmkUri"]; got != want {
			t.Errorf("%s is on the server as %s; want %s", id, got, want)
		}
	}
	if got := a.record(t, "query1______")["folderName"]; got != "r&d" {
		t.Errorf("the query's tag is %v", got)
	}
	if !a.records["livemark____"].Tombstone() {
		t.Error("the livemark is still on the server")
	}
	d.want(bookmarks.Unfiled, "Tagged", "Folder")
	d.sound()
}

// A bad record of another client neither stops the sync nor damages other items.
func TestBadRecords(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return string(slices.Repeat([]byte{'x'}, n)) }
	for name, c := range map[string]struct {
		record string // for badrecord___
		failed bool
		title  string // what the user sees, unless it failed
	}{
		"unknown type":          {`"type":"microsummary","title":"t"`, true, ""},
		"no type":               {`"title":"t"`, true, ""},
		"type is a number":      {`"type":1`, true, ""},
		"no URL":                {`"type":"bookmark","title":"t"`, true, ""},
		"URL is a number":       {`"type":"bookmark","title":"t","bmkUri":5`, true, ""},
		"URL without scheme":    {`"type":"bookmark","title":"t","bmkUri":"example.org"`, true, ""},
		"URL past 64 KiB":       {`"type":"bookmark","title":"t","bmkUri":"https://example.org/` + long(65536) + `"`, true, ""},
		"NUL in the URL":        {`"type":"bookmark","title":"t","bmkUri":"https://example.org/\u0000/"`, true, ""},
		"title of 1 MB":         {`"type":"bookmark","title":"` + long(1_000_000) + `","bmkUri":"https://example.org/"`, false, long(4096)},
		"NUL in the title":      {`"type":"bookmark","title":"a\u0000b","bmkUri":"https://example.org/"`, false, "ab"},
		"lone surrogate":        {`"type":"bookmark","title":"a\ud83db","bmkUri":"https://example.org/"`, false, "a\uFFFDb"},
		"title is a number":     {`"type":"bookmark","title":7,"bmkUri":"https://example.org/"`, false, ""},
		"negative date":         {`"type":"bookmark","title":"t","dateAdded":-99999999999999,"bmkUri":"https://example.org/"`, false, "t"},
		"far-future date":       {`"type":"bookmark","title":"t","dateAdded":1e300,"bmkUri":"https://example.org/"`, false, "t"},
		"tags of all kinds":     {`"type":"bookmark","title":"t","tags":[1,null,""," a ","` + long(101) + `","a"],"bmkUri":"https://example.org/"`, false, "t"},
		"children of all kinds": {`"type":"folder","title":"t","children":[1,null,"","missing_____",{"a":1},"missing_____"]`, false, "t/"},
		"children no list":      {`"type":"folder","title":"t","children":"all"`, false, "t/"},
		"in itself":             {`"type":"folder","title":"t","children":["badrecord___"]`, false, "t/"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount()
			a.put("menu", `{"id":"menu","type":"folder","parentid":"places","title":"menu","children":["badrecord___","goodrecord__"]}`)
			a.put("badrecord___", `{"id":"badrecord___","parentid":"menu",`+c.record+`}`)
			a.put("goodrecord__", `{"id":"goodrecord__","type":"bookmark","parentid":"menu","title":"good","bmkUri":"https://example.org/good"}`)
			d := a.device(t)
			m, _ := d.sync()
			if c.failed {
				if m.Failed != 1 || len(m.Problems) != 1 || m.Problems[0].ID != "badrecord___" {
					t.Fatalf("merged %+v; want the bad record named", m)
				}
				d.want(bookmarks.Menu, "good")
				if a.records["badrecord___"].Tombstone() {
					t.Fatal("what cannot be read here was deleted for everybody")
				}
				return
			}
			if m.Failed != 0 {
				t.Fatalf("merged %+v; want none failed", m)
			}
			d.want(bookmarks.Menu, c.title, "good")
			if it := d.get("badrecord___"); it.Added.IsZero() || it.Added.After(a.now()) || it.Added.Year() < 1993 {
				t.Fatalf("it was added at %v", it.Added)
			}
			d.sync()
			d.sound()
			if _, out := d.sync(); len(out) != 0 {
				t.Fatalf("%d records go up again and again", len(out))
			}
		})
	}
}

// Records that contradict each other are repaired, counted and uploaded.
func TestContradictionsAreRepaired(t *testing.T) {
	t.Parallel()
	a := newAccount()
	bookmark := func(id, parent string) {
		a.put(engine.ID(id), fmt.Sprintf(`{"id":"%s","type":"bookmark","parentid":"%s","title":"%s","bmkUri":"https://example.org/%s"}`, id, parent, id, id))
	}
	a.put("menu", `{"id":"menu","type":"folder","parentid":"places","title":"menu","children":["twice_______","missing_____","folderA_____","twice_______"]}`)
	a.put("toolbar", `{"id":"toolbar","type":"folder","parentid":"places","title":"toolbar","children":["twice_______","elsewhere___"]}`)
	a.put("folderA_____", `{"id":"folderA_____","type":"folder","parentid":"folderB_____","title":"A","children":["folderB_____"]}`)
	a.put("folderB_____", `{"id":"folderB_____","type":"folder","parentid":"folderA_____","title":"B","children":["folderA_____"]}`)
	bookmark("twice_______", "menu")
	bookmark("elsewhere___", "unfiled")
	bookmark("orphan______", "nowhere_____")
	bookmark("bad id", "menu")
	a.put("places", `{"id":"places","type":"folder","parentid":"","title":"","children":["menu"]}`)
	d := a.device(t)
	d.sync()
	n, err := d.Count(t.Context())
	if err != nil || n != 6 {
		t.Fatalf("%d items are here, %v; want 6", n, err)
	}
	log, err := d.Log(t.Context())
	if err != nil || len(log) != 1 || len(log[0].Repairs) == 0 {
		t.Fatalf("the log says %+v, %v; want one sync with repairs", log, err)
	}
	for _, kind := range []string{"orphan", "missing child", "multiple parents", "cycle", "invalid GUID"} {
		if log[0].Repairs[kind] == 0 {
			t.Errorf("no %s among the repairs: %v", kind, log[0].Repairs)
		}
	}
	d.sound()
	other := a.device(t)
	if _, out := other.sync(); len(out) != 0 {
		t.Fatalf("the next device finds %d records to repair", len(out))
	}
	other.sound()
}
