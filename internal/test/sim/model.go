package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// model follows what each item is allowed to be. It knows of each edit and deletion
// what its author saw of the item, and of each device and the server what they
// surely have.
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
	// drops is the step whose tag an edit took off.
	drops int
	// shared tells of an edit of the keyword that another bookmark may take away.
	shared bool
	remove bool
	// past is what the author saw of the item, and what had led to it.
	past steps
	// excused tells that this edit may come back after a deletion that knew it: a copy
	// of a file in which it was not sent yet was put back, or the like.
	excused bool
	// resent tells of an edit that its device may not have known to be on the server
	// when another replaced it: of what keeps both, both may stay.
	resent bool
	// weak tells of a deletion that it may get lost: the server does not know it any more,
	// and not every device has heard of it.
	weak bool
	// exposed tells of an edit that not every device had when the server lost it: a device
	// that has an older state may be the first to fill the server again, and no other can
	// tell that from an edit.
	exposed bool
	// loose tells of an edit that it need not prevail over an older one: its device
	// did not know what it had in common with the server.
	loose bool
}

// What an edit set besides the fields.
const (
	added     = -1 - iota // all of them: it added the item
	yielding              // what a deletion elsewhere goes before: an item's place, or a folder's title
	tagged                // one tag more
	untagged              // one less
	keyworded             // the keyword
)

// replica is what a device has.
type replica struct {
	// must is what has surely come to it, pending what it may not know to be on the
	// server.
	must, pending steps
	// unbased are the kinds of which it forgot what it has in common with the server.
	unbased map[string]bool
}

func newReplica() replica {
	return replica{must: steps{}, pending: steps{}, unbased: map[string]bool{}}
}

func newModel(Story) *model {
	return &model{events: map[int]*event{}, byItem: map[itemOf][]*event{}, server: steps{}}
}

// saw is what leads to the values of an item.
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
	m.events[e.n] = e
	key := itemOf{e.kind, e.item}
	m.byItem[key] = append(m.byItem[key], e)
	rep := &d.model
	rep.must[e.n], rep.pending[e.n] = true, true
	if rep.unbased[e.kind] {
		e.loose = true
	}
	e.weak = e.remove && m.uncertain(d, e)
	m.stillPending(d, e)
}

// uncertain tells of a deletion that it may get lost where a device forgot what it has in
// common with the server. To the deleting device, an older state that another puts there
// looks like an edit; to another, a key that is absent from a record of the storage's next
// life looks like one that was never there.
func (m *model) uncertain(d *device, e *event) bool {
	if kinds[e.kind].absent {
		return slices.ContainsFunc(d.run.devices, func(o *device) bool { return o.model.unbased[e.kind] })
	}
	return d.model.unbased[e.kind] && m.any(e.past, func(q *event) bool { return q.exposed })
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

// forget notes that the server has less than before.
func (m *model) forget(r *run, kind string, left steps) {
	for n := range m.server.of(m, kind) {
		if !left[n] {
			delete(m.server, n)
		}
	}
	for _, d := range r.devices {
		m.unbase(d, kind)
		for _, e := range m.events {
			if e.kind == kind && !d.model.must[e.n] {
				e.exposed = true
			}
		}
	}
	m.weaken(r, kind)
}

// weaken marks the deletions that the server does not have and some device has not
// heard of.
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
		// item is back there: absence is no edit.
		if !m.events[n].remove || d.model.pending[n] || theirs[n] {
			m.server[n] = true
		}
		delete(d.model.pending, n)
	}
	for n := range theirs.of(m, kind) {
		d.model.must[n] = true
	}
	delete(d.model.unbased, kind)
}

// back notes that a copy is in the place of what a device had of some kinds.
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
	}
	d.model.must, d.model.pending = must, pending
	for _, kind := range list {
		m.weaken(d.run, kind)
	}
}

func (r replica) clone() replica {
	c := newReplica()
	c.must.add(r.must)
	c.pending.add(r.pending)
	for k := range r.unbased {
		c.unbased[k] = true
	}
	return c
}

