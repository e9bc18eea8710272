package home

import (
	"context"
	"time"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/internal/capacity"
)

// Schedule says when a program that keeps a profile syncs next without a change, why it does
// not sync by itself at the moment, or "", and what a person has to see to.
type Schedule func() (next time.Time, paused string, problems []string)

var _ api.Keeper = Home{}

// About implements [api.Keeper].
func (h Home) About(context.Context) (api.About, error) {
	about := api.About{Profile: h.Dir()}
	if a := h.Account(); a != nil {
		about.Local = a.Local
		if !a.Local {
			about.Email, about.Server = a.Email, a.Server
		}
	}
	if h.Schedule != nil {
		next, paused, problems := h.Schedule()
		about.Paused, about.Problems = paused, problems
		if !next.IsZero() {
			about.NextSync = next.UTC()
		}
	}
	return about, nil
}

// Health implements [api.Keeper].
func (h Home) Health(ctx context.Context) (health api.Health, err error) {
	for _, s := range h.Stores(ctx) {
		store := api.StoreHealth{Engine: s.Engine, File: s.File, Bytes: s.Bytes}
		if s.Err != nil {
			store.Problem = s.Err.Error()
		}
		health.Stores = append(health.Stores, store)
	}
	if h.Log != nil {
		health.Log = h.Log()
	}
	health.DiskFree, _, err = capacity.Disk(h.Dir())
	return health, err
}
