package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// check returns what is wrong with what all devices show of a kind, or nil. durable is what was
// certainly left when the faults ended; sober says that no clock was wrong.
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
	// If a deletion is a value, any concurrent edit may win over it. And an edit that lost to
	// another is gone with that.
	contested := func(e *event) bool {
		return slices.ContainsFunc(removals, func(d *event) bool {
			return (k.nulls || d.loose) && !e.past[d.n] || !k.all && slices.ContainsFunc(sorted(d.past), func(n int) bool {
				return !e.past[n] && (k.whole || e.field < 0 || m.events[n].field < 0 || e.field == m.events[n].field)
			})
		})
	}
	// gone are the edits that a deletion knew, dead those that it certainly ended.
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
		if !e.remove && (!dead[e.n] || e.excused || m.homeless(e)) {
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

// homeless reports whether an edit put a bookmark into a folder that another device had deleted
// without knowing of it: there the bookmark moves to a remaining folder, and such a move beats
// a deletion as the user's own does.
func (m *model) homeless(e *event) bool {
	return slices.ContainsFunc(e.folders, func(folder int) bool {
		return slices.ContainsFunc(m.byItem[itemOf{e.kind, folder}], func(d *event) bool { return d.remove && !d.knew[e.n] })
	})
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

// unlabelled reports whether the tag or keyword of an edit was removed again; or the keyword
// was taken by an edit of another bookmark that this one did not know, which may win.
func (e *event) unlabelled(events []*event) bool {
	return slices.ContainsFunc(events, func(o *event) bool {
		return e.field == keyworded && (o.field == keyworded && o.past[e.n] || o.taken && !e.past[o.n]) || o.past[e.n] && o.drops == e.n
	})
}

// yields reports whether a deletion elsewhere wins over an edit. What left no trace in the item
// may have been known there, and the model cannot tell.
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

// replaced reports whether what an edit wrote was seen and overwritten.
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

// history describes what happened to an item.
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
