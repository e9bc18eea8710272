package passwords_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

func benchEngine(b *testing.B) *passwords.Engine {
	b.Helper()
	e, err := passwords.Open(context.Background(), passwords.Config{
		Path: filepath.Join(b.TempDir(), "passwords.db"), Key: testKey, Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() })
	return e
}

const benchPage = 1000

// BenchmarkFirstDownload is Stage and Merge of records that are new here; its
// time is that of one record.
func BenchmarkFirstDownload(b *testing.B) {
	e := benchEngine(b)
	h := kind.Harness()
	ctx := b.Context()
	b.ReportAllocs()
	s, err := e.Begin(ctx, engine.Start{})
	if err != nil {
		b.Fatal(err)
	}
	page := make([]engine.Incoming, 0, benchPage)
	for i := 0; b.Loop(); i++ {
		if page = append(page, h.Incoming(i, 0)); len(page) == benchPage {
			if err := s.Stage(ctx, page); err != nil {
				b.Fatal(err)
			}
			page = page[:0]
		}
	}
	if err := s.Stage(ctx, page); err != nil {
		b.Fatal(err)
	}
	started := time.Now()
	if _, err := s.Merge(ctx, 1); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(started).Nanoseconds())/float64(b.N), "ns-merge/op")
}

// BenchmarkUpload is Merge, Outgoing and Uploaded of new logins, a record each.
func BenchmarkUpload(b *testing.B) {
	e := benchEngine(b)
	ctx := b.Context()
	for i := range 20_000 {
		if _, err := e.Add(ctx, passwords.Login{Hostname: fmt.Sprintf("https://site-%d.example", i), Username: "ann", Password: "pw"}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		if err := e.Reset(ctx, engine.Association{}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		s, err := e.Begin(ctx, engine.Start{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Merge(ctx, 1); err != nil {
			b.Fatal(err)
		}
		for _, batch := range []int{10_000, 10_000} { // as one commit of a server
			r := engine.Receipt{At: 2}
			for len(r.Stored) < batch {
				out, err := s.Outgoing(ctx, 250)
				if err != nil || len(out) == 0 {
					b.Fatal(out, err)
				}
				for _, o := range out {
					r.Stored = append(r.Stored, o.ID)
				}
			}
			if err := s.Uploaded(ctx, r); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.End(ctx, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20_000, "ns/record")
}

// BenchmarkImport is the import of a CSV file; its time is that of one row.
func BenchmarkImport(b *testing.B) {
	e := benchEngine(b)
	r, w := io.Pipe()
	go func() {
		_, err := io.WriteString(w, "url,username,password\n")
		for i := 0; i < b.N && err == nil; i++ {
			_, err = fmt.Fprintf(w, "%s,ann,pw\n", site(i))
		}
		w.CloseWithError(err)
	}()
	b.ReportAllocs()
	if _, err := e.ImportFrom(b.Context(), r, importing.Options{}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkReconcile is Stage and Merge of logins that are here already, as after
// a Reset; its time is that of a whole sync of 10,000.
func BenchmarkReconcile(b *testing.B) {
	e := benchEngine(b)
	h := kind.Harness()
	ctx := b.Context()
	const records = 10_000
	sync := func() {
		s, err := e.Begin(ctx, engine.Start{})
		if err != nil {
			b.Fatal(err)
		}
		page := make([]engine.Incoming, 0, benchPage)
		for i := range records {
			if page = append(page, h.Incoming(i, 0)); len(page) == benchPage {
				if err := s.Stage(ctx, page); err != nil {
					b.Fatal(err)
				}
				page = page[:0]
			}
		}
		if m, err := s.Merge(ctx, 1); err != nil || m.Outgoing != 0 {
			b.Fatal(m, err)
		}
		if err := s.End(ctx, nil); err != nil {
			b.Fatal(err)
		}
	}
	sync()
	for b.Loop() {
		if err := e.Reset(ctx, engine.Association{}); err != nil {
			b.Fatal(err)
		}
		sync()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
}
