package history_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

// Each record is one that some device may have written; the next one must still
// arrive.
func TestBadRecords(t *testing.T) {
	t.Parallel()
	good := at(time.Hour, 1)
	date := func(d string) string { return fmt.Sprintf(`{"date":%s,"type":1}`, d) }
	long := "https://example.org/" + strings.Repeat("x", 64<<10)
	for name, c := range map[string]struct {
		payload string
		failed  bool
		visits  int // that are stored; 0: no page
	}{
		"good":                   {`{"histUri":"https://bad.example/","title":"t","visits":[` + good + `]}`, false, 1},
		"no title":               {`{"histUri":"https://bad.example/","visits":[` + good + `]}`, false, 1},
		"title null":             {`{"histUri":"https://bad.example/","title":null,"visits":[` + good + `]}`, false, 1},
		"title a number":         {`{"histUri":"https://bad.example/","title":7,"visits":[` + good + `]}`, false, 1},
		"title a lone surrogate": {`{"histUri":"https://bad.example/","title":"a\ud800b","visits":[` + good + `]}`, false, 1},
		"title with a NUL":       {`{"histUri":"https://bad.example/","title":"a\u0000b","visits":[` + good + `]}`, false, 1},
		"title of a megabyte":    {`{"histUri":"https://bad.example/","title":"` + strings.Repeat("word ", 200_000) + `","visits":[` + good + `]}`, false, 1},
		"no URL":                 {`{"title":"t","visits":[` + good + `]}`, true, 0},
		"URL a number":           {`{"histUri":1,"visits":[` + good + `]}`, true, 0},
		"URL empty":              {`{"histUri":"","visits":[` + good + `]}`, true, 0},
		"URL of words":           {`{"histUri":"no url","visits":[` + good + `]}`, true, 0},
		"URL with a NUL":         {`{"histUri":"https://bad.example/\u0000","visits":[` + good + `]}`, false, 1}, // at its end it is cut off
		"URL with a NUL inside":  {`{"histUri":"https://bad\u0000.example/","visits":[` + good + `]}`, true, 0},
		"URL past 64 KB":         {`{"histUri":"` + long + `","visits":[` + good + `]}`, true, 0},
		"no visits":              {`{"histUri":"https://bad.example/","title":"t"}`, false, 0},
		"visits null":            {`{"histUri":"https://bad.example/","visits":null}`, false, 0},
		"visits an object":       {`{"histUri":"https://bad.example/","visits":{"date":1}}`, false, 0},
		"visits of numbers":      {`{"histUri":"https://bad.example/","visits":[1,"2",null,[],` + good + `]}`, false, 1},
		"date zero":              {`{"histUri":"https://bad.example/","visits":[` + date("0") + `]}`, false, 0},
		"date negative":          {`{"histUri":"https://bad.example/","visits":[` + date("-1795370000000000") + `,` + good + `]}`, false, 1},
		"date in seconds":        {`{"histUri":"https://bad.example/","visits":[` + date("1795370000") + `]}`, false, 0},
		"date of text":           {`{"histUri":"https://bad.example/","visits":[` + date(`"1795369000000000"`) + `]}`, false, 0},
		"date a fraction":        {`{"histUri":"https://bad.example/","visits":[` + date("1795369000000000.5") + `]}`, false, 0},
		"date an exponent":       {`{"histUri":"https://bad.example/","visits":[` + date("1.795369e15") + `]}`, false, 1},
		"date far ahead":         {`{"histUri":"https://bad.example/","visits":[` + date("2795369000000000") + `]}`, false, 1},
		"date beyond all bounds": {`{"histUri":"https://bad.example/","visits":[` + date("1e300") + `]}`, false, 1},
		"two dates far ahead":    {`{"histUri":"https://bad.example/","visits":[` + date("2795369000000000") + `,` + date("3795369000000000") + `]}`, false, 1},
		"no type":                {`{"histUri":"https://bad.example/","visits":[{"date":1795369000000000}]}`, false, 0},
		"type zero":              {`{"histUri":"https://bad.example/","visits":[{"date":1795369000000000,"type":0}]}`, false, 0},
		"type ten":               {`{"histUri":"https://bad.example/","visits":[{"date":1795369000000000,"type":10}]}`, false, 0},
		"the same visit twice":   {`{"histUri":"https://bad.example/","visits":[` + good + `,` + good + `]}`, false, 1},
		"an array":               {`[]`, true, 0},
		"cut off":                {`{"histUri":"https://bad.example/","visits":[`, true, 0},
		"nested deeply":          {`{"histUri":"https://bad.example/","x":` + strings.Repeat("[", 100_000) + `}`, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t)
			bad := engine.Incoming{ID: "badbadbadbad", Modified: d.at, Payload: []byte(c.payload)}
			for range 2 { // again, nothing is doubled
				m, _ := d.sync(bad, d.record("goodgoodgood", site(1), "good", good))
				failed := 0
				if c.failed {
					failed = 1
				}
				if m.Failed != failed || len(m.Problems) != failed {
					t.Fatalf("merged %+v; want %d failed", m, failed)
				}
				if failed == 1 && (len(m.Problems[0].Err.Error()) > 200 || strings.Contains(m.Problems[0].Err.Error(), "\n")) {
					t.Errorf("the problem is no sentence: %.300q", m.Problems[0].Err)
				}
				pages := d.pages()
				if pages[site(1)].VisitCount != 1 {
					t.Fatalf("the good record did not arrive: %+v", pages)
				}
				p, ok := pages["https://bad.example/"]
				if ok != (c.visits > 0) || p.VisitCount != c.visits {
					t.Fatalf("the page has %d visits; want %d", p.VisitCount, c.visits)
				}
				if ok && p.LastVisit.After(now) {
					t.Errorf("the last visit is at %s", p.LastVisit)
				}
				if strings.ContainsAny(p.Title, "\x00") {
					t.Errorf("the title is %q", p.Title)
				}
			}
		})
	}
	t.Run("bad ids", func(t *testing.T) {
		d := newDevice(t)
		for _, id := range []engine.ID{"short", "with spaces!", "../../../etc", "thirteen-char"} {
			if m, _ := d.sync(d.record(id, site(1), "x", good)); m.Failed != 1 || len(d.pages()) != 0 {
				t.Errorf("%q: merged %+v", id, m)
			}
		}
	})
}

