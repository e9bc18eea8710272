package sim

import (
	"slices"
)

// model tracks the values that each item may have. For each edit and deletion it has what its
// author saw of the item, and for each device and the server what they certainly have.
type model struct {
	events map[int]*event
	byItem map[itemOf][]*event
	server steps
}

type itemOf struct {
	kind string
	item int
}

// steps is a set of the numbers of steps.
type steps map[int]bool

func (s steps) add(o steps) {
	for n := range o {
		s[n] = true
	}
}

func (s steps) of(m *model, kind string) steps {
	out := steps{}
	for n := range s {
		if m.events[n].kind == kind {
			out[n] = true
		}
	}
	return out
}

func (s steps) without(m *model, list ...string) steps {
	out := steps{}
	for n := range s {
		if !slices.Contains(list, m.events[n].kind) {
			out[n] = true
		}
	}
	return out
}

// event is an edit of an item, or its deletion.
type event struct {
	n    int
	kind string
	item int
	// field is what an edit set; or one of those below.
	field int
	// drops is the step whose tag an edit removed.
	drops int
	// shared says that the edit sets a keyword that another bookmark may take away; taken says
	// that it took one away.
	shared, taken bool
	remove        bool
	// past is what the author saw of the item, and the steps that led to it.
	past steps
	// excused says that this edit may come back after a deletion that knew it, for example
	// because a file from before it was sent was restored.
	excused bool
	// resent says that the edit's device may not have known that it was on the server when
	// another edit replaced it: kinds that keep both may have both.
	resent bool
	// weak says that a deletion may get lost: the server no longer has it, and not every device
	// has received it.
	weak bool
	// lost says that the server had the edit, and lost it.
	lost bool
	// exposed says that not every device had the edit when the server lost it, or after: a
	// device that has an older state may be the first to fill the server again, and other
	// devices cannot distinguish that from an edit.
	exposed bool
	// knew is all that the device of a deletion had.
	knew steps
	// folders are those that a bookmark was put into, the outermost first.
	folders []int
	// loose says that the edit need not win over an older one: its device did not know what it
	// had in common with the server.
	loose bool
	// noted says that a sync that was killed may have sent the edit, and noted that it did: the
	// model takes it for unsent.
	noted bool
}

// These are what an edit can set besides the fields.
const (
	added     = -1 - iota // all of them: it added the item
	yielding              // a value over which a deletion elsewhere wins: an item's place, or a folder's title
	tagged                // one tag more
	untagged              // one less
	keyworded             // the keyword
)

// replica is what a device has.
type replica struct {
	// must is what it has certainly received, pending what it may not know to be on the server.
	must, pending steps
	// unbased are the kinds for which it forgot what it has in common with the server.
	unbased map[string]bool
	// clearing are the kinds for which its next sync drops what the server does not have.
	clearing map[string]bool
}

func newReplica() replica {
	return replica{must: steps{}, pending: steps{}, unbased: map[string]bool{}, clearing: map[string]bool{}}
}

func newModel(Story) *model {
	return &model{events: map[int]*event{}, byItem: map[itemOf][]*event{}, server: steps{}}
}

// saw returns the steps that led to the values of an item.
func (m *model) saw(kind string, its ...shown) steps {
	past := steps{}
	for _, it := range its {
		for _, n := range it.steps() {
			if e := m.events[n]; e != nil && e.kind == kind && e.item == it.item {
				past[n] = true
				past.add(e.past)
			}
		}
	}
	return past
}

func (m *model) note(d *device, e *event) {
	key := itemOf{e.kind, e.item}
	rep := &d.model
	// A shared keyword shows in no item which step wrote it.
	for _, o := range m.byItem[key] {
		if o.shared && rep.must[o.n] {
			e.past[o.n] = true
			e.past.add(o.past)
		}
	}
	m.events[e.n] = e
	m.byItem[key] = append(m.byItem[key], e)
	if e.remove {
		e.knew = steps{}
		e.knew.add(rep.must)
	}
	rep.must[e.n], rep.pending[e.n] = true, true
	if rep.unbased[e.kind] {
		e.loose = true
	}
	e.weak = e.remove && m.uncertain(d, e)
	m.stillPending(d, e)
}

// uncertain reports whether a deletion may get lost because a device forgot what it has in
// common with the server. To the deleting device, an older state that another puts there looks
// like an edit; to another, a key that is absent from a record of the storage's next life looks
// like one that was never there; and a record under the ID before an edit that was lost, like
// one that was added.
func (m *model) uncertain(d *device, e *event) bool {
	if kinds[e.kind].absent {
		return slices.ContainsFunc(d.run.devices, func(o *device) bool { return o.model.unbased[e.kind] })
	}
	return (d.model.unbased[e.kind] || kinds[e.kind].renames) && m.any(e.past, func(q *event) bool { return q.exposed })
}

