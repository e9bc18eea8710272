package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	syncmanager "github.com/syncmanager/syncmanager"
)

// within runs a step while a request of another one is in flight.
func (r *run) within(s Step) {
	if f := r.step(r.ctx, s); f != nil && r.found == nil {
		r.found = f
	}
}

// step runs a step.
func (r *run) step(ctx context.Context, s Step) *Finding {
	if s.Device >= len(r.devices) || s.Kind != "" && !r.plays(s.Kind) {
		return nil
	}
	r.say("  %s", s)
	r.stage.steps.Add(1)
	r.pass(s.Wait)
	if s.N%2 == 0 {
		r.deliver()
	}
	d := r.devices[s.Device]
	if d.manager == nil {
		return nil
	}
	var err error
	switch s.Op {
	case Sync:
		_, f := r.sync(ctx, d, s)
		if f == nil {
			f, r.found = r.found, nil
		}
		return f
	case Add, Edit, Remove, Move:
		err = r.change(ctx, d, s)
	case Skew:
		r.mu.Lock()
		d.skew = s.By
		r.mu.Unlock()
		r.skewed = true
	default:
		if d.line.busy {
			return nil // these are not for the middle of a sync
		}
		err = r.upset(ctx, d, s)
	}
	if err != nil {
		return finding(fmt.Sprintf("%s %s", s.Op, s.Kind), "step %d: %v", s.N, err)
	}
	return nil
}

func (r *run) plays(name string) bool {
	for _, k := range r.story.Kinds {
		if k == name {
			return true
		}
	}
	return false
}

// change is an edit by the user.
func (r *run) change(ctx context.Context, d *device, s Step) error {
	store, k := d.stores[s.Kind], kinds[s.Kind]
	all, err := store.show(ctx)
	if err != nil {
		return err
	}
	field := s.Field % k.fields
	if s.Kind == "tabs" {
		if s.Op == Remove {
			return store.remove(ctx, shown{})
		}
		return store.add(ctx, s.Item, s.N, s)
	}
	var it *shown
	if s.Op == Add {
		item := s.Item % 5
		if k.fresh {
			item = s.N
		}
		for i := range all {
			if all[i].item == item {
				it = &all[i]
			}
		}
		if it == nil {
			if err := store.add(ctx, item, s.N, s); err != nil {
				return err
			}
			e := &event{n: s.N, kind: s.Kind, item: item, field: added, past: steps{}}
			if e.folders, err = foldersOf(ctx, store, item); err != nil {
				return err
			}
			r.model.note(d, e)
			return nil
		}
	} else {
		if len(all) == 0 {
			return nil
		}
		it = &all[s.Item%len(all)]
	}
	e := &event{n: s.N, kind: s.Kind, item: it.item, field: field, past: r.model.saw(s.Kind, *it)}
	switch s.Op {
	case Remove:
		return r.remove(ctx, d, s, *it, all)
	case Move:
		b, ok := store.(*bookmarkStore)
		if !ok {
			return nil
		}
		e.field = yielding
		if err = b.move(ctx, *it, s); err == nil {
			e.folders, err = foldersOf(ctx, store, it.item)
		}
	default:
		field %= max(len(it.fields), 1)
		e.field = field
		if k.visits {
			e.field = added
		}
		if s.Kind == "bookmarks" && len(it.fields) == 2 {
			switch field = s.Field % 4; {
			case field == tagField && s.Item%2 == 1 && len(it.tags) > 0:
				field, e.field, e.drops = untagField, untagged, it.tags[0]
			case field == tagField:
				e.field = tagged
			case field == ownKeywordField && s.Item%2 == 1 && it.shared != sharedKeyword(s.N):
				field, e.field, e.shared = keywordField, keyworded, true
			case field == ownKeywordField:
				e.field = keyworded
			default:
				e.field = field
			}
		}
		if s.Kind == "bookmarks" && len(it.fields) == 1 {
			e.field = yielding // as in Firefox, a folder that was deleted elsewhere goes, whatever it is called now
		}
		err = store.edit(ctx, *it, field, s.N)
	}
	if errors.Is(err, errNothing) {
		return nil
	}
	if err == nil {
		r.model.note(d, e)
	}
	if err == nil && e.shared {
		r.robbed(d, s, *it, all)
	}
	return err
}

// foldersOf lists the folders of the story that a bookmark is in.
func foldersOf(ctx context.Context, store store, item int) (list []int, err error) {
	if _, ok := store.(*bookmarkStore); !ok {
		return nil, nil
	}
	all, err := store.show(ctx)
	if err != nil {
		return nil, err
	}
	items := map[string]int{}
	for _, it := range all {
		items[it.id] = it.item
	}
	for _, it := range all {
		if it.item != item {
			continue
		}
		for _, guid := range strings.Split(it.path, "/") {
			if folder, ok := items[guid]; ok && folder != item {
				list = append(list, folder)
			}
		}
	}
	return list, nil
}

// robbed notes that another bookmark lost its keyword to an edit.
func (r *run) robbed(d *device, s Step, it shown, all []shown) {
	for _, o := range all {
		if o.id != it.id && o.shared == sharedKeyword(s.N) {
			r.model.note(d, &event{n: s.N + 1_000_000, kind: s.Kind, item: o.item, field: keyworded, shared: true, taken: true, past: r.model.saw(s.Kind, o)})
		}
	}
}

