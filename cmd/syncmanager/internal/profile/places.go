package profile

import (
	"context"

	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
)

// Bookmarks opens the bookmarks.
func (p *Profile) Bookmarks(ctx context.Context) (*bookmarks.Engine, error) {
	if p.bookmarks == nil {
		e, err := bookmarks.Open(ctx, bookmarks.Config{
			Path: p.path(placesFile), Now: p.config.Now, Rand: p.config.Rand, Log: p.config.Log,
		})
		if err != nil {
			return nil, err
		}
		p.bookmarks = e
	}
	return p.bookmarks, nil
}

// History opens the history.
func (p *Profile) History(ctx context.Context) (*history.Engine, error) {
	if p.history == nil {
		e, err := history.Open(ctx, history.Config{
			Path: p.path(placesFile), Now: p.config.Now, Rand: p.config.Rand, Log: p.config.Log,
		})
		if err != nil {
			return nil, err
		}
		p.history = e
	}
	return p.history, nil
}
