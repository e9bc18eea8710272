package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/long"

	"pgregory.net/rapid"
)

// batchCase is a device with a past, and what a sync brings to it.
type batchCase struct {
	*rapid.T
	clock time.Time
}

func (c *batchCase) open(path string, seed byte) *Engine {
	e, err := Open(context.Background(), Config{Path: path, Now: func() time.Time { return c.clock }, Rand: rand.NewChaCha8([32]byte{seed})})
	c.must(err)
	return e
}

func (c *batchCase) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *batchCase) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(c.T, label)
}

// page is a URL of a few.
func (c *batchCase) page(most int) string {
	return fmt.Sprintf("https://%sexample.org/%d", c.pick("host", "", "www.", "a."), rapid.IntRange(0, most).Draw(c.T, "page"))
}

// records are random ones of an account whose IDs are few, so that they meet each other.
func (c *batchCase) records(most int) (in []engine.Incoming) {
	used := make(map[engine.ID]bool)
	for range rapid.IntRange(0, 30).Draw(c.T, "records") {
		r := engine.Incoming{ID: engine.ID(fmt.Sprintf("page%08d", rapid.IntRange(0, 40).Draw(c.T, "id")))}
		if used[r.ID] {
			continue
		}
		used[r.ID] = true
		r.Modified = engine.Timestamp(c.clock.UnixMilli()/10) + engine.Timestamp(rapid.IntRange(-5000, 100).Draw(c.T, "modified"))
		switch c.pick("record", "page", "page", "page", "page", "page", "tombstone", "damaged", "newer", "empty", "private") {
		case "tombstone":
		case "damaged":
			r.Err = errors.New("it cannot be decrypted")
		case "newer":
			r.Payload = fmt.Appendf(nil, `{"id":%q,"histUri":7}`, r.ID)
		case "empty":
			r.Payload = fmt.Appendf(nil, `{"id":%q,"histUri":%q,"title":"none","visits":[]}`, r.ID, c.page(most))
		case "private":
			r.Payload = fmt.Appendf(nil, `{"id":%q,"histUri":"about:config","title":"none","visits":[{"date":1700000000000000,"type":1}]}`, r.ID)
		default:
			type visit = map[string]any
			var visits []visit
			for range rapid.IntRange(1, 4).Draw(c.T, "visits") {
				v := visit{"date": c.clock.UnixMicro() - int64(rapid.IntRange(-10, 40).Draw(c.T, "ago"))*500, "type": rapid.IntRange(0, 9).Draw(c.T, "kind")}
				if c.pick("more", "", "", "yes") != "" {
					v["future"] = 1
				}
				visits = append(visits, v)
			}
			payload := map[string]any{"id": string(r.ID), "histUri": c.page(most), "title": c.pick("title", "", "Das Élan", "a title"), "visits": visits}
			if c.pick("unknown", "", "", "yes") != "" {
				payload["future"] = "x"
			}
			r.Payload, _ = json.Marshal(payload)
		}
		in = append(in, r)
	}
	return in
}

func (c *batchCase) sync(e *Engine, in []engine.Incoming) engine.Merged {
	ctx := context.Background()
	s, err := e.Begin(ctx, engine.Start{Run: "run " + c.clock.String(), AcceptDeletions: true})
	c.must(err)
	c.must(s.Stage(ctx, in))
	m, err := s.Merge(ctx, engine.Timestamp(c.clock.UnixMilli()/10))
	c.must(err)
	c.must(s.End(ctx, nil))
	return m
}

// past is what the user did before, partly with what an earlier sync brought.
func (c *batchCase) past(e *Engine) {
	ctx := context.Background()
	if c.pick("synced", "", "yes") != "" {
		c.sync(e, c.records(15))
	}
	for range rapid.IntRange(0, 8).Draw(c.T, "edits") {
		c.clock = c.clock.Add(time.Second)
		switch c.pick("edit", "visit", "visit", "delete", "clear", "reset") {
		case "visit":
			_, err := e.AddVisit(ctx, c.page(15), c.pick("my title", "", "mine"), Visit{})
			c.must(err)
		case "delete":
			for p, err := range e.List(ctx) {
				c.must(err)
				c.must(e.Delete(ctx, p.ID))
				break
			}
		case "clear":
			if c.pick("clear", "", "", "", "yes") != "" {
				_, err := e.ClearLocal(ctx)
				c.must(err)
			}
		case "reset":
			c.must(e.Reset(ctx, engine.Association{}))
		}
	}
}

