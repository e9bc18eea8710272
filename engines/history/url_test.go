package history_test

import (
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/history"
)

// What another device stored stays as it is, and goes back as it came.
func TestARecordsURLStaysAsItIs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"https://bad host.example/", "https://[open/", "https://example.org/a'b|c^d?'e'", "x-other://QUFodHRw", "ed2k://|file|A.iso|/",
	} {
		d := newDevice(t)
		in := d.record("page________", url, "t", at(time.Hour, 1))
		if m, out := d.sync(in); m.Failed > 0 || m.Applied != 1 || len(out) > 0 {
			t.Fatalf("%s: merged %+v, and %d go up", url, m, len(out))
		}
		p, err := d.GetURL(t.Context(), url)
		if err != nil || p.URL != url {
			t.Fatalf("%s is %+v, %v", url, p, err)
		}
		d.must(retitle(t.Context(), d.Engine, p.ID, "mine"))
		if _, out := d.sync(); len(out) != 1 || d.decode(out[0]).HistURI != url {
			t.Fatalf("%s goes up as %+v", url, out)
		}
		if _, err := d.DeleteURL(t.Context(), url); err != nil {
			t.Fatalf("%s cannot be deleted: %v", url, err)
		}
	}
}

func TestTwoSpellingsOfOnePage(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.sync(d.record("page________", "HTTPS://Example.org:443", "t", at(time.Hour, 1)))
	if p, err := d.AddVisit(t.Context(), "https://example.org", "", history.Visit{}); err != nil || p.ID != "page________" {
		t.Fatalf("a visit made %+v, %v; want the page that is there", p, err)
	}
}
