package interop_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// reader is a device with a history: ours or a real Firefox.
type reader interface {
	name() string
	// syncHistory returns how many records were uploaded.
	syncHistory(t *testing.T) (sent int)
	visit(t *testing.T, pages ...firefoxsync.Page)
	forget(t *testing.T, urls ...string)
	forgetHost(t *testing.T, host string)
	forgetTime(t *testing.T, from, to time.Time)
	// pages maps URLs to pages; a visit's time is in milliseconds, which is what
	// Firefox keeps.
	pages(t *testing.T) map[string]firefoxsync.Page
}

func (s ourSide) syncHistory(t *testing.T) int {
	t.Helper()
	r, err := s.Manager.Sync(t.Context(), syncmanager.Options{Engines: []string{"history"}})
	h := r.Engines["history"]
	if err != nil || h.Status != syncmanager.StatusOK || h.Failed > 0 {
		t.Fatalf("our sync ended with %v: %+v", err, h)
	}
	return h.Uploaded
}

func (s ourSide) visit(t *testing.T, pages ...firefoxsync.Page) {
	t.Helper()
	for _, p := range pages {
		for _, v := range p.Visits {
			_, err := s.History.AddVisit(t.Context(), p.URL, p.Title, history.Visit{At: time.UnixMicro(v.Time), Type: history.Transition(v.Transition)})
			check(t, err)
		}
	}
}

func (s ourSide) forget(t *testing.T, urls ...string) {
	t.Helper()
	for _, url := range urls {
		_, err := s.History.DeleteURL(t.Context(), url)
		check(t, err)
	}
}

func (s ourSide) forgetHost(t *testing.T, host string) {
	t.Helper()
	_, err := s.History.DeleteHost(t.Context(), host)
	check(t, err)
}

func (s ourSide) forgetTime(t *testing.T, from, to time.Time) {
	t.Helper()
	_, err := s.History.DeleteBetween(t.Context(), history.Between{From: from, To: to})
	check(t, err)
}

func (s ourSide) pages(t *testing.T) map[string]firefoxsync.Page {
	t.Helper()
	all := map[string]firefoxsync.Page{}
	for p, err := range s.History.List(t.Context()) {
		check(t, err)
		all[p.URL] = firefoxsync.Page{}
	}
	for url := range all {
		p, err := s.History.GetURL(t.Context(), url)
		check(t, err)
		page := firefoxsync.Page{GUID: string(p.ID), URL: p.URL, Title: p.Title, Typed: p.TypedCount > 0, Hidden: p.Hidden}
		for _, v := range slices.Backward(p.Visits) {
			page.Visits = append(page.Visits, firefoxsync.Visit{Time: v.At.UnixMilli(), Transition: int(v.Type)})
		}
		all[url] = page
	}
	return all
}

func (s theirSide) syncHistory(t *testing.T) int {
	t.Helper()
	r, err := s.Sync(t.Context(), "history")
	check(t, err)
	h := r.Engines["history"]
	if h.Failed+h.SendFailed > 0 {
		t.Fatalf("Firefox's sync ended with %+v", h)
	}
	return h.Sent
}

func (s theirSide) visit(t *testing.T, pages ...firefoxsync.Page) {
	t.Helper()
	check(t, s.AddVisits(t.Context(), pages...))
}

func (s theirSide) forget(t *testing.T, urls ...string) {
	t.Helper()
	check(t, s.RemovePages(t.Context(), urls...))
}

func (s theirSide) forgetHost(t *testing.T, host string) {
	t.Helper()
	check(t, s.RemoveHost(t.Context(), host))
}

func (s theirSide) forgetTime(t *testing.T, from, to time.Time) {
	t.Helper()
	check(t, s.RemoveVisits(t.Context(), from.UnixMicro(), to.UnixMicro()-1000))
}

func (s theirSide) pages(t *testing.T) map[string]firefoxsync.Page {
	t.Helper()
	list, err := s.History(t.Context())
	check(t, err)
	all := map[string]firefoxsync.Page{}
	for _, p := range list {
		p.Frecency = 0
		for i := range p.Visits {
			p.Visits[i].Time /= 1000
		}
		if !p.Hidden {
			all[p.URL] = p
		}
	}
	return all
}

