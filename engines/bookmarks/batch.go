package bookmarks

import (
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// batch are new items that one transaction inserts by statements for many of them. Their folders
// are here.
type batch struct {
	*applier
	chosen []*newItem
}

// planned is a batch of what a merge decided to insert.
type planned struct {
	batch
	plan    *plan
	nodes   []*tree.Node
	records []*newItem // of nodes; nil: it did not come with this sync
}

// newItem is an item of a batch. n is its row, place the one of its URL.
type newItem struct {
	record
	at               engine.Timestamp
	n, folder, place int64
	position         int32
}

// maxBatch bounds the payloads that a batch holds in memory, in bytes.
const maxBatch = 4 << 20

// read reads the records of the next new items, at most max, and returns where to go on.
func (b *planned) read(at, max int) (next int, err error) {
	var guids []engine.ID
	var indexes []int
	nodes := b.plan.merged.Nodes
	for ; at < len(nodes) && len(b.nodes) < max; at++ {
		if n := &nodes[at]; n.Local < 0 && !n.Upload && n.Kind != tree.Livemark {
			b.nodes = append(b.nodes, n)
			guids = append(guids, n.GUID)
			indexes = append(indexes, at)
		}
	}
	b.records = make([]*newItem, len(b.nodes))
	rows, err := b.Query(sqlStagedSome, guidList(guids))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for bytes := 0; rows.Next(); {
		var i int
		var payload []byte
		in := &newItem{}
		if err := rows.Scan(&i, &payload, &in.at); err != nil {
			return 0, err
		}
		if in.record, err = parseRecord(guids[i], payload, in.at); err != nil {
			return 0, err
		}
		b.records[i] = in
		if bytes += len(payload); bytes > maxBatch && i+1 < len(b.nodes) {
			at = indexes[i+1]
			b.nodes, b.records = b.nodes[:i+1], b.records[:i+1]
			break
		}
	}
	return at, rows.Err()
}

// choose chooses the items that the merge does not have to repair, whose folders are here,
// and gives them their rows.
func (b *planned) choose() error {
	var wanted []engine.ID
	var asked engine.ID
	for i, n := range b.nodes {
		parent := b.plan.merged.Nodes[n.Parent].GUID
		if r := b.records[i]; r == nil || r.parent != parent || r.rewritten {
			b.records[i] = nil // its GUID, its folder or its value is being repaired
			continue
		}
		if parent != asked { // siblings follow each other
			wanted, asked = append(wanted, parent), parent
		}
		wanted = append(wanted, n.GUID)
	}
	here, err := b.rowsOf(wanted)
	if err != nil {
		return err
	}
	last, err := b.lastRow()
	if err != nil {
		return err
	}
	for i, n := range b.nodes {
		r := b.records[i]
		if r == nil || here[n.GUID] != 0 {
			continue // the user has an item under the GUID meanwhile
		}
		if r.folder = here[r.parent]; r.folder == 0 {
			continue // the user has deleted it meanwhile, or it was not inserted
		}
		last++
		r.n, r.position = last, n.Position
		here[n.GUID] = last
		b.chosen = append(b.chosen, r)
	}
	return nil
}

// lastRow returns the largest row number of the user's items.
func (t *tx) lastRow() (last int64, err error) {
	err = t.QueryRow(sqlLastRow).Scan(&last)
	return last, err
}

// rowsOf returns the rows of the user's items with GUIDs.
func (t *tx) rowsOf(guids []engine.ID) (map[engine.ID]int64, error) {
	rows, err := t.Query(sqlRowsOf, guidList(guids))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[engine.ID]int64)
	for rows.Next() {
		var guid engine.ID
		var n int64
		if err := rows.Scan(&guid, &n); err != nil {
			return nil, err
		}
		found[guid] = n
	}
	return found, rows.Err()
}

// write inserts the items.
func (b *batch) write() error {
	if err := b.bookmark(); err != nil {
		return err
	}
	return b.insert()
}

// bookmark finds the places of the items' URLs, and makes those that are new. A new place of a
// single item gets the item's tags at once; what else records say of a URL's tags and keyword
// is merged as always; see applyLabels.
func (b *batch) bookmark() error {
	var urls []string
	count := make(map[string]int)
	for _, r := range b.chosen {
		if r.url != "" {
			urls = append(urls, r.url)
			count[r.url]++
		}
	}
	known, err := b.FindMany(urls)
	if err != nil {
		return err
	}
	var fresh []places.Fresh
	made := make(map[string]int) // by URL, where in fresh
	for _, r := range b.chosen {
		_, before := made[r.url]
		if r.url == "" || known[r.url] != 0 || before {
			continue
		}
		text := r.title
		if len(r.tags) > 0 && r.simple(count) {
			text += " " + strings.Join(r.tags, " ")
		}
		made[r.url] = len(fresh)
		fresh = append(fresh, places.Fresh{URL: r.url, Bookmarked: places.Bookmarked{Count: 1, Added: r.added * 1000, Text: text}})
	}
	if err := b.InsertBookmarked(fresh); err != nil {
		return err
	}
	var tags []any
	for _, r := range b.chosen {
		if r.url == "" {
			continue
		}
		i, isNew := made[r.url]
		if r.place = known[r.url]; isNew {
			r.place = fresh[i].ID
		}
		if isNew && r.simple(count) {
			for _, tag := range r.tags {
				tags = append(tags, r.place, tag)
			}
			continue
		}
		b.stale(r.place)
		b.label(r.place, &r.record, r.at, nil, false)
	}
	return b.InsertMany(sqlAddTags, 2, tags)
}

// simple reports whether an item's record is all that a new place has.
func (r *newItem) simple(count map[string]int) bool { return count[r.url] == 1 && r.keyword == "" }

func (b *batch) insert() error {
	const columns = 11
	args := make([]any, 0, len(b.chosen)*columns)
	for _, r := range b.chosen {
		var place any
		if r.place != 0 {
			place = r.place
		}
		changes := 0
		if b.revived[r.guid] { // the other devices know the deletion as well
			changes = 1
		}
		args = append(args, r.n, string(r.guid), r.folder, int64(r.position), int64(r.kind), place, r.title, r.added, int64(r.at)*10, text0(r.extra), changes)
		b.undo.add(r.guid)
		b.touched[r.guid] = struct{}{}
		b.correctDate(r.n, &r.record, r.added)
	}
	return b.InsertMany(sqlInsertMany, columns, args)
}
