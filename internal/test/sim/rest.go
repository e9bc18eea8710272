package sim

import (
	"context"
	"fmt"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
)

// end syncs all devices until nothing changes, and returns what is wrong then.
func (r *run) end(ctx context.Context) *Finding {
	r.sealed = true
	r.say("the faults are over")
	r.deliver()
	r.mu.Lock()
	for _, d := range r.devices {
		d.skew = 0
	}
	r.mu.Unlock()
	r.pass(5 * time.Minute)
	for _, k := range r.story.Kinds {
		for _, d := range r.devices {
			if !r.off[k] {
				continue
			}
			if err := d.manager.SetEnabled(ctx, true, k); err != nil {
				return finding("on "+k, "%v", err)
			}
		}
	}
	durable := r.known()
	if f := r.rest(ctx); f != nil {
		return f
	}
	// A command to start over may reach its device only now, and remove items.
	left := r.known()
	for n := range durable {
		if !left[n] {
			delete(durable, n)
		}
	}
	before, f := r.equal(ctx)
	if f != nil {
		return f
	}
	for _, k := range r.story.Kinds {
		if k == "tabs" {
			continue
		}
		all, err := r.devices[0].stores[k].show(ctx)
		if err != nil {
			return finding("show "+k, "%v", err)
		}
		if f := r.model.check(k, all, durable, !r.skewed); f != nil {
			return f
		}
	}
	// A device that joins now sees what the server has.
	r.say("a device joins")
	if err := r.join(ctx); err != nil {
		return finding("join", "%v", err)
	}
	if f := r.rest(ctx); f != nil {
		f.Kind += " after a device joined"
		return f
	}
	after, f := r.equal(ctx)
	if f != nil {
		f.Kind += " after a device joined"
		return f
	}
	for _, k := range r.story.Kinds {
		if before[k] != after[k] {
			return finding("changed by a joining device "+k, "before:\n%s\nafter:\n%s", before[k], after[k])
		}
	}
	return r.tabs(ctx)
}

// known returns what the server or any device certainly has.
func (r *run) known() steps {
	s := steps{}
	s.add(r.model.server)
	for _, d := range r.devices {
		s.add(d.model.must)
	}
	return s
}

// maxRounds is how often all devices may sync before nothing changes.
const maxRounds = 8

// rest syncs all devices until none has anything to send.
func (r *run) rest(ctx context.Context) *Finding {
	var noise string
	for round := range maxRounds {
		quiet := true
		for _, d := range r.devices {
			r.pass(10 * time.Second)
			r.say("  device %d syncs", d.n)
			r.stage.steps.Add(1)
			res, f := r.sync(ctx, d, Step{Op: Sync, Device: d.n})
			if f != nil {
				return f
			}
			if until := d.manager.BackoffUntil(); res.Status == syncmanager.StatusBackedOff && !until.IsZero() {
				r.pass(max(until.Sub(r.clock(nil)()), 0) + time.Second)
				quiet = false
				continue
			}
			if res.Status != syncmanager.StatusOK {
				text, _ := res.MarshalJSON()
				if round > 0 {
					return finding("stuck "+failing1(res), "device %d: %s", d.n, text)
				}
				quiet = false
				continue
			}
			uploaded := 0
			for name, e := range res.Engines {
				uploaded += e.Uploaded
				if e.Uploaded > 0 || e.Downloaded > 0 {
					noise = name
				}
			}
			if res.Requests > 1 || uploaded > 0 {
				quiet = false
			}
		}
		if quiet {
			return nil
		}
	}
	return finding("restless "+noise, "after %d rounds", maxRounds)
}

func failing1(res syncmanager.Result) string {
	for name, e := range res.Engines {
		if e.Status != syncmanager.StatusOK {
			return name
		}
	}
	return string(res.Status)
}

// equal compares what the devices show, and returns it by kind.
func (r *run) equal(ctx context.Context) (map[string]string, *Finding) {
	what := map[string]string{}
	for _, k := range r.story.Kinds {
		for _, d := range r.devices {
			all, err := d.stores[k].show(ctx)
			if err != nil {
				return nil, finding("show "+k, "%v", err)
			}
			text := dump(all)
			if d.n == 0 {
				what[k] = text
			} else if what[k] != text {
				return nil, finding("unequal "+k, "device 0:\n%s\ndevice %d:\n%s", what[k], d.n, text)
			}
			if w, ok := d.stores[k].engine().(interface {
				Changes(context.Context) (int, error)
			}); ok {
				if n, err := w.Changes(ctx); err != nil || n > 0 {
					return nil, finding("pending "+k, "device %d at rest has %d changes to send: %v", d.n, n, err)
				}
			}
			if b, ok := d.stores[k].(*bookmarkStore); ok {
				if c, err := b.e.Check(ctx); err != nil || len(c.Counts) > 0 {
					return nil, finding("check bookmarks", "device %d: %+v %v", d.n, c, err)
				}
			}
		}
	}
	return what, nil
}

// tabs compares each device's tabs with what the others know of them.
func (r *run) tabs(ctx context.Context) *Finding {
	if !r.plays("tabs") {
		return nil
	}
	for _, d := range r.devices {
		own, err := d.stores["tabs"].(*tabStore).own(ctx)
		if err != nil {
			return finding("show tabs", "%v", err)
		}
		for _, o := range r.devices {
			if o == d {
				continue
			}
			others, err := o.stores["tabs"].(*tabStore).others(ctx)
			if err != nil {
				return finding("show tabs", "%v", err)
			}
			if got := others[fmt.Sprintf("device %d", d.n)]; got != own && !(got == "" && own == "[]") {
				return finding("unequal tabs", "device %d has %s, device %d knows %s", d.n, own, o.n, got)
			}
		}
	}
	return nil
}
