package mirror

import (
	"context"
	"fmt"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// BenchmarkFirstDownload is Stage and Merge of 10,000 records that are new here, and of
// which no rule asks anything.
func BenchmarkFirstDownload(b *testing.B) {
	var page []engine.Incoming
	for i := range 10_000 {
		id := engine.ID(fmt.Sprintf("remote-%06d", i))
		payload := fmt.Appendf(nil, `{"id":%q,"title":"%d","text":"a few words","by":{"name":"ann","email":"ann@example.org"}}`, id, i)
		page = append(page, engine.Incoming{ID: id, Modified: 1, Payload: payload})
	}
	c := openTest(b, Schema[testRecord]{Collection: "test", Version: 1})
	ctx := context.Background()
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		b.StopTimer()
		must(c.Wipe(ctx))
		b.StartTimer()
		s, err := c.Begin(ctx, engine.Start{})
		must(err)
		must(s.Stage(ctx, page))
		_, err = s.Merge(ctx, 1)
		must(err)
		must(s.End(ctx, nil))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(page)), "ns/record")
}
