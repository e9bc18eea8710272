package sim

import (
	"context"
	"encoding/json"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
)

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
