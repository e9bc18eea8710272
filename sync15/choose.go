package sync15

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/catalogue"
)

// choose brings meta/global and the engines in line with the user's choices:
// those made here and those made on other devices.
func (r *Run) choose(ctx context.Context, choice Choice) error {
	for range 3 {
		err := r.tryChoose(ctx, choice)
		if !isConflict(err) {
			return err
		}
		// Another device wrote meta/global or a collection meanwhile: look again.
		info, at, err := r.c.infoCollections(ctx)
		if err != nil {
			return err
		}
		r.info = info
		if err := r.c.readGlobal(ctx, at); err != nil {
			return err
		}
		r.c.state.MetaAt = info["meta"]
	}
	return ErrConflict
}

func (r *Run) tryChoose(ctx context.Context, choice Choice) error {
	s := r.c.state
	next := r.c.decide(*s.Global, s.Declined, choice)
	r.Newer = next.newer

	// A collection of an older version is emptied before another device can see its new sync
	// ID. Otherwise the next device would take the old records for new ones.
	for _, name := range next.outdated {
		if err := r.deleteCollection(ctx, name); err != nil {
			return err
		}
	}
	if next.changed {
		if err := r.putGlobal(ctx, &next.global); err != nil {
			return err
		}
	}
	for name, on := range choice.Enable {
		if !on {
			if err := r.deleteCollection(ctx, name); err != nil {
				return err
			}
		}
	}
	var errs []error
	for _, e := range choice.Engines {
		name := e.Collection()
		if slices.Contains(next.global.Declined, name) && !slices.Contains(s.Declined, name) {
			errs = append(errs, e.Reset(ctx, engine.Association{}))
		}
	}
	s.Declined = next.global.Declined
	r.Declined = slices.Clone(s.Declined)
	return errors.Join(errs...)
}

// putGlobal writes meta/global, and notes which collections have new sync IDs in it.
func (r *Run) putGlobal(ctx context.Context, to *global) error {
	s := r.c.state
	text, err := json.Marshal(*to)
	if err != nil {
		return err
	}
	at, err := r.c.putBSO(ctx, "meta", "global", text, s.GlobalAt)
	if err != nil {
		return err
	}
	for name, entry := range to.Engines {
		if entry.SyncID != s.Global.Engines[name].SyncID {
			r.found(name)
		}
	}
	s.Global, s.GlobalAt, s.MetaAt = to, at, at
	r.info["meta"] = at
	return nil
}

// deleteCollection deletes what the server has of a collection. The service removes the
// collection with its records, and info/collections no longer lists it.
func (r *Run) deleteCollection(ctx context.Context, name string) error {
	at, there := r.info[name]
	if !there {
		return nil
	}
	if err := r.c.delete(ctx, collectionPath(name), "delete "+name+" on the server", at); err != nil {
		return err
	}
	delete(r.info, name)
	return nil
}

// decision is what meta/global should become.
type decision struct {
	global   global
	changed  bool
	outdated []string
	newer    []string
}

// decide starts from the account's list of declined engines (or this device's,
// when the account has none) and applies the user's choices to it. An engine is
// either declined or listed with a sync ID, never both.
func (c *Client) decide(g global, local []string, choice Choice) decision {
	d := decision{global: g}
	declined := declinedNow(g, local, choice.Enable)
	d.global.Declined = slices.Sorted(maps.Keys(declined))
	d.global.HasDeclined = true
	d.global.Engines = maps.Clone(g.Engines)

	before := slices.Clone(g.Declined)
	slices.Sort(before)
	d.changed = !slices.Equal(before, d.global.Declined)
	for name := range declined {
		if _, listed := d.global.Engines[name]; listed {
			delete(d.global.Engines, name)
			d.changed = true
		}
	}
	for _, e := range choice.Engines {
		if name := e.Collection(); !declined[name] {
			d.list(name, e.Version(), c.newID)
		}
	}
	for name, on := range choice.Enable {
		known, _ := catalogue.Lookup(name)
		if _, listed := d.global.Engines[name]; on && !listed && known.Default {
			d.add(name, known.Version, c.newID)
		}
	}
	return d
}

// declinedNow is the set of collections that are declined after the user's choices.
func declinedNow(g global, local []string, enable map[string]bool) map[string]bool {
	list := g.Declined
	if !g.HasDeclined {
		list = local
	}
	declined := map[string]bool{}
	for _, name := range list {
		declined[name] = true
	}
	for name, on := range enable {
		if on {
			delete(declined, name)
		} else {
			declined[name] = true
		}
	}
	return declined
}

// list decides on the entry of an engine that the account syncs.
func (d *decision) list(name string, version int, newID func() string) {
	entry, listed := d.global.Engines[name]
	switch {
	case !listed:
		d.add(name, version, newID)
	case entry.Version > version:
		d.newer = append(d.newer, name)
	case entry.Version <= 0 || entry.SyncID == "":
		// An entry without content is not a reason to delete records.
		d.add(name, version, newID)
	case entry.Version < version:
		d.outdated = append(d.outdated, name)
		d.add(name, version, newID)
	}
}

func (d *decision) add(name string, version int, newID func() string) {
	d.global.Engines[name] = engineEntry{Version: version, SyncID: newID()}
	d.changed = true
}