// page is a page with visits so many minutes after start.
func page(start time.Time, url, title string, transition int, minutes ...int) firefoxsync.Page {
	p := firefoxsync.Page{URL: url, Title: title}
	for _, m := range minutes {
		p.Visits = append(p.Visits, firefoxsync.Visit{Time: start.Add(time.Duration(m) * time.Minute).UnixMicro(), Transition: transition})
	}
	return p
}

// settleHistory syncs until both have sent everything, and fails the test unless they then have
// the same pages, except those that are not synced.
func settleHistory(t *testing.T, a, b reader) map[string]firefoxsync.Page {
	t.Helper()
	a.syncHistory(t)
	b.syncHistory(t)
	a.syncHistory(t)
	one, two := a.pages(t), b.pages(t)
	for _, all := range []map[string]firefoxsync.Page{one, two} {
		maps.DeleteFunc(all, func(url string, _ firefoxsync.Page) bool {
			return strings.HasPrefix(url, "file:") || strings.HasSuffix(url, "/download")
		})
	}
	for _, url := range slices.Sorted(maps.Keys(one)) {
		if x, y := fmt.Sprintf("%+v", one[url]), fmt.Sprintf("%+v", two[url]); x != y {
			t.Errorf("%s has %s\n%s has %s", a.name(), x, b.name(), y)
		}
	}
	for url := range two {
		if _, ok := one[url]; !ok {
			t.Errorf("%s alone has %s", b.name(), url)
		}
	}
	if n := b.syncHistory(t); n > 0 {
		t.Errorf("%s sent %d records although all was said", b.name(), n)
	}
	if n := a.syncHistory(t); n > 0 {
		t.Errorf("%s sent %d records although all was said", a.name(), n)
	}
	return one
}

// counts returns the number of visits of each page of a host.
func counts(pages map[string]firefoxsync.Page, host string) map[string]int {
	n := map[string]int{}
	for url, p := range pages {
		if path, ok := strings.CutPrefix(url, "https://"+host+"/"); ok {
			n[path] = len(p.Visits)
		}
	}
	return n
}

// TestHistory runs the stories of a history with Firefox on either side.
func TestHistory(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	ff, we := theirSide{firefox(t, w)}, ourSide{w.Browser("our device", ann)}
	start := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	// Both visited the same page before their first sync.
	const same = "https://same.example/"
	ff.visit(t, page(start, same, "Same", 1, 1, 2))
	we.visit(t, page(start, same, "Same", 2, 2, 3))
	ff.syncHistory(t)
	pages := settleHistory(t, we, ff)
	if p := pages[same]; len(p.Visits) != 4 || !p.Typed {
		t.Errorf("the page that both have been to is %+v", p)
	}
	t.Run("Firefox first", func(t *testing.T) { tellHistory(t, start.Add(-48*time.Hour), ff, we) })
	t.Run("we first", func(t *testing.T) { tellHistory(t, start.Add(-96*time.Hour), we, ff) })
}

