package history

import "github.com/syncmanager/syncmanager/engines/internal/places"

// fresh is a page that is not here yet. Its row has an ID, and counts the visits.
type fresh struct {
	row    *row
	visits []visit
}

// insertPages inserts pages with their visits by few statements. There must be none with one
// of the IDs or URLs, and each URL must be there once.
func (t *tx) insertPages(all []fresh) error {
	urls := make([]string, len(all))
	for i, p := range all {
		urls[i] = p.row.url
	}
	if err := t.EnsureOrigins(urls); err != nil {
		return err
	}
	var last int64
	if err := t.QueryRow(sqlLastPlace).Scan(&last); err != nil {
		return err
	}
	const columns = 17
	pages := make([]any, 0, len(all)*columns)
	for _, p := range all {
		r := p.row
		origin, err := t.Origin(r.url)
		if err != nil {
			return err
		}
		last++
		r.id = last
		pages = append(pages, r.id, string(r.guid), r.url, places.HashURL(r.url), origin, r.title, r.hidden, r.syncable, r.visits, r.lastVisit, r.typed,
			frecency(p.visits), r.changes, r.syncState(), r.edited, text(r.unknown), r.preview)
		t.Index(r.id, r.url, r.title)
		t.changed = append(t.changed, r.guid)
	}
	if err := t.InsertMany(sqlInsertPages, columns, pages); err != nil {
		return err
	}
	return t.insertVisits(all)
}

// insertVisits inserts the visits of pages that were just inserted.
func (t *tx) insertVisits(all []fresh) error {
	const columns = 6
	visits := make([]any, 0, 4*len(all)*columns)
	referrers := map[string]any{"": nil}
	for _, p := range all {
		for _, v := range p.visits {
			referrer, met := referrers[v.referrer]
			if !met {
				var err error
				if referrer, err = t.referrer(v.referrer); err != nil {
					return err
				}
				referrers[v.referrer] = referrer
			}
			visits = append(visits, p.row.id, v.date, v.kind, text(v.unknown), int(v.flags), referrer)
		}
	}
	return t.InsertMany(sqlInsertVisits, columns, visits)
}
