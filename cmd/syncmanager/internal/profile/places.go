package profile

import (
	"context"

	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
)

// Bookmarks opens the bookmarks.
func (p *Profile) Bookmarks(ctx context.Context) (*bookmarks.Engine, error) {
	return once(p, "bookmarks", func() (*bookmarks.Engine, error) {
		return bookmarks.Open(ctx, bookmarks.Config{
			Path: p.path(placesFile), Now: p.config.Now, Rand: p.config.Rand, Log: p.config.Log,
		})
	})
}

// History opens the history.
func (p *Profile) History(ctx context.Context) (*history.Engine, error) {
	return once(p, "history", func() (*history.Engine, error) {
		return history.Open(ctx, history.Config{
			Path: p.path(placesFile), Now: p.config.Now, Rand: p.config.Rand, Log: p.config.Log,
		})
	})
}
