package history_test

import (
	"fmt"
	"iter"
	"reflect"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/history"
)

func pagesOf(pages ...history.Page) iter.Seq2[history.Page, error] {
	return func(yield func(history.Page, error) bool) {
		for _, p := range pages {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// Pages that are new here are inserted many at a time, and the others one by one: the result is
// the same, whichever way a page takes.
func TestAnImportOfManyIsLikeThatOfEach(t *testing.T) {
	t.Parallel()
	visit := func(hours int, kind history.Transition, referrer string) history.Visit {
		return history.Visit{At: now.Add(-time.Duration(hours) * time.Hour).Truncate(time.Millisecond), Type: kind, Referrer: referrer}
	}
	var pages []history.Page
	for i := range 40 {
		p := history.Page{URL: fmt.Sprintf("https://site-%d.example/page/%d", i%7, i), Title: fmt.Sprintf("Page %d", i), Hidden: i%5 == 0}
		for v := range 1 + i%4 {
			p.Visits = append(p.Visits, visit(i*30*24+v, history.Transition(1+(i+v)%9), ""))
		}
		p.Visits = append(p.Visits, p.Visits[0]) // twice the same
		if i > 0 {
			p.Visits[0].Referrer = pages[i-1].URL
		}
		if i%3 == 0 {
			p.PreviewImage = "https://img.example/a.png"
		}
		pages = append(pages, p)
	}
	pages = append(pages, pages[3], history.Page{URL: pages[4].URL, Title: "later", Visits: []history.Visit{visit(5000, history.Link, "")}})
	each, many := newDevice(t), newDevice(t)
	each.visit(pages[10].URL, "was here", time.Hour, history.Typed)
	many.visit(pages[10].URL, "was here", time.Hour, history.Typed)
	var want importing.Report
	for _, p := range pages {
		done, err := each.Import(t.Context(), pagesOf(p, history.Page{URL: p.URL, Visits: p.Visits[:1]}), nil, importing.Options{})
		each.must(err)
		want.Added, want.Updated, want.Visits = want.Added+done.Added, want.Updated+done.Updated, want.Visits+done.Visits
	}
	tried, err := many.Import(t.Context(), pagesOf(pages...), nil, importing.Options{DryRun: true})
	many.must(err)
	if n := len(many.pages()); n != 1 {
		t.Errorf("a dry run left %d pages", n)
	}
	got, err := many.Import(t.Context(), pagesOf(pages...), nil, importing.Options{})
	many.must(err)
	if !reflect.DeepEqual(got, tried) || got.Added != want.Added || got.Updated != want.Updated || got.Visits != want.Visits {
		t.Errorf("did %+v, tried %+v; one by one %+v", got, tried, want)
	}
	expected, found := each.pages(), many.pages()
	for url, p := range expected {
		q := found[url]
		q.ID = p.ID
		if !reflect.DeepEqual(p, q) {
			t.Errorf("%+v; one by one it is %+v", q, p)
		}
	}
	if len(found) != len(expected) {
		t.Errorf("%d pages; one by one %d", len(found), len(expected))
	}
	a, errA := each.Changes(t.Context())
	b, errB := many.Changes(t.Context())
	if a != b || errA != nil || errB != nil {
		t.Errorf("%d changes to send, %v; one by one %d, %v", b, errB, a, errA)
	}
}

// Pages that are new here share their statements: each alone took 400 allocations.
func TestAnImportTakesFewStatementsAPage(t *testing.T) {
	const pages = 1000
	d := newDevice(t)
	n := 0
	allocs := testing.AllocsPerRun(1, func() {
		var all []history.Page
		for range pages {
			n++
			at := now.Add(-time.Duration(n) * time.Minute)
			all = append(all, history.Page{URL: fmt.Sprintf("https://site-%d.example/page/%d", n%50, n), Title: "Page", Visits: []history.Visit{
				{At: at, Type: history.Link}, {At: at.Add(-time.Hour), Type: history.Typed}, {At: at.Add(-2 * time.Hour), Type: history.Link},
			}})
		}
		if done, err := d.Import(t.Context(), pagesOf(all...), nil, importing.Options{}); err != nil || done.Added != pages {
			t.Fatal(done, err)
		}
	})
	if allocs > 200*pages {
		t.Errorf("%.0f allocations a page", allocs/pages)
	}
}
