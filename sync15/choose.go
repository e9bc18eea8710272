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

	// A collection of an older version is emptied before its new sync ID is known
	// to anyone, or the next device would take the old records for new ones.
	for _, name := range next.outdated {
		if err := r.deleteCollection(ctx, name); err != nil {
			return err
		}
	}
	if next.changed {
		text, err := json.Marshal(next.global)
		if err != nil {
			return err
		}
		at, err := r.c.putBSO(ctx, "meta", "global", text, s.GlobalAt)
		if err != nil {
			return err
		}
		for name, entry := range next.global.Engines {
			if entry.SyncID != s.Global.Engines[name].SyncID {
				r.found(name)
			}
		}
		s.Global, s.GlobalAt, s.MetaAt = &next.global, at, at
		r.info["meta"] = at
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

// deleteCollection deletes what the server has of a collection. The service
// forgets the collection with its records, and so does info.
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
	declined := map[string]bool{}
	list := g.Declined
	if !g.HasDeclined {
		list = local
	}
	for _, name := range list {
		declined[name] = true
	}
	for name, on := range choice.Enable {
		if on {
			delete(declined, name)
		} else {
			declined[name] = true
		}
	}
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
	add := func(name string, version int) {
		d.global.Engines[name] = engineEntry{Version: version, SyncID: c.newID()}
		d.changed = true
	}
	for _, e := range choice.Engines {
		name := e.Collection()
		entry, listed := d.global.Engines[name]
		switch {
		case declined[name]:
		case !listed:
			add(name, e.Version())
		case entry.Version > e.Version():
			d.newer = append(d.newer, name)
		case entry.Version <= 0 || entry.SyncID == "":
			// An entry that says nothing is no reason to delete anybody's records.
			add(name, e.Version())
		case entry.Version < e.Version():
			d.outdated = append(d.outdated, name)
			add(name, e.Version())
		}
	}
	for name, on := range choice.Enable {
		known, _ := catalogue.Lookup(name)
		if _, listed := d.global.Engines[name]; on && !listed && known.Default {
			add(name, known.Version)
		}
	}
	return d
}
