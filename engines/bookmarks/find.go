package bookmarks

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// ByURL returns the bookmarks of a URL; none if it is not a URL.
func (e *Engine) ByURL(ctx context.Context, url string) (items []Item, err error) {
	err = e.view(ctx, func(t *tx) error {
		items = nil
		for _, form := range places.Spellings(url) {
			place, ok, err := t.Find(form)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			rows, err := t.rows(sqlByPlace, place.ID)
			if err != nil {
				return err
			}
			items = append(items, itemsOf(rows)...)
		}
		return nil
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
