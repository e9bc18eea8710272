package bookmarks

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// ChangedRoots counts the roots among the Changes.
func (e *Engine) ChangedRoots(ctx context.Context) (n int, err error) {
	err = e.db.Read().QueryRowContext(ctx, `SELECT count(*) FROM bookmarks WHERE changes > 0 AND refused <> changes
		AND parent IS NOT NULL AND guid IN (SELECT value FROM json_each(?1))`, guidList(allRoots())).Scan(&n)
	return n, err
}

// Generation counts the edits and syncs of the tree.
func (e *Engine) Generation(ctx context.Context) (n int64, err error) {
	err = e.view(ctx, func(t *tx) error {
		m, err := t.meta()
		n = m.generation
		return err
	})
	return n, err
}

// WholeMerges counts the merges of the whole tree since Open.
func WholeMerges(e *Engine) int64 { return e.wholeMerges.Load() }

// PartialMerges counts the merges of a part of the tree since Open, and the items that they
// read on both sides.
func PartialMerges(e *Engine) (merges, items int64) {
	return e.partialMerges.Load(), e.itemsRead.Load()
}

// The ways of merging.
const (
	FastWay  = fastWay
	PartWay  = partWay
	WholeWay = wholeWay
)

// MergeWay is a way of merging.
type MergeWay = mergeWay

// SetFirstTry makes merges begin with a way.
func (e *Engine) SetFirstTry(way mergeWay) { e.firstTry = way }

// Damage runs a statement behind the engine's back.
func (e *Engine) Damage(ctx context.Context, query string) error {
	return e.db.Update(ctx, func(t *places.Tx) error { return execAll(t, query) })
}

// LocalID is localID.
func LocalID(id engine.ID) engine.ID { return localID(id) }

// SetAtOnce sets how many new items one transaction of a sync adds to the tree at most.
func (e *Engine) SetAtOnce(n int) { e.atOnce = n }

// Prefetch does of a sync what prefetch does, with a statement for each item if oneByOne is set.
func Prefetch(ctx context.Context, e *Engine, syncing engine.Session, oneByOne bool) error {
	s := syncing.(*session)
	if err := s.sort(ctx); err != nil {
		return err
	}
	var p *plan
	err := e.view(ctx, func(t *tx) (err error) { p, err = s.plan(t); return err })
	if err != nil {
		return err
	}
	if oneByOne {
		return s.prefetch(ctx, p, (*fullMerge).insertOneByOne)
	}
	return s.prefetch(ctx, p, (*fullMerge).insertSome)
}

func (w *fullMerge) insertOneByOne(at, max int) (next int, err error) {
	b := &planned{batch: batch{applier: w.applier}, plan: w.plan}
	if next, err = b.read(at, max); err != nil {
		return 0, err
	}
	var done []engine.ID
	for i, n := range b.nodes {
		parent := w.plan.merged.Nodes[n.Parent].GUID
		r := b.records[i]
		if r == nil || r.parent != parent || r.rewritten {
			continue
		}
		var here, folder int64
		for guid, n := range map[engine.ID]*int64{n.GUID: &here, parent: &folder} {
			if err := w.QueryRow(sqlRowOf, guid).Scan(n); notFoundIsNil(err) != nil {
				return 0, err
			}
		}
		if here != 0 || folder == 0 {
			continue
		}
		if _, err := w.insert(n.GUID, &r.record, r.at, folder, int(n.Position), false); err != nil {
			return 0, err
		}
		done = append(done, n.GUID)
	}
	if err := w.absorbSome(done); err != nil {
		return 0, err
	}
	_, err = w.Exec(sqlUnstageSome, guidList(done))
	return next, err
}

// Dump is all that the file holds, but for what is random: the GUIDs of pages.
func (e *Engine) Dump(ctx context.Context) (map[string][]string, error) {
	all := make(map[string][]string)
	for name, query := range map[string]string{
		"items": `SELECT b.guid, p.guid, b.position, b.kind, l.url, b.title, b.added, b.modified, b.extra, b.changes, b.refused, b.version, b.resend
			FROM bookmarks b LEFT JOIN bookmarks p ON p.n = b.parent LEFT JOIN places l ON l.id = b.place ORDER BY b.guid`,
		"places": `SELECT p.url, p.url_hash, o.prefix, o.host, o.rev_host, p.title, p.hidden, p.visits, p.frecency, p.bookmarks, p.bookmarked, p.bookmark_text
			FROM places p JOIN origins o ON o.id = p.origin ORDER BY p.url`,
		"origins":    `SELECT prefix, host, rev_host FROM origins ORDER BY prefix, host`,
		"tags":       `SELECT l.url, t.tag FROM bookmark_tags t JOIN places l ON l.id = t.place ORDER BY l.url, t.tag`,
		"keywords":   `SELECT l.url, k.keyword FROM bookmark_keywords k JOIN places l ON l.id = k.place ORDER BY l.url`,
		"tombstones": `SELECT guid, deleted, refused FROM bookmark_tombstones ORDER BY guid`,
		"mirror":     `SELECT guid, parent, kind, modified, merge, payload FROM bookmark_mirror ORDER BY guid`,
		"staged":     `SELECT id, payload, err FROM bookmark_staged ORDER BY id`,
		"outgoing":   `SELECT id, parent, kind, payload, changes, sortindex FROM bookmark_outgoing ORDER BY id`,
		"retry":      `SELECT id, attempts, reason, held, modified, payload FROM bookmark_retry ORDER BY id`,
		"log":        `SELECT l.run, l.added, l.changed, l.moved, l.deleted, l.repairs, u.guid, u.before, u.after, u.version FROM bookmark_log l JOIN bookmark_undo_items u ON u.log = l.n ORDER BY l.n, u.guid`,
		"search": `SELECT l.url, (SELECT count(*) FROM search WHERE search MATCH 'example'), (SELECT count(*) FROM search WHERE search MATCH 'item'),
			(SELECT count(*) FROM search WHERE search MATCH 'red'), (SELECT count(*) FROM search WHERE search MATCH 'k') FROM places l ORDER BY l.url LIMIT 1`,
	} {
		rows, err := e.db.Read().QueryContext(ctx, query)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			columns, err := rows.Columns()
			if err != nil {
				return nil, err
			}
			values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				return nil, err
			}
			line, err := json.Marshal(values)
			if err != nil {
				return nil, err
			}
			all[name] = append(all[name], string(line))
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Waited counts how often a transaction had to wait for another.
func (e *Engine) Waited() int64 { return e.db.File().WriterStats().WaitCount }
