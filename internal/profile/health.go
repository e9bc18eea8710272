package profile

import (
	"context"
	"os"
)

// StoreState is the state of a store's file.
type StoreState struct {
	// Engine is the name of its collection, and File that of its file, which two stores may
	// share.
	Engine, File string
	// Bytes is how large the file is, with what SQLite keeps beside it.
	Bytes int64
	// Err says why the store cannot be opened; nil: it can.
	Err error
}

// Stores opens all stores, and returns how they are.
func (p *Profile) Stores(ctx context.Context) (all []StoreState) {
	for _, s := range stores {
		_, err := s.open(p, ctx)
		state := StoreState{Engine: s.name, File: s.path(), Err: err}
		for _, ending := range []string{"", "-wal", "-shm"} {
			if info, err := os.Stat(p.path(s.path() + ending)); err == nil {
				state.Bytes += info.Size()
			}
		}
		all = append(all, state)
	}
	return all
}
