package history_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/history"
)

const (
	benchPage   = 1000
	benchVisits = 4
)

// benchRecord is a page like those of a real history: a few hundred hosts, titles
// of six words, four visits.
func benchRecord(i int) engine.Incoming {
	id := engine.ID(fmt.Sprintf("p%011d", i))
	visits := ""
	for v := range benchVisits {
		if v > 0 {
			visits += ","
		}
		visits += at(time.Duration(i%500_000)*time.Second+time.Duration(v)*time.Hour, 1)
	}
	return engine.Incoming{ID: id, Modified: 179_537_000_000, Payload: fmt.Appendf(nil,
		`{"id":"%s","histUri":"https://www.host-%d.example/articles/%d/some-words-%d.html","title":"An article about number %d and more","visits":[%s]}`,
		id, i%700, i%91, i, i, visits)}
}

func stageAll(b *testing.B, s engine.Session, n int) {
	page := make([]engine.Incoming, 0, benchPage)
	for i := range n {
		if page = append(page, benchRecord(i)); len(page) == benchPage || i == n-1 {
			if err := s.Stage(b.Context(), page); err != nil {
				b.Fatal(err)
			}
			page = page[:0]
		}
	}
}

// BenchmarkFirstDownload is Stage and Merge of pages that are new here; its time
// is that of one page with its visits.
func BenchmarkFirstDownload(b *testing.B) {
	e := open(b, b.TempDir())
	defer e.Close()
	b.ReportAllocs()
	s, err := e.Begin(b.Context(), engine.Start{})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	page := make([]engine.Incoming, 0, benchPage)
	for b.Loop() {
		if page = append(page, benchRecord(n)); len(page) == benchPage {
			if err := s.Stage(b.Context(), page); err != nil {
				b.Fatal(err)
			}
			page = page[:0]
		}
		n++
	}
	if err := s.Stage(b.Context(), page); err != nil {
		b.Fatal(err)
	}
	started := time.Now()
	if _, err := s.Merge(b.Context(), 179_537_000_100); err != nil {
		b.Fatal(err)
	}
	took := time.Since(started)
	b.ReportMetric(float64(took.Nanoseconds())/float64(n), "ns-merge/op")
	b.ReportMetric(float64(took.Nanoseconds())/float64(n*benchVisits), "ns-merge/visit")
}

// BenchmarkReconcile is Stage and Merge of 10,000 pages that are here already.
func BenchmarkReconcile(b *testing.B) {
	e := open(b, b.TempDir())
	defer e.Close()
	const pages = 10_000
	sync := func() {
		s, err := e.Begin(b.Context(), engine.Start{})
		if err != nil {
			b.Fatal(err)
		}
		stageAll(b, s, pages)
		if m, err := s.Merge(b.Context(), 179_537_000_100); err != nil || m.Outgoing != 0 {
			b.Fatal(m, err)
		}
		if err := s.End(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
	}
	sync()
	for b.Loop() {
		if err := e.Reset(b.Context(), engine.Association{}); err != nil {
			b.Fatal(err)
		}
		sync()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/pages, "ns/page")
}

// BenchmarkOneChange is a whole sync after one visit, among 20,000 pages: it must
// not grow with them.
func BenchmarkOneChange(b *testing.B) {
	e := open(b, b.TempDir())
	defer e.Close()
	s, err := e.Begin(b.Context(), engine.Start{})
	if err != nil {
		b.Fatal(err)
	}
	stageAll(b, s, 20_000)
	if _, err := s.Merge(b.Context(), 179_537_000_100); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if _, err := e.AddVisit(b.Context(), "https://www.host-3.example/", "", history.Visit{At: now.Add(-time.Duration(i) * time.Millisecond)}); err != nil {
			b.Fatal(err)
		}
		s, err := e.Begin(b.Context(), engine.Start{})
		if err != nil {
			b.Fatal(err)
		}
		if m, err := s.Merge(b.Context(), 179_537_000_200); err != nil || m.Outgoing != 1 {
			b.Fatal(m, err)
		}
		out, err := s.Outgoing(b.Context(), 10)
		if err != nil || len(out) != 1 {
			b.Fatal(out, err)
		}
		if err := s.Uploaded(b.Context(), engine.Receipt{At: 179_537_000_300, Stored: []engine.ID{out[0].ID}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkImport is the import of pages that are new here; its time is that of one page with
// its visits.
func BenchmarkImport(b *testing.B) {
	e := open(b, b.TempDir())
	defer e.Close()
	b.ReportAllocs()
	source := func(yield func(history.Page, error) bool) {
		for i := 0; b.Loop(); i++ {
			p := history.Page{
				URL:   fmt.Sprintf("https://www.host-%d.example/articles/%d/some-words-%d.html", i%700, i%91, i),
				Title: fmt.Sprintf("An article about number %d and more", i),
			}
			for v := range benchVisits {
				p.Visits = append(p.Visits, history.Visit{At: now.Add(-time.Duration(i%500_000)*time.Second - time.Duration(v)*time.Hour), Type: history.Link})
			}
			if !yield(p, nil) {
				return
			}
		}
	}
	done, err := e.Import(b.Context(), source, nil, importing.Options{})
	if err != nil || done.Added != b.N {
		b.Fatal(done, err)
	}
}
