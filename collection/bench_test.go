package collection_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
)

const benchRecords = 10_000

func benchNotes(b *testing.B, o collection.Options[note]) engine.Engine {
	b.Helper()
	o.Path = filepath.Join(b.TempDir(), "x.db")
	e, err := collection.Open(context.Background(), "test-notes", o)
	check(b, err)
	b.Cleanup(func() { check(b, e.Close()) })
	return e
}

// BenchmarkFirstDownload is Stage and Merge of 10,000 records that are new here: by
// a collection, and by one with rules. That of internal/mirror is what they build on.
func BenchmarkFirstDownload(b *testing.B) {
	var page []engine.Incoming
	for i := range benchRecords {
		id := engine.ID(fmt.Sprintf("remote-%06d", i))
		payload, err := json.Marshal(note{ID: id, Title: fmt.Sprint(i), Text: "a few words", By: author{"ann", "ann@example.org"}})
		check(b, err)
		page = append(page, engine.Incoming{ID: id, Modified: 1, Payload: payload})
	}
	for _, c := range []struct {
		name string
		open func() engine.Engine
	}{
		{"collection", func() engine.Engine { return benchNotes(b, collection.Options[note]{}) }},
		{"collection with Valid and Same", func() engine.Engine {
			return benchNotes(b, collection.Options[note]{Valid: hasTitle, Same: func(n note) string { return n.Title }})
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := c.open()
			for b.Loop() {
				b.StopTimer()
				check(b, e.Wipe(b.Context()))
				b.StartTimer()
				s, err := e.Begin(b.Context(), engine.Start{})
				check(b, err)
				check(b, s.Stage(b.Context(), page))
				if m, err := s.Merge(b.Context(), 2); err != nil || m.Applied != benchRecords {
					b.Fatal(m, err)
				}
				check(b, s.End(b.Context(), nil))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
		})
	}
}

// BenchmarkMerge is Stage and Merge of 2,000 records of which both sides changed a field,
// by a collection with rules.
func BenchmarkMerge(b *testing.B) {
	const records = 2000
	e := benchNotes(b, collection.Options[note]{Valid: hasTitle, Same: func(n note) string { return n.Title }}).(*collection.Engine[note])
	page := func(text string, at engine.Timestamp) (page []engine.Incoming) {
		for i := range records {
			n := note{ID: engine.ID(fmt.Sprintf("remote-%06d", i)), Title: fmt.Sprint(i), Text: text, By: author{"ann", "ann@example.org"}}
			payload, err := json.Marshal(n)
			check(b, err)
			page = append(page, engine.Incoming{ID: n.ID, Modified: at, Payload: payload})
		}
		return page
	}
	sync := func(in []engine.Incoming, at engine.Timestamp) {
		s, err := e.Begin(b.Context(), engine.Start{})
		check(b, err)
		check(b, s.Stage(b.Context(), in))
		_, err = s.Merge(b.Context(), at)
		check(b, err)
		check(b, s.End(b.Context(), nil))
	}
	before, after := page("a few words", 1), page("a few other words", 2)
	for b.Loop() {
		b.StopTimer()
		check(b, e.Wipe(b.Context()))
		sync(before, 1)
		check(b, e.Edit(b.Context(), func(tx *collection.Tx[note]) error {
			for _, in := range before {
				n, err := tx.Get(in.ID)
				if err != nil {
					return err
				}
				n.By.Name = "bob"
				if err := tx.Update(&n); err != nil {
					return err
				}
			}
			return nil
		}))
		b.StartTimer()
		sync(after, 2)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
}
