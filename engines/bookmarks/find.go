package bookmarks

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
)

// ByURL returns the bookmarks of a URL; none if it is no URL.
func (e *Engine) ByURL(ctx context.Context, url string) (items []Item, err error) {
	url, err = checkURL(url)
	if err != nil {
		return nil, nil
	}
	err = e.view(ctx, func(t *tx) error {
		place, ok, err := t.Find(url)
		if err != nil || !ok {
			return err
		}
		rows, err := t.rows(sqlByPlace, place.ID)
		items = itemsOf(rows)
		return err
	})
	return items, err
}

// '~' sorts behind every character of a GUID.
const sqlByPrefix = sqlItem + `WHERE b.guid >= ?1 AND b.guid < ?1 || '~' ORDER BY b.guid LIMIT ?2`

// ByPrefix returns items whose GUIDs begin with prefix, at most limit.
func (e *Engine) ByPrefix(ctx context.Context, prefix engine.ID, limit int) (items []Item, err error) {
	err = e.view(ctx, func(t *tx) error {
		rows, err := t.rows(sqlByPrefix, prefix, limit)
		items = itemsOf(rows)
		return err
	})
	return items, err
}
