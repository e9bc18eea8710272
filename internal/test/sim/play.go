package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/server/backup"
)

// serverBackup is a backup of the server, with its state in the model.
type serverBackup struct {
	path  string
	model steps
}

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

// command makes the other devices start over with a kind, which the server has lost in one of
// two cases, or makes them reset it.
func (r *run) command(ctx context.Context, d *device, s Step) error {
	name := "wipeEngine"
	if s.Other%3 == 0 {
		name = "resetEngine"
	}
	for _, other := range d.manager.Devices() {
		if other.Local {
			continue
		}
		if err := d.manager.SendCommand(ctx, other.ID, name, s.Kind); err != nil {
			return err
		}
	}
	if name == "wipeEngine" && s.Item%2 == 0 {
		d.line.calm = true
		defer func() { d.line.calm = false }()
		r.drop(ctx, d, s)
	}
	return nil
}

// carriedOut notes what commands of other devices did to a device's kinds.
func (r *run) carriedOut(ctx context.Context, d *device, mine steps, commands []syncmanager.Command) error {
	for _, c := range commands {
		for _, e := range c.Effects {
			r.model.unbase(d, e.Engine)
			if e.Did != "wiped" {
				continue
			}
			r.model.cleared(d, e.Engine)
			for n := range mine.of(r.model, e.Engine) {
				if !d.model.must[n] {
					delete(mine, n)
				}
			}
			if tabs := d.stores["tabs"]; e.Engine == "tabs" && tabs != nil {
				if err := tabs.add(ctx, 0, 0, Step{}); err != nil { // as a browser's tabs are still open
					return err
				}
			}
		}
	}
	return nil
}

// drop wipes a collection on the server: as other programs do, with a new sync ID, or without
// telling any device.
func (r *run) drop(ctx context.Context, d *device, s Step) {
	name, records := s.Kind, d.manager.Records()
	if s.Field%2 == 0 {
		r.deleted(name, records.DeleteCollection(ctx, name))
		return
	}
	rec, err := records.Get(ctx, "meta", "global", true)
	if err != nil {
		r.say("    %v", err)
		return
	}
	var global map[string]any
	if err := json.Unmarshal([]byte(rec.Sealed), &global); err != nil {
		r.say("    %v", err)
		return
	}
	engines, _ := global["engines"].(map[string]any)
	entry, _ := engines[name].(map[string]any)
	id := string(engine.NewID(r.rand.fork()))
	if entry == nil {
		return // it is switched off
	}
	entry["syncID"] = id
	text, err := json.Marshal(global)
	if err != nil {
		r.say("    %v", err)
		return
	}
	if _, err := records.Put(ctx, "meta", syncmanager.Record{ID: "global", Sealed: string(text)}, rec.Modified); err != nil {
		r.say("    %v", err)
		return
	}
	r.deleted(name, records.DeleteCollection(ctx, name))
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

// copy saves a file of a device, or puts a saved one back, or another device's.
func (r *run) copy(ctx context.Context, d *device, s Step) error {
	file := ""
	var only []string
	if s.Kind != "" {
		file = kinds[s.Kind].file
		only = []string{file}
	}
	from := d
	if s.Op == Clone {
		if s.Kind == "" || s.Other >= len(r.devices) || s.Other == s.Device || s.Kind == "tabs" {
			return nil
		}
		from = r.devices[s.Other]
	}
	c := d.copies[file]
	if s.Op != PutBack {
		got, err := from.snapshot(only...)
		if err != nil {
			return err
		}
		c = &saved{files: got, state: from.state.b, model: from.model.clone()}
	}
	if s.Op == Save {
		d.copies[file] = c
		return nil
	}
	if c == nil {
		return nil
	}
	err := d.restart(ctx, func() error {
		r.model.back(d, c.model, r.kindsOf(file))
		if file == "" {
			d.state.b = c.state
		}
		return d.replace(c.files)
	})
	if tabs := d.stores["tabs"]; err == nil && tabs != nil {
		err = tabs.add(ctx, s.Item, s.N, s) // as a browser does when it starts
	}
	return err
}

func (r *run) restore(ctx context.Context, s Step) error {
	if s.Op == Backup {
		path := filepath.Join(r.dir, fmt.Sprintf("backup-%d", s.N))
		b := &serverBackup{path: path, model: steps{}}
		b.model.add(r.model.server)
		r.backup = b
		_, err := backup.Write(ctx, backup.Source{Dir: r.serverDir, Version: "sim", Now: r.clock(nil)}, path)
		return err
	}
	if r.backup == nil {
		return nil
	}
	r.net.late = nil
	if err := r.server.Close(ctx); err != nil {
		return err
	}
	r.server = nil
	if err := os.RemoveAll(r.serverDir); err != nil {
		return err
	}
	if err := backup.Restore(ctx, r.backup.path, r.serverDir, r.rand.fork(), r.clock(nil)()); err != nil {
		return err
	}
	for _, k := range r.story.Kinds {
		r.model.forget(r, k, r.backup.model)
	}
	var err error
	r.server, err = r.newServer(ctx, r.serverDir)
	return err
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
