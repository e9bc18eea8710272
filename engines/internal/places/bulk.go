package places

import (
	"encoding/json"
	"errors"
)

// Fresh is a place that comes with its only bookmark.
type Fresh struct {
	// ID is the place's row, as [Tx.InsertBookmarked] made it.
	ID  int64
	URL string
	Bookmarked
}

// FindMany returns the rows of the places that exist, by URL; see [Tx.Find].
func (t *Tx) FindMany(urls []string) (map[string]int64, error) {
	wanted := make(map[string]int64, len(urls))
	hashes := make([]int64, 0, len(urls))
	for _, url := range urls {
		if _, ok := wanted[url]; !ok {
			wanted[url] = 0
			hashes = append(hashes, hashURL(url))
		}
	}
	found := make(map[string]int64)
	err := t.each(sqlFindMany, hashes, func(scan func(...any) error) error {
		var id int64
		var url string
		if err := scan(&id, &url); err != nil {
			return err
		}
		if _, ok := wanted[url]; ok {
			found[url] = id
		}
		return nil
	})
	return found, err
}

// InsertBookmarked makes places with their bookmarks, frecency and words, and fills in their
// rows. There must be none with one of the URLs, and each URL must be there once.
func (t *Tx) InsertBookmarked(all []Fresh) error {
	urls := make([]string, len(all))
	for i := range all {
		urls[i] = all[i].URL
	}
	if err := t.EnsureOrigins(urls); err != nil {
		return err
	}
	var last int64
	if err := t.QueryRow(sqlLastPlace).Scan(&last); err != nil {
		return err
	}
	const columns = 9
	args := make([]any, 0, len(all)*columns)
	for i := range all {
		f := &all[i]
		guid, err := t.NewGUID()
		if err != nil {
			return err
		}
		origin, err := t.Origin(f.URL)
		if err != nil {
			return err
		}
		last++
		f.ID = last
		args = append(args, last, guid, f.URL, hashURL(f.URL), origin, f.Count, f.Added, f.Text, Frecency(nil, 0, max(f.Added, 1)))
		t.note(last, wording{fresh: true, terms: terms(words(f.URL, "", f.Text))})
	}
	return t.InsertMany(sqlInsertMany, columns, args)
}

// EnsureOrigins makes the origins of URLs that do not exist, by few statements, so that
// [Tx.Origin] knows all.
func (t *Tx) EnsureOrigins(urls []string) error {
	type origin struct{ prefix, host string }
	missing := make(map[origin]struct{})
	var order []origin
	var hosts []string
	for _, url := range urls {
		var o origin
		o.prefix, o.host = splitOrigin(url)
		_, met := t.origins[o.prefix+o.host]
		if _, again := missing[o]; met || again {
			continue
		}
		missing[o] = struct{}{}
		order = append(order, o)
		hosts = append(hosts, o.host)
	}
	if len(order) == 0 {
		return nil
	}
	if t.origins == nil {
		t.origins = make(map[string]int64)
	}
	err := t.each(sqlFindOrigins, hosts, func(scan func(...any) error) error {
		var id int64
		var o origin
		if err := scan(&id, &o.prefix, &o.host); err != nil {
			return err
		}
		t.origins[o.prefix+o.host] = id
		delete(missing, o)
		return nil
	})
	if err != nil || len(missing) == 0 {
		return err
	}
	var last int64
	if err := t.QueryRow(sqlLastOrigin).Scan(&last); err != nil {
		return err
	}
	const columns = 4
	args := make([]any, 0, len(missing)*columns)
	for _, o := range order {
		if _, ok := missing[o]; !ok {
			continue
		}
		last++
		t.origins[o.prefix+o.host] = last
		args = append(args, last, o.prefix, o.host, reverseHost(o.host))
	}
	return t.InsertMany(sqlInsertOrigins, columns, args)
}

// each calls f for each row of a statement that takes a list.
func (t *Tx) each(query string, list any, f func(scan func(...any) error) error) error {
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	rows, err := t.Query(query, string(text))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