func TestVisitsThatCannotBeAdded(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	for name, c := range map[string]struct {
		url string
		v   history.Visit
	}{
		"no URL":        {"", history.Visit{}},
		"no scheme":     {"example.org", history.Visit{}},
		"long":          {"https://example.org/" + strings.Repeat("x", 64<<10), history.Visit{}},
		"controls":      {"https://example.org/a\x01b", history.Visit{}},
		"space in host": {"https://exa mple.org/", history.Visit{}},
		"port":          {"https://example.org:65536/", history.Visit{}},
		"not UTF-8":     {"https://example.org/\xff", history.Visit{}},
		"private":       {"about:config", history.Visit{}},
		"script":        {"javascript:alert(1)", history.Visit{}},
		"transition":    {site(1), history.Visit{Type: 10}},
		"negative":      {site(1), history.Visit{Type: -1}},
		"before 1993":   {site(1), history.Visit{At: time.Unix(1, 0)}},
		"far future":    {site(1), history.Visit{At: now.Add(48 * time.Hour)}},
		"the year 9e9":  {site(1), history.Visit{At: time.Unix(1<<50, 0)}},
	} {
		if _, err := d.AddVisit(t.Context(), c.url, "t", c.v); !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		} else if len(err.Error()) > 200 {
			t.Errorf("%s: the error repeats the URL: %.300s", name, err)
		}
	}
	if n, err := d.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d pages, %v", n, err)
	}
}
