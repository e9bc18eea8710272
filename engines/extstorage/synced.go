package extstorage

import (
	"maps"
	"sync"

	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Bounds of what is kept until an app asks for it.
const (
	// MaxSynced is how many keys [Engine.SyncedChanges] returns at most, and maxSyncedBytes how
	// many bytes their names and values have.
	MaxSynced      = 10_000
	maxSyncedBytes = 4 << 20
)

// SyncedChange is what one sync changed of an add-on's keys, as storage.onChanged tells the add-on.
type SyncedChange struct {
	// ExtID is the add-on's ID.
	ExtID string
	// Keys are sorted.
	Keys []KeyChange
}

// synced collects what syncs changed.
type synced struct {
	mu   sync.Mutex
	all  []SyncedChange
	keys int
	size int
	more bool
}

// SyncedChanges returns what syncs changed since it was called last, or since Open, in their order,
// and forgets it. An app calls it when [Engine.Watch] tells of a sync, and tells each add-on. more
// reports that there were more than [MaxSynced] keys, or 4 MiB: then it returns none, and the app
// reads the storage of all add-ons again, as it does after a Change without User and Sync.
func (e *Engine) SyncedChanges() (all []SyncedChange, more bool) {
	s := &e.synced
	s.mu.Lock()
	defer s.mu.Unlock()
	all, more = s.all, s.more
	s.all, s.keys, s.size, s.more = nil, 0, 0, false
	return all, more
}

// note takes what a committed transaction of a sync changed.
func (s *synced) note(differences []mirror.Difference[Record]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range byAddon(differences) {
		if s.more {
			return
		}
		s.all = append(s.all, c)
		s.keys += len(c.Keys)
		for _, k := range c.Keys {
			s.size += len(k.Key) + len(k.Old) + len(k.New)
		}
		if s.more = s.keys > MaxSynced || s.size > maxSyncedBytes; s.more {
			s.all = nil
		}
	}
}

// byAddon returns the keys that differ. An add-on has one record, but in the moment in which two
// become one.
func byAddon(differences []mirror.Difference[Record]) (all []SyncedChange) {
	type sides struct{ before, after Data }
	addons := map[string]*sides{}
	var order []string
	side := func(r *Record) *sides {
		s := addons[r.ExtID]
		if s == nil {
			s = &sides{Data{}, Data{}}
			addons[r.ExtID] = s
			order = append(order, r.ExtID)
		}
		return s
	}
	for _, d := range differences {
		if d.Before != nil {
			maps.Copy(side(d.Before).before, d.Before.Data)
		}
		if d.After != nil {
			maps.Copy(side(d.After).after, d.After.Data)
		}
	}
	for _, ext := range order {
		if keys := changes(addons[ext].before, addons[ext].after); len(keys) > 0 {
			all = append(all, SyncedChange{ext, keys})
		}
	}
	return all
}
