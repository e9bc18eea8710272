package sync15

import (
	"context"
	"encoding/json"
	"errors"
	"maps"

	"github.com/syncmanager/syncmanager/engine"
)

// lostError says that the server has no such collection, and that this run cannot
// tell whether it ever had: somebody may have deleted it and left meta/global as it
// was. Who fills it under the old sync ID hides that from the devices that had
// records there: they find a collection that is newer than theirs, and never learn
// that their records are gone from it.
type lostError struct{}

func (*lostError) Error() string { return "the collection is not on the server" }

// association is what the sync state of the collection's engine has to belong to.
func (r *Run) association(name string) engine.Association {
	r.c.globalMu.Lock()
	defer r.c.globalMu.Unlock()
	return r.c.state.Global.association(name)
}

func (g *global) association(name string) engine.Association {
	return engine.Association{Global: g.SyncID, Collection: g.Engines[name].SyncID}
}

// lost reports whether the collection may have been deleted on the server since its
// sync ID was made.
func (r *Run) lost(name string) bool {
	if _, there := r.info[name]; there || r.fresh {
		return false
	}
	r.c.globalMu.Lock()
	defer r.c.globalMu.Unlock()
	id := r.c.state.Global.Engines[name].SyncID
	return !r.founded[name] && r.c.state.Renewed[name] != id
}

// settle forgets that the collection's sync ID was renewed, once there are records
// under it.
func (r *Run) settle(name string, stored int) {
	if _, there := r.info[name]; !there && stored == 0 {
		return
	}
	r.c.globalMu.Lock()
	defer r.c.globalMu.Unlock()
	delete(r.c.state.Renewed, name)
}

// renew begins a new life of a collection that is lost: it gives the collection's
// entry in meta/global a new sync ID, so that every device reconciles in full, and
// resets the engine to it.
func (r *Run) renew(ctx context.Context, e engine.Engine, had engine.Association) (engine.Association, error) {
	r.c.cfg.Log.Info("begin a collection anew that is not on the server", "engine", e.Collection())
	now, err := r.renewEntry(ctx, e, had)
	if err != nil {
		return had, err
	}
	return now, resetTo(ctx, e, now)
}

// renewEntry is renew's part in meta/global. Where another device was faster, its
// sync ID counts.
func (r *Run) renewEntry(ctx context.Context, e engine.Engine, had engine.Association) (engine.Association, error) {
	name := e.Collection()
	r.c.globalMu.Lock()
	defer r.c.globalMu.Unlock()
	s := r.c.state
	for range 3 {
		entry, listed := s.Global.Engines[name]
		if !listed || entry.Version != e.Version() {
			// It was switched off or has a newer version: the next sync deals with it.
			return had, ErrConflict
		}
		if now := s.Global.association(name); now != had {
			r.found(name)
			return now, nil
		}
		next := *s.Global
		next.Engines = maps.Clone(next.Engines)
		id := r.c.newID()
		next.Engines[name] = engineEntry{Version: entry.Version, SyncID: id}
		text, err := json.Marshal(next)
		if err != nil {
			return had, err
		}
		at, err := r.c.putBSO(ctx, "meta", "global", text, s.GlobalAt)
		if err == nil {
			s.Global, s.GlobalAt, s.MetaAt = &next, at, at
			r.found(name)
			if s.Renewed == nil {
				s.Renewed = map[string]string{}
			}
			s.Renewed[name] = id
			return next.association(name), nil
		}
		if !isConflict(err) {
			return had, err
		}
		if err := r.lookAgain(ctx); err != nil {
			return had, err
		}
	}
	return had, ErrConflict
}

// lookAgain reads meta/global after another device wrote it. MetaAt stays: what else
// may have changed is for the next sync to see, unless this run writes it after all.
func (r *Run) lookAgain(ctx context.Context) error {
	s := r.c.state
	global, at := s.Global, s.GlobalAt
	err := r.c.readGlobal(ctx, at)
	var gone *freshStart
	if errors.As(err, &gone) || err == nil && s.Global.SyncID != global.SyncID {
		// This run goes on with the keys of the storage that it began with.
		s.Global, s.GlobalAt = global, at
		return ErrRace
	}
	return err
}

// found notes that the collection's sync ID was made in this run.
func (r *Run) found(name string) {
	if r.founded == nil {
		r.founded = map[string]bool{}
	}
	r.founded[name] = true
}