// stillPending excuses what other devices may send again after a deletion, or after
// an edit that replaced it.
func (m *model) stillPending(d *device, e *event) {
	for _, other := range d.run.devices {
		if other == d {
			continue
		}
		for n := range other.model.pending {
			if e.past[n] {
				m.events[n].resent = true
				m.events[n].excused = m.events[n].excused || e.remove
			}
		}
	}
}

// reset notes that a device forgot what it has in common with the server.
func (m *model) unbase(d *device, kind string) {
	d.model.unbased[kind] = true
	for n := range d.model.pending {
		if e := m.events[n]; e.kind == kind {
			e.loose = true
		}
	}
}

// forget notes that the server lost data.
func (m *model) forget(r *run, kind string, left steps) {
	for n := range m.server.of(m, kind) {
		if !left[n] {
			delete(m.server, n)
			m.events[n].lost = true
		}
	}
	for _, d := range r.devices {
		m.unbase(d, kind)
		if d.model.clearing[kind] {
			m.cleared(d, kind)
		}
		for _, e := range m.events {
			if e.kind == kind && !d.model.must[e.n] {
				e.exposed = true
			}
		}
	}
	m.weaken(r, kind)
}

// weaken marks the deletions that the server does not have and some device has not received.
func (m *model) weaken(r *run, kind string) {
	for _, e := range m.events {
		if e.kind != kind || !e.remove || m.server[e.n] {
			continue
		}
		for _, d := range r.devices {
			if !d.model.must[e.n] {
				e.weak = true
			}
		}
	}
}

// synced notes that a device synced a kind: what it had as it began is on the server,
// and what the server had then is here.
func (m *model) synced(d *device, kind string, mine, theirs steps) {
	for n := range mine.of(m, kind) {
		// A deletion that was on the server, which lost it, does not go up again unless its
		// item is back there: absence is not an edit.
		if !m.events[n].remove || d.model.pending[n] || theirs[n] {
			m.server[n] = true
		}
		delete(d.model.pending, n)
	}
	for n := range theirs.of(m, kind) {
		d.model.must[n] = true
	}
	delete(d.model.unbased, kind)
	delete(d.model.clearing, kind)
}

// killed notes that the sync of a device was killed, and that its file may say what it sent until then.
func (m *model) killed(d *device, mine steps) {
	for n := range mine {
		if d.model.pending[n] {
			m.events[n].noted = true
		}
	}
}

// cleared notes that a device gives up what it had of a kind, as another starts over with
// that. What the server has comes back, and what it did not send stays.
func (m *model) cleared(d *device, kind string) {
	d.model.clearing[kind] = true
	for n := range d.model.must.of(m, kind) {
		if (!d.model.pending[n] || m.events[n].noted) && !m.server[n] {
			delete(d.model.must, n)
		}
	}
	m.weaken(d.run, kind)
	m.expose(d, kind)
}

// back notes that a copy replaced what a device had of some kinds.
func (m *model) back(d *device, from replica, list []string) {
	must, pending := d.model.must.without(m, list...), d.model.pending.without(m, list...)
	for _, kind := range list {
		must.add(from.must.of(m, kind))
		for n := range from.pending.of(m, kind) {
			pending[n] = true
			m.events[n].excused = true
			m.events[n].loose = true
		}
		if from.unbased[kind] {
			d.model.unbased[kind] = true
		}
		if from.clearing[kind] {
			d.model.clearing[kind] = true
		}
	}
	d.model.must, d.model.pending = must, pending
	for _, kind := range list {
		m.weaken(d.run, kind)
		m.expose(d, kind)
	}
}

// expose notes the edits that the server lost, and which are not on a device whose copy was
// put back since. Where an edit gives a record another ID, the ID before it was deleted with
// it: that the server does not get back.
func (m *model) expose(d *device, kind string) {
	for _, e := range m.events {
		if e.kind == kind && e.lost && !d.model.must[e.n] && (kinds[kind].renames || !m.server[e.n]) {
			e.exposed = true
		}
	}
}

func (r replica) clone() replica {
	c := newReplica()
	c.must.add(r.must)
	c.pending.add(r.pending)
	for k := range r.unbased {
		c.unbased[k] = true
	}
	for k := range r.clearing {
		c.clearing[k] = true
	}
	return c
}
