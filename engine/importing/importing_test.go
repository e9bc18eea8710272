package importing_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/syncmanager/syncmanager/engine/importing"
)

func TestAReportNamesTheFirstThousand(t *testing.T) {
	t.Parallel()
	r := importing.Report{Read: 1500, Added: 200, Updated: 60, Duplicates: 40}
	for range 1200 {
		r.Skip(importing.Skip{Item: "a", Reason: "it has no URL"})
	}
	if r.Skipped != 1200 || len(r.Skips) != 1000 || r.Here() != 300 {
		t.Errorf("skipped %d, named %d, here %d; want 1200, 1000 and 300", r.Skipped, len(r.Skips), r.Here())
	}
}

// The JSON of every kind's import has these names.
func TestReportAsJSON(t *testing.T) {
	t.Parallel()
	r := importing.Report{Format: "html", Read: 4, Added: 1, Updated: 1, Duplicates: 1, Visits: 2, Notes: []string{"it has a password"}}
	r.Skip(importing.Skip{Line: 3, Item: "News", Reason: "it has no URL"})
	got, err := json.Marshal(r)
	want := `{"format":"html","read":4,"added":1,"updated":1,"duplicates":1,"skipped":1,` +
		`"skips":[{"line":3,"item":"News","reason":"it has no URL"}],"visits":2,"notes":["it has a password"]}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

func TestASkipStandsAsAnError(t *testing.T) {
	t.Parallel()
	var skip *importing.Skip
	if err := error(&importing.Skip{Reason: "it is torn"}); !errors.As(err, &skip) || err.Error() != "it is torn" {
		t.Error(err)
	}
}