// check tells what is wrong with what all devices show of a kind, or nil. durable is
// what was surely left when the faults ended; sober tells that no clock was wrong.
func (m *model) check(name string, all []shown, durable steps, sober bool) *Finding {
	k := kinds[name]
	byItem := map[int][]shown{}
	for _, it := range all {
		if it.item < 0 {
			return finding("strange "+name, "nobody added %q", it.text)
		}
		byItem[it.item] = append(byItem[it.item], it)
	}
	keys := slices.SortedFunc(maps.Keys(m.byItem), func(a, b itemOf) int { return a.item - b.item })
	for _, key := range keys {
		if key.kind != name {
			continue
		}
		events, its := m.byItem[key], byItem[key.item]
		delete(byItem, key.item)
		if f := m.checkItem(k, key, events, its, durable, sober); f != nil {
			return f
		}
	}
	for item := range byItem {
		return finding("strange "+name, "nobody added item %d", item)
	}
	return nil
}

func (m *model) checkItem(k kind, key itemOf, events []*event, its []shown, durable steps, sober bool) *Finding {
	var removals []*event
	for _, e := range events {
		if e.remove {
			removals = append(removals, e)
		}
	}
	// Where a deletion is a value, one that any edit is beside may win over it.
	// And an edit that lost to another is gone with that.
	contested := func(e *event) bool {
		return slices.ContainsFunc(removals, func(d *event) bool {
			return (k.nulls || d.loose) && !e.past[d.n] || !k.all && slices.ContainsFunc(sorted(d.past), func(n int) bool {
				return !e.past[n] && (k.whole || e.field < 0 || m.events[n].field < 0 || e.field == m.events[n].field)
			})
		})
	}
	// gone are the edits that a deletion knew, dead those that it surely ended.
	gone, dead := steps{}, steps{}
	for _, d := range removals {
		gone.add(d.past)
		if durable[d.n] && !d.weak {
			dead.add(d.past)
		}
	}
	has := steps{}
	for _, it := range its {
		for _, n := range it.steps() {
			has[n] = true
		}
	}
	alive := false
	for _, e := range events {
		if !e.remove && (!dead[e.n] || e.excused) {
			alive = true
		}
	}
	if len(its) > 0 && !alive {
		return finding("undead "+key.kind, "item %d was deleted and is back: %s\n%s", key.item, texts(its), m.history(events, durable))
	}
	for _, e := range events {
		if e.remove || gone[e.n] || !durable[e.n] || e.yields(events) || contested(e) || m.any(e.past, func(q *event) bool { return q.loose }) || e.exposed && (len(its) > 0 || len(removals) > 0) {
			continue
		}
		if len(its) == 0 {
			return finding("lost "+key.kind, "item %d is gone, though step %d stands\n%s", key.item, e.n, m.history(events, durable))
		}
		if k.all && !has[e.n] && !m.replaced(e, events, k) {
			return finding("lost "+key.kind, "what step %d wrote to item %d is gone: %s\n%s", e.n, key.item, texts(its), m.history(events, durable))
		}
		if f := m.checkLabels(key, its, e, events, durable, sober); f != nil {
			return f
		}
	}
	if f := m.checkTwice(k, key, its, events, durable); f != nil {
		return f
	}
	for _, it := range its {
		for field, n := range it.steps() {
			if m.events[n] == nil {
				return finding("strange "+key.kind, "nobody wrote field %d of %s", field, it.text)
			}
		}
		if !sober || k.visits {
			continue
		}
		for _, e := range events {
			if e.remove || !durable[e.n] || gone[e.n] || e.loose || e.exposed || contested(e) {
				continue
			}
			n := m.outdated(k, it, e)
			// A state from before what was exposed may have come back.
			if n != 0 && !m.any(e.past, func(q *event) bool { return q.exposed && q.past[n] }) && !m.revived(n, e, events) {
				return finding("stale "+key.kind, "item %d has what step %d wrote, which step %d replaced: %s\n%s",
					key.item, n, e.n, it.text, m.history(events, durable))
			}
		}
	}
	return nil
}

// revived reports whether a deletion that knew what step n wrote lost to an edit by a device
// that had not seen what replaced it. That device's record has the old value in a newer
// record: no other can tell that from an edit of the field.
func (m *model) revived(n int, e *event, events []*event) bool {
	return slices.ContainsFunc(events, func(d *event) bool {
		return d.remove && d.past[n] && slices.ContainsFunc(events, func(f *event) bool {
			return f != e && !f.remove && f.past[n] && !d.past[f.n] &&
				m.any(d.past, func(q *event) bool { return q.past[n] && !f.past[q.n] })
		})
	})
}