// tellHistory goes through the changes of pages of one host.
func tellHistory(t *testing.T, start time.Time, one, two reader) {
	host := strings.ToLower(one.name()) + ".example"
	url := func(path string) string { return "https://" + host + "/" + path }
	want := func(t *testing.T, pages map[string]firefoxsync.Page, want map[string]int) {
		t.Helper()
		if got := counts(pages, host); !maps.Equal(got, want) {
			t.Errorf("there are visits %v, want %v", got, want)
		}
	}
	many := make([]int, 30)
	for i := range many {
		many[i] = 100 + i
	}

	t.Run("visits of all kinds", func(t *testing.T) {
		one.visit(t,
			page(start, url("link"), "Línk", 1, 1), page(start, url("typed?q=a%20b#c"), "Typed", 2, 2, 3), page(start, url("bookmark"), "", 3, 4),
			page(start, url("reload"), "R", 9, 5), page(start, url("link"), "Línk", 3, 6),
		)
		pages := settleHistory(t, one, two)
		want(t, pages, map[string]int{"link": 2, "typed?q=a%20b#c": 2, "bookmark": 1, "reload": 1})
	})
	t.Run("both visit the same pages", func(t *testing.T) {
		one.visit(t, page(start, url("link"), "Link", 1, 10, 11))
		two.visit(t, page(start, url("link"), "Link", 2, 11, 12), page(start, url("reload"), "R", 9, 13))
		one.syncHistory(t)
		two.syncHistory(t)
		one.syncHistory(t)
		// A Firefox with a later visit ignores the other's record, and receives its visits with
		// the next record.
		one.visit(t, page(start, url("link"), "Link", 1, 14))
		pages := settleHistory(t, one, two)
		want(t, pages, map[string]int{"link": 7, "typed?q=a%20b#c": 2, "bookmark": 1, "reload": 2})
	})
	t.Run("both discover the same page", func(t *testing.T) {
		one.visit(t, page(start, url("both"), "Both", 1, 11, 12))
		two.visit(t, page(start, url("both"), "Both", 1, 12, 14))
		one.syncHistory(t)
		two.syncHistory(t)
		one.syncHistory(t)
		// A Firefox that syncs second takes the other's ID for the page, and sends its own
		// visits when there is a new one.
		two.visit(t, page(start, url("both"), "Both", 1, 15))
		pages := settleHistory(t, two, one)
		want(t, pages, map[string]int{"link": 7, "typed?q=a%20b#c": 2, "bookmark": 1, "reload": 2, "both": 4})
	})
	t.Run("one deletes", func(t *testing.T) {
		one.forget(t, url("bookmark"), url("reload"))
		pages := settleHistory(t, one, two)
		want(t, pages, map[string]int{"link": 7, "typed?q=a%20b#c": 2, "both": 4})
	})
	t.Run("one deletes what the other visits", func(t *testing.T) {
		one.forget(t, url("both"))
		two.visit(t, page(start, url("both"), "Both", 1, 20))
		pages := settleHistory(t, one, two)
		// Our device keeps the visited page. For Firefox both changes were in the same second,
		// and either may win.
		_, stays := pages[url("both")]
		if _, ours := two.(ourSide); ours && !stays {
			t.Errorf("the pages are %v", counts(pages, host))
		}
	})
	t.Run("one deletes a time", func(t *testing.T) {
		one.visit(t, page(start, url("then"), "Then", 1, 41, 42))
		settleHistory(t, one, two)
		one.forgetTime(t, start.Add(40*time.Minute), start.Add(50*time.Minute))
		pages := settleHistory(t, one, two)
		if p, ok := pages[url("then")]; ok {
			t.Errorf("there is still %+v", p)
		}
	})
	t.Run("many visits", func(t *testing.T) {
		one.visit(t, page(start, url("many"), "Many", 1, many...))
		one.syncHistory(t)
		two.syncHistory(t)
		if n := len(two.pages(t)[url("many")].Visits); n != 20 {
			t.Errorf("%d of 30 visits came, want the last 20", n)
		}
		if a, b := one.syncHistory(t), two.syncHistory(t); a+b > 0 {
			t.Errorf("%d and %d records were sent although all was said", a, b)
		}
		one.forget(t, url("many"))
		settleHistory(t, one, two)
	})
	t.Run("a host goes", func(t *testing.T) {
		two.forgetHost(t, host)
		pages := settleHistory(t, two, one)
		want(t, pages, map[string]int{})
	})
	t.Run("what stays", func(t *testing.T) {
		secret := []string{url("download"), "file:///home/ann/" + one.name()}
		one.visit(t, page(start, secret[0], "D", 7, 1), page(start, secret[1], "S", 1, 2), page(start, url("frame"), "F", 8, 3))
		one.syncHistory(t)
		two.syncHistory(t)
		got := two.pages(t)
		for _, url := range append(secret, url("frame")) {
			if p, ok := got[url]; ok {
				t.Errorf("%s has %+v", two.name(), p)
			}
		}
	})
	t.Run("hundreds of pages", func(t *testing.T) {
		var hundreds []firefoxsync.Page
		for i := range 400 {
			hundreds = append(hundreds, page(start, url(fmt.Sprint("p", i)), fmt.Sprint("Page ", i), 1+i%3, i, i+1))
		}
		one.visit(t, hundreds...)
		pages := settleHistory(t, one, two)
		if n := len(counts(pages, host)); n != 400 {
			t.Errorf("there are %d pages", n)
		}
	})
	t.Run("a visit's microseconds", func(t *testing.T) {
		precise := firefoxsync.Page{URL: url("precise"), Title: "P", Visits: []firefoxsync.Visit{{Time: start.UnixMicro() + 123_456, Transition: 1}}}
		one.visit(t, precise)
		one.syncHistory(t)
		two.syncHistory(t)
		two.visit(t, page(start, url("precise"), "P", 1, 1))
		pages := settleHistory(t, two, one)
		if p := pages[url("precise")]; len(p.Visits) != 2 {
			t.Errorf("the page is %+v", p)
		}
	})
}
