package history_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/history"
)

// Firefox keeps milliseconds of a visit that it was told of, and tells those to
// others: a visit does not become two on its way through it.
func TestAVisitComesBackInMilliseconds(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	const url = "https://example.org/"
	moment := now.Add(-time.Hour + 123_456*time.Microsecond)
	wire := func(when time.Time) string { return fmt.Sprintf(`{"date":%d,"type":1}`, when.UnixMicro()) }
	p, err := d.AddVisit(t.Context(), url, "Example", history.Visit{At: moment})
	d.must(err)
	d.sync()
	m, out := d.sync(d.record(p.ID, url, "Example", wire(moment.Truncate(time.Millisecond)), wire(now)))
	p, err = d.GetURL(t.Context(), url)
	d.must(err)
	if p.VisitCount != 2 || !p.Visits[1].At.Equal(moment) || m.Applied != 1 || len(out) > 0 {
		t.Errorf("the page is %+v, %d go up", p, len(out))
	}
	// One that the user deleted does not come back either.
	_, err = d.DeleteBetween(t.Context(), history.Between{From: moment, To: moment.Add(time.Second)})
	d.must(err)
	d.sync(d.record(p.ID, url, "Example", wire(moment.Truncate(time.Millisecond)), wire(now), wire(now.Add(-time.Minute))))
	if p, err = d.GetURL(t.Context(), url); err != nil || p.VisitCount != 2 {
		t.Errorf("the page is %+v, %v", p, err)
	}
}

// A file that lists a visit twice has it once.
func TestAnImportedVisitCountsOnce(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	visit := fmt.Sprintf(`{"date":%d,"type":1}`, now.Add(-time.Hour).UnixMicro())
	file := `[{"histUri":"https://example.org/","title":"Example","visits":[` + visit + `,` + visit + `]}]`
	if _, err := d.ImportFrom(t.Context(), strings.NewReader(file), importing.Options{}); err != nil {
		t.Fatal(err)
	}
	if p, err := d.GetURL(t.Context(), "https://example.org/"); err != nil || p.VisitCount != 1 || len(p.Visits) != 1 {
		t.Errorf("the page is %+v, %v", p, err)
	}
}