// checkLabels checks what became of an edit of a bookmark's tags or keyword. Tags are a
// set: what one side adds comes to what the other has. Keywords are values.
func (m *model) checkLabels(key itemOf, its []shown, e *event, events []*event, durable steps, sober bool) *Finding {
	if e.loose || e.exposed || e.shared {
		return nil
	}
	replaced := e.unlabelled(events)
	for _, it := range its {
		switch {
		case e.field == tagged && !replaced && !slices.Contains(it.tags, e.n):
			return finding("lost tag", "what step %d wrote to item %d is gone: %s\n%s", e.n, key.item, it.text, m.history(events, durable))
		case e.field == untagged && slices.Contains(it.tags, e.drops) && !m.events[e.drops].excused:
			return finding("stale tag", "item %d has what step %d took off: %s\n%s", key.item, e.n, it.text, m.history(events, durable))
		case e.field == keyworded && !replaced && it.keyword == 0 && it.shared == "":
			return finding("lost keyword", "what step %d wrote to item %d is gone: %s\n%s", e.n, key.item, it.text, m.history(events, durable))
		case e.field == keyworded && sober && e.past[it.keyword] && !m.events[it.keyword].excused:
			return finding("stale keyword", "item %d has what step %d replaced: %s\n%s", key.item, e.n, it.text, m.history(events, durable))
		}
	}
	return nil
}

// unlabelled reports whether the tag or keyword of an edit was taken off again.
func (e *event) unlabelled(events []*event) bool {
	return slices.ContainsFunc(events, func(o *event) bool {
		return o.past[e.n] && (o.field == keyworded && e.field == keyworded || o.drops == e.n)
	})
}

// yields reports whether a deletion elsewhere goes before an edit. What left no trace in
// the item may have been known there, and the model cannot tell.
func (e *event) yields(events []*event) bool {
	return e.field == yielding || e.field == untagged || e.shared || e.unlabelled(events)
}

// outdated returns the step whose value in an item an edit replaced, or 0. Of kinds
// whose records stand or fall as a whole, all values have to be older.
func (m *model) outdated(k kind, it shown, e *event) (n int) {
	if k.all || k.whole {
		for _, n = range it.fields {
			if !e.past[n] || m.events[n].excused || k.all && m.events[n].resent {
				return 0
			}
		}
		return n
	}
	if e.field < 0 || e.field >= len(it.fields) {
		return 0
	}
	if n = it.fields[e.field]; e.past[n] && !m.events[n].excused {
		return n
	}
	return 0
}

func (m *model) any(s steps, is func(*event) bool) bool {
	for n := range s {
		if is(m.events[n]) {
			return true
		}
	}
	return false
}

// replaced tells whether what an edit wrote was seen and overwritten.
func (m *model) replaced(e *event, events []*event, k kind) bool {
	if k.visits {
		return false
	}
	for _, o := range events {
		if o.past[e.n] && !o.remove {
			return true
		}
	}
	return false
}

func (m *model) checkTwice(k kind, key itemOf, its []shown, events []*event, durable steps) *Finding {
	most := 1
	if k.all && !k.visits {
		most = len(its)
	}
	seen := map[string]bool{}
	for _, it := range its {
		v := fmt.Sprint(it.fields)
		if seen[v] || len(its) > most {
			return finding("doubled "+key.kind, "item %d is there %d times: %s\n%s", key.item, len(its), texts(its), m.history(events, durable))
		}
		seen[v] = true
	}
	return nil
}

func texts(its []shown) string {
	var list []string
	for _, it := range its {
		list = append(list, it.text)
	}
	return strings.Join(list, " | ")
}

// history tells what happened to an item.
func (m *model) history(events []*event, durable steps) string {
	var b strings.Builder
	for _, e := range events {
		what := "edit"
		if e.remove {
			what = "deletion"
		}
		fmt.Fprintf(&b, "  step %d: %s of field %d, knowing %v, durable %v, excused %v, weak %v, loose %v\n",
			e.n, what, e.field, sorted(e.past), durable[e.n], e.excused, e.weak, e.loose)
	}
	return b.String()
}

func sorted(s steps) (list []int) {
	for n := range s {
		list = append(list, n)
	}
	slices.Sort(list)
	return list
}
