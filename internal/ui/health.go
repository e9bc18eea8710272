package ui

import (
	"context"
	"slices"

	"github.com/syncmanager/syncmanager/api"
)

// healthPage is the state of the stores and of the machine.
type healthPage struct {
	api.Health
	About   api.About
	Version api.VersionInfo
	// Checked is what a check of the bookmarks found, if it was asked for.
	Checked *api.CheckedBookmarks
	// Bad counts the stores that cannot be used.
	Bad int
}

// lowDisk is when the disk is nearly full, in bytes.
const lowDisk = 500 << 20

// Low reports whether the disk is nearly full.
func (p healthPage) Low() bool { return p.DiskFree > 0 && p.DiskFree < lowDisk }

func showHealth(ctx context.Context, q *request) (view, error) {
	health, err := call[api.Health](ctx, q, "health", nil)
	if err != nil {
		return view{}, err
	}
	page := healthPage{Health: health}
	if page.About, err = call[api.About](ctx, q, "about", nil); err != nil {
		return view{}, err
	}
	if page.Version, err = call[api.VersionInfo](ctx, q, "version", nil); err != nil {
		return view{}, err
	}
	for _, s := range page.Stores {
		if s.Problem != "" {
			page.Bad++
		}
	}
	if q.bounded("check", 1) == "1" {
		checked, err := call[api.CheckedBookmarks](ctx, q, "bookmarks.check", nil)
		if err != nil {
			return view{}, err
		}
		page.Checked = &checked
	}
	slices.Reverse(page.Log) // the newest first
	return view{Title: "Health", Data: page}, nil
}
