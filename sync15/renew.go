package sync15

import (
	"context"
	"encoding/json"
	"errors"
	"maps"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
)

// lostError says that the collection is not on the server, and that this run cannot tell
// whether it was there before: somebody may have deleted it and left meta/global as it was. A
// device that fills it under the old sync ID hides that from the devices that had records
// there: they find a collection that is newer than theirs, and never notice that their records
// are gone from it.
type lostError struct{}

func (*lostError) Error() string { return "the collection is not on the server" }

// association returns what the sync state of the collection's engine has to belong to.
func (r *Run) association(name string) (engine.Association, error) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	g := r.c.state.Global
	if g == nil {
		return engine.Association{}, ErrReassigned // see state.forgetNode
	}
	return g.association(name), nil
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
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	g := r.c.state.Global
	return g == nil || !r.founded[name] && r.c.state.Renewed[name] != g.Engines[name].SyncID
}

// settle forgets that the collection's sync ID was renewed, once there are records
// under it.
func (r *Run) settle(name string, stored int) {
	if _, there := r.info[name]; !there && stored == 0 {
		return
	}
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	delete(r.c.state.Renewed, name)
}

// mayHaveFilled notes that there may be records under the collection's sync ID, although no
// answer confirmed it: other devices may have synced with them. If the collection is not on the
// server at the next sync, it was deleted again.
func (r *Run) mayHaveFilled(name string) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	delete(r.c.state.Renewed, name)
}

// renew gives a collection that is lost, or was restored, a new sync ID in meta/global, so that
// every device reconciles it in full, and resets the engine to it.
func (r *Run) renew(ctx context.Context, e engine.Engine, had engine.Association, why error) (engine.Association, error) {
	r.c.cfg.Log.Info("a collection gets a new sync ID", "engine", e.Collection(), "because", why.Error())
	now, err := r.renewEntry(ctx, e, had)
	if err != nil {
		return had, err
	}
	return now, resetTo(ctx, e, now)
}

// renewEntry writes the new sync ID to meta/global. If another device was faster, its sync ID
// is used. Engines renew one after another, because each writes the whole record.
func (r *Run) renewEntry(ctx context.Context, e engine.Engine, had engine.Association) (engine.Association, error) {
	if err := r.c.renewing.take(ctx); err != nil {
		return had, err
	}
	defer r.c.renewing.give()
	for range 3 {
		now, next, since, err := r.nextEntry(e, had)
		if next == nil || err != nil {
			return now, err
		}
		text, err := json.Marshal(next)
		if err != nil {
			return had, err
		}
		at, err := r.c.putBSO(ctx, "meta", "global", text, since)
		if err == nil {
			return r.tookEntry(e.Collection(), next, at), nil
		}
		if !isConflict(err) {
			return had, err
		}
		if err := r.rereadGlobal(ctx); err != nil {
			return had, err
		}
	}
	return had, ErrConflict
}

// nextEntry returns meta/global with a new sync ID for the engine's collection, to be written
// if the record is as it was at since. If it already has another sync ID than had, next is nil
// and now is that ID.
func (r *Run) nextEntry(e engine.Engine, had engine.Association) (now engine.Association, next *global, since bso.Timestamp, err error) {
	name := e.Collection()
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	g := r.c.state.Global
	if g == nil {
		return had, nil, 0, ErrReassigned
	}
	entry, listed := g.Engines[name]
	if !listed || entry.Version != e.Version() {
		// It was switched off or has a newer version: the next sync handles it.
		return had, nil, 0, ErrConflict
	}
	if now := g.association(name); now != had {
		r.found(name)
		return now, nil, 0, nil
	}
	renewed := *g
	renewed.Engines = maps.Clone(renewed.Engines)
	renewed.Engines[name] = engineEntry{Version: entry.Version, SyncID: r.c.newID()}
	return had, &renewed, r.c.state.GlobalAt, nil
}

// tookEntry notes that the server took what nextEntry made.
func (r *Run) tookEntry(name string, g *global, at bso.Timestamp) engine.Association {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	s := r.c.state
	s.Global, s.GlobalAt, s.MetaAt = g, at, at
	r.found(name)
	if s.Renewed == nil {
		s.Renewed = map[string]string{}
	}
	s.Renewed[name] = g.Engines[name].SyncID
	return g.association(name)
}

// rereadGlobal reads meta/global after another device wrote it. MetaAt stays, so that the next
// sync sees what else changed, unless this run writes the record.
func (r *Run) rereadGlobal(ctx context.Context) error {
	g, at, err := r.c.getGlobal(ctx, 0)
	if errors.As(err, new(*freshStart)) {
		return ErrRace
	}
	if err != nil {
		return err
	}
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	s := r.c.state
	if s.Global == nil {
		return ErrReassigned
	}
	if g.SyncID != s.Global.SyncID {
		// This run continues with the keys of the storage that it began with.
		return ErrRace
	}
	s.Global, s.GlobalAt = g, at
	return nil
}

// found notes that the collection's sync ID was made in this run. The caller holds mu,
// or no engine syncs.
func (r *Run) found(name string) {
	if r.founded == nil {
		r.founded = map[string]bool{}
	}
	r.founded[name] = true
}