// dump is all that the file holds.
func (c *batchCase) dump(e *Engine) map[string][]string {
	all := make(map[string][]string)
	for name, query := range map[string]string{
		"pages": `SELECT p.guid, p.url, p.url_hash, o.prefix, o.host, o.rev_host, p.title, p.hidden, p.typed, p.visits, p.last_visit, p.frecency, p.syncable,
			p.changes, p.refused, p.synced, p.base_title, p.edited, p.unknown, p.preview FROM places p JOIN origins o ON o.id = p.origin ORDER BY p.url`,
		"origins":    `SELECT prefix, host FROM origins ORDER BY prefix, host`,
		"visits":     `SELECT p.url, v.date, v.type, v.unknown, v.flags, v.referrer FROM visits v JOIN places p ON p.id = v.place ORDER BY p.url, v.date, v.type`,
		"deleted":    `SELECT guid, deleted, seen FROM history_tombstones ORDER BY guid`,
		"tombstones": `SELECT store, id, account, at FROM tombstones ORDER BY id`,
		"staged":     `SELECT id FROM history_staged ORDER BY id`,
		"outgoing":   `SELECT id, payload, title, changes FROM history_outgoing ORDER BY id`,
		"retry":      `SELECT id, attempts, reason, held, modified, payload FROM history_retry ORDER BY id`,
		"log":        `SELECT l.run, l.deleted, u.guid, u.url, u.first, u.last, u.record FROM history_log l JOIN history_undo_items u ON u.log = l.n ORDER BY l.run, u.guid`,
		"search": `SELECT (SELECT count(*) FROM search WHERE search MATCH 'example'), (SELECT count(*) FROM search WHERE search MATCH 'elan'),
			(SELECT count(*) FROM search WHERE search MATCH 'title')`,
	} {
		rows, err := e.db.Read().QueryContext(context.Background(), query)
		c.must(err)
		for rows.Next() {
			columns, err := rows.Columns()
			c.must(err)
			values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			c.must(rows.Scan(into...))
			line, err := json.Marshal(values)
			c.must(err)
			all[name] = append(all[name], string(line))
		}
		c.must(rows.Err())
	}
	return all
}

// Pages that few statements insert are what they are if each is inserted by itself. A batch of
// one record is never one of those.
func TestABatchIsWhatSingleInsertsAre(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	long.Check(t, 100, func(rt *rapid.T) {
		c := &batchCase{T: rt, clock: time.UnixMicro(1_795_370_000_000_000)}
		dir, err := os.MkdirTemp(root, "")
		c.must(err)
		path := filepath.Join(dir, "past.sqlite")
		e := c.open(path, 1)
		c.past(e)
		c.must(e.Close())
		file, err := os.ReadFile(path)
		c.must(err)
		in := c.records(60)
		var dumps []map[string][]string
		var results []engine.Merged
		for _, size := range []int{1, rapid.SampledFrom([]int{2, 5, 1000}).Draw(rt, "batch")} {
			copied := filepath.Join(dir, fmt.Sprint(size))
			c.must(os.WriteFile(copied, file, 0o600))
			e := c.open(copied, 2)
			e.setBatch(size)
			m := c.sync(e, in)
			slices.Sort(m.Changed)
			m.Problems = nil
			results, dumps = append(results, m), append(dumps, c.dump(e))
			c.must(e.Close())
		}
		for _, name := range slices.Sorted(maps.Keys(dumps[1])) {
			if !slices.Equal(dumps[0][name], dumps[1][name]) {
				rt.Errorf("%s are\n%q\none by one:\n%q", name, dumps[1][name], dumps[0][name])
			}
		}
		if a, b := fmt.Sprintf("%+v", results[0]), fmt.Sprintf("%+v", results[1]); a != b {
			rt.Errorf("the sync did %s\none by one %s", b, a)
		}
	})
}
