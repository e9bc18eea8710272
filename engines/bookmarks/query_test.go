package bookmarks_test

import (
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// A query's record names its tag twice, in the URL and in a field; the user gives it once, in
// the URL.
func TestAQueryForATagComesToRest(t *testing.T) {
	t.Parallel()
	a := newAccount()
	d := a.device(t)
	ours, err := d.Insert(t.Context(), bookmarks.Item{Title: "Ours", URL: "place:tag=to%20read"}, bookmarks.End)
	if err != nil {
		t.Fatal(err)
	}
	a.put("theirs______", `{"id":"theirs______","type":"query","parentid":"unfiled","title":"Theirs","bmkUri":"place:tag=go","folderName":"go","queryId":"9"}`)
	a.put("unfiled", `{"id":"unfiled","type":"folder","parentid":"places","title":"unfiled","children":["theirs______"]}`)
	d.sync()
	d.sound()
	for id, tag := range map[engine.ID]string{ours.ID: "to read", "theirs______": "go"} {
		if got := a.record(t, id)["folderName"]; got != tag {
			t.Errorf("the record of %s is for the tag %q", id, got)
		}
	}
	// The field follows the URL, and the record's other fields stay.
	url := "place:tag=new"
	a.tick()
	if _, err := d.UpdateFields(t.Context(), "theirs______", bookmarks.Change{URL: &url}); err != nil {
		t.Fatal(err)
	}
	d.sync()
	d.sound()
	if r := a.record(t, "theirs______"); r["folderName"] != "new" || r["queryId"] != "9" {
		t.Errorf("the record is %v", r)
	}
}
