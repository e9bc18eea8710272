package history

import (
	"encoding/json"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/ledger"
)

// newPage is a record of a page that nothing here can meet.
type newPage struct {
	in     *staged
	visits []visit
}

// insertNew inserts the pages of the chunk that are new by few statements: in a first sync that
// is nearly all of them. A page is new if this device has neither its ID nor its URL, knows of
// no deletion of it, and no other record of the chunk has the URL. The others follow one by one.
func (c *chunk) insertNew(page []staged) error {
	if len(page) < 2 {
		return nil
	}
	all := c.readable(page)
	if len(all) == 0 {
		return nil
	}
	all, err := c.unmet(all, urls(page))
	if err != nil || len(all) == 0 {
		return err
	}
	if err := c.insertPages(all); err != nil {
		return err
	}
	if c.early == nil {
		c.early = make(map[int64]bool, len(all))
	}
	for _, p := range all {
		if err := c.Read(c.tx.Tx.Tx, p.in.id); err != nil {
			return err
		}
		c.early[p.in.n] = true
		c.added = append(c.added, p.in.n)
		c.merged.Applied++
		c.merged.NoteChanged(p.in.id)
	}
	return nil
}

// readable are the records that can be read and stored, and have visits.
func (c *chunk) readable(page []staged) []newPage {
	all := make([]newPage, 0, len(page))
	for i := range page {
		in := &page[i]
		if in.err != nil || in.payload == nil {
			continue
		}
		r, err := c.record(in)
		if err != nil {
			continue
		}
		visits := distinct(c.uncleared(r.visits))
		if storable, syncable := storable(r.url); storable && syncable && len(visits) > 0 {
			all = append(all, newPage{in, visits})
		}
	}
	return all
}

// urls counts the records of each URL among those that were read.
func urls(page []staged) map[string]int {
	count := make(map[string]int, len(page))
	for i := range page {
		if r := page[i].record; r != nil {
			count[r.url]++
		}
	}
	return count
}

// unmet are those of the records that meet nothing here, nor each other. count has the records
// of each URL.
func (c *chunk) unmet(all []newPage, count map[string]int) ([]newPage, error) {
	urls := make([]string, len(all))
	for i, p := range all {
		urls[i] = p.in.record.url
	}
	known, err := c.tx.FindMany(urls)
	if err != nil {
		return nil, err
	}
	met, err := c.met(all)
	if err != nil {
		return nil, err
	}
	left := all[:0]
	for _, p := range all {
		if url := p.in.record.url; count[url] == 1 && known[url] == 0 && !met[p.in.id] {
			left = append(left, p)
		}
	}
	return left, nil
}

// met are the IDs of the records that a page has here, or that are known as deleted.
func (c *chunk) met(all []newPage) (map[engine.ID]bool, error) {
	rows, err := c.tx.Query(sqlMet, ledger.IDs(func(yield func(engine.ID) bool) {
		for _, p := range all {
			if !yield(p.in.id) {
				return
			}
		}
	}))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	met := make(map[engine.ID]bool)
	for rows.Next() {
		var id engine.ID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		met[id] = true
	}
	return met, rows.Err()
}

func (c *chunk) insertPages(all []newPage) error {
	pages := make([]fresh, len(all))
	for i, p := range all {
		rec := p.in.record
		r := &row{guid: p.in.id, url: rec.url, title: rec.title, synced: true, unknown: rec.unknown}
		for _, v := range p.visits {
			r.count(v)
		}
		pages[i] = fresh{r, p.visits}
	}
	return c.tx.insertPages(pages)
}

// unstageInserted drops the staged rows that were inserted before their turn, if the chunk
// ends before them.
func (c *chunk) unstageInserted() error {
	if len(c.added) == 0 || c.added[len(c.added)-1] <= c.done {
		return nil
	}
	list, err := json.Marshal(c.added)
	if err != nil {
		return err
	}
	_, err = c.tx.Exec(sqlUnstageSome, string(list))
	return err
}