// remove deletes an item, in all its copies, and what is in it.
func (r *run) remove(ctx context.Context, d *device, s Step, it shown, all []shown) error {
	gone := map[int][]shown{}
	for _, o := range all {
		switch {
		case o.item == it.item && o.id != it.id && !(it.path != "" && strings.HasPrefix(o.path, it.path+"/")):
			if err := d.stores[s.Kind].remove(ctx, o); err != nil {
				return err
			}
			fallthrough
		case o.id == it.id, it.path != "" && strings.HasPrefix(o.path, it.path+"/"):
			gone[o.item] = append(gone[o.item], o)
		}
	}
	if err := d.stores[s.Kind].remove(ctx, it); err != nil {
		return err
	}
	for i, item := range slices.Sorted(maps.Keys(gone)) {
		// Each item's deletion is an event of its own.
		r.model.note(d, &event{n: s.N + i*1_000_000, kind: s.Kind, item: item, field: added, remove: true, past: r.model.saw(s.Kind, gone[item]...)})
	}
	return nil
}

// upset changes a device or the server in a way that a user's edit does not.
func (r *run) upset(ctx context.Context, d *device, s Step) error {
	m := r.model
	switch s.Op {
	case Reset:
		m.unbase(d, s.Kind)
		return d.manager.Reset(ctx, s.Kind)
	case Wipe:
		m.back(d, newReplica(), []string{s.Kind})
		m.unbase(d, s.Kind)
		if err := d.manager.Wipe(ctx, s.Kind); err != nil || s.Kind != "tabs" {
			return err
		}
		return d.stores["tabs"].add(ctx, s.Item, s.N, s)
	case Reopen:
		return d.restart(ctx, nil)
	case Save, PutBack, Clone:
		return r.copy(ctx, d, s)
	case Rejoin:
		d.line.begin(nil)
		for _, k := range r.story.Kinds {
			m.unbase(d, k)
		}
		// The user's data stays whatever the server says.
		_ = d.manager.SignOut(ctx)
		if err := d.manager.SignIn(ctx, sameSession{d.account}); err != nil {
			return err
		}
		return d.restart(ctx, nil)
	case Off, On:
		for _, k := range []string{s.Kind, pairs[s.Kind]} {
			if k != "" {
				r.off[k] = r.off[k] || s.Op == Off
			}
		}
		r.switched()
		return d.manager.SetEnabled(ctx, s.Op == On, s.Kind)
	case Backup, Restore:
		return r.restore(ctx, s)
	case Command:
		return r.command(ctx, d, s)
	case Drop, Fresh:
		d.line.calm = true
		defer func() { d.line.calm = false }()
		if s.Op == Drop {
			r.drop(ctx, d, s)
			return nil
		}
		for _, name := range append(slices.Clone(r.story.Kinds), "meta", "crypto", "clients") {
			r.deleted(name, d.manager.Records().DeleteCollection(ctx, name))
		}
	}
	return nil
}

// deleted notes that a collection may be gone from the server.
func (r *run) deleted(name string, err error) {
	if err != nil && !errors.Is(err, syncmanager.ErrNoCollection) {
		r.say("    %s: %v", name, err)
	}
	if r.plays(name) {
		r.model.forget(r, name, steps{})
	}
}

// pairs are the kinds that share one switch.
var pairs = map[string]string{"history": "forms", "forms": "history", "addons": "extension-storage", "extension-storage": "addons"}

// switched notes that collections of engines that were ever switched off may be gone from the
// server.
func (r *run) switched() {
	for k := range r.off {
		if r.plays(k) {
			r.model.forget(r, k, steps{})
		}
	}
}

// sync syncs a device and tells the model.
func (r *run) sync(ctx context.Context, d *device, s Step) (syncmanager.Result, *Finding) {
	mine, theirs := steps{}, steps{}
	mine.add(d.model.must)
	theirs.add(r.model.server)
	if d.line.busy {
		return syncmanager.Result{}, nil
	}
	d.line.begin(s.Fault)
	d.line.busy = true
	res, err := d.manager.Sync(ctx, syncmanager.Options{AcceptDeletions: r.sealed || s.Field == 1})
	d.line.busy = false
	d.line.fault = nil
	if r.tell != nil {
		text, _ := res.MarshalJSON()
		r.say("    %s %v", text, err)
	}
	if err := r.carriedOut(ctx, d, mine, res.Commands); err != nil {
		return res, finding("carry out a command", "%v", err)
	}
	if d.line.dead {
		killed, state := d.killed, d.killedState
		d.killed = nil
		if d.killErr != nil {
			return res, finding("kill", "%v", d.killErr)
		}
		err := d.restart(ctx, func() error {
			d.state.b = state
			return d.replace(killed)
		})
		if err != nil {
			return res, finding("reopen after a kill", "%v", err)
		}
		r.model.killed(d, mine)
		return res, nil
	}
	r.switched()
	for _, k := range r.story.Kinds {
		if e := res.Engines[k]; e.Status == syncmanager.StatusOK && e.Failed == 0 && e.Err == nil {
			r.model.synced(d, k, mine, theirs)
		}
		if e := res.Engines[k]; e.Err != nil && strings.Contains(e.Err.Error(), "broke:") {
			return res, finding("panic "+k, "%v", e.Err)
		}
	}
	return res, nil
}
