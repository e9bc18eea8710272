package profile

import (
	"context"

	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/placesfile"
)

// Places opens the file that bookmarks and history share.
func (p *Profile) Places(ctx context.Context) (placesfile.File, error) {
	return once(p, placesFile, func() (placesfile.File, error) {
		return placesfile.Open(ctx, placesfile.Config{
			Path: p.path(placesFile), Now: p.config.Now, Rand: p.config.Rand, Log: p.config.Log,
		})
	})
}

// Bookmarks opens the bookmarks.
func (p *Profile) Bookmarks(ctx context.Context) (*bookmarks.Engine, error) {
	file, err := p.Places(ctx)
	if err != nil {
		return nil, err
	}
	return once(p, "bookmarks", func() (*bookmarks.Engine, error) { return bookmarks.New(ctx, file) })
}

// History opens the history.
func (p *Profile) History(ctx context.Context) (*history.Engine, error) {
	file, err := p.Places(ctx)
	if err != nil {
		return nil, err
	}
	return once(p, "history", func() (*history.Engine, error) { return history.New(ctx, file) })
}
