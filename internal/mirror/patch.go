package mirror

import (
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// A fieldSet names fields of an object, each with those of the object that it
// holds; nil: all that it holds. Of a list its only name is [Elements], of a map [Values].
type fieldSet map[string]fieldSet

// Elements and Values are names in [Schema.Fields] for what a list holds, and for what an
// object holds whose every name is R's: "rooms.[].name" is a field of each room in a list.
const (
	Elements = "[]"
	Values   = "{}"
)

func newFieldSet(names []string) fieldSet {
	set := make(fieldSet)
	for _, name := range names {
		at := set
		for {
			first, rest, nested := strings.Cut(name, ".")
			if !nested {
				at[first] = nil
				break
			}
			if at[first] == nil {
				at[first] = make(fieldSet)
			}
			at, name = at[first], rest
		}
	}
	return set
}

// lists tells whether there is a list with known fields in its elements.
func (set fieldSet) lists() bool {
	for name, within := range set {
		if name == Elements || within.lists() {
			return true
		}
	}
	return false
}

// unlisted names the first field of a value that is not in the set, or returns "".
func (set fieldSet) unlisted(raw []byte) (name string) {
	if set == nil {
		return ""
	}
	visit := func(under string, within fieldSet, value []byte) {
		if in := within.unlisted(value); in != "" && name == "" {
			name = under + "." + in
		}
	}
	if elements, list := set[Elements]; list {
		_ = rawjson.Array(raw, func(value []byte) error { visit(Elements, elements, value); return nil })
		return name
	}
	values, all := set[Values]
	_ = rawjson.Object(raw, func(field, value []byte) error {
		switch within, listed := set[string(field)]; {
		case listed:
			visit(string(field), within, value)
		case all:
			visit(Values, values, value)
		case name == "":
			name = string(field)
		}
		return nil
	})
	return name
}

// patch writes the fields over old. A value that means the same keeps its text,
// and a field that is not one of fields stays. seen is old as R writes it: by it an element
// of a list is known again. It is nil where there are no such lists.
func patch(old, seen, written []byte, fields fieldSet) ([]byte, error) {
	have, err := parse(old)
	if err != nil {
		return nil, err
	}
	was, err := parse(seen)
	if err != nil {
		return nil, err
	}
	want, err := parse(written)
	if err != nil {
		return nil, err
	}
	out := make(object, 0, len(have)+len(want))
	_, all := fields[Values]
	for _, m := range have {
		i, given := want.find(m.name)
		within, ours := fields[m.name]
		if all {
			within, ours = fields[Values], true
		}
		switch {
		case !given && ours:
			continue
		case !given || equal(have.get(m.name), want.get(m.name)):
		case within != nil:
			m.value = patchValue(m.value, was.get(m.name), want[i].value, within)
		default:
			m = want[i]
		}
		out = append(out, m)
	}
	for _, m := range want {
		if _, there := have.find(m.name); !there {
			out = append(out, m)
		}
	}
	return out.append(nil), nil
}

// patchValue is patch of a value, which is written whole where it is not what it was.
func patchValue(old, seen, written []byte, fields fieldSet) []byte {
	if elements, list := fields[Elements]; list {
		return patchList(old, seen, written, elements)
	}
	if patched, err := patch(old, seen, written, fields); err == nil {
		return patched
	}
	return written
}

// patchList gives each element of a list what R does not know of the one that it was.
func patchList(old, seen, written []byte, fields fieldSet) []byte {
	have, ok := list(old)
	was, okSeen := list(seen)
	want, okWritten := list(written)
	if !ok || !okSeen || !okWritten || len(was) != len(have) {
		return written
	}
	out := []byte{'['}
	for i, from := range sameElements(was, want) {
		if i > 0 {
			out = append(out, ',')
		}
		value := want[i]
		if from >= 0 {
			value = patchValue(have[from], was[from], value, fields)
		}
		out = append(out, value...)
	}
	return append(out, ']')
}

// list takes a list apart.
func list(raw []byte) (elements [][]byte, ok bool) {
	err := rawjson.Array(raw, func(value []byte) error {
		elements = append(elements, value)
		return nil
	})
	return elements, err == nil
}

// sameElements finds for each element of a list the one that it was, by index, or -1: the
// one with its ID, or else an equal one. What is left between two such is the same where it
// is as many as before, and what it has most values in common with otherwise.
func sameElements(was, now [][]byte) []int {
	from := make([]int, len(now))
	left := make(map[string][]int, len(was)) // by what they are known by
	for i, e := range was {
		key := elementKey(e)
		left[key] = append(left[key], i)
	}
	taken := make([]bool, len(was))
	for i, e := range now {
		from[i] = -1
		if key := elementKey(e); len(left[key]) > 0 {
			from[i], left[key] = left[key][0], left[key][1:]
			taken[from[i]] = true
		}
	}
	for begin := 0; begin < len(now); {
		end := begin
		for end < len(now) && from[end] < 0 {
			end++
		}
		if end > begin {
			fillGap(from, begin, end, was, now, taken)
		}
		begin = end + 1
	}
	return from
}

// fillGap finds the elements that those from begin to end were, between the ones that their
// neighbours were.
func fillGap(from []int, begin, end int, was, now [][]byte, taken []bool) {
	lowest, highest := 0, len(was)
	if begin > 0 {
		lowest = from[begin-1] + 1
	}
	if end < len(now) {
		highest = from[end]
	}
	var gap []int
	for i := lowest; i < highest; i++ {
		if !taken[i] {
			gap = append(gap, i)
		}
	}
	fill(from[begin:end], now[begin:end], was, gap)
	for _, i := range from[begin:end] {
		if i >= 0 {
			taken[i] = true
		}
	}
}

// fill finds among the elements of a gap those that others were.
func fill(from []int, now, was [][]byte, gap []int) {
	if len(gap) == len(from) {
		copy(from, gap)
		return
	}
	for i, e := range now {
		most, best := 0, -1
		for at, g := range gap {
			if n := inCommon(was[g], e); n > most {
				most, best = n, at
			}
		}
		if best >= 0 {
			from[i] = gap[best]
			gap = slices.Delete(gap, best, best+1)
		}
	}
}

// elementKey is what an element of a list is known by: its ID, or else all of it.
func elementKey(e []byte) string {
	if o, err := parse(e); err == nil {
		if id := o.get("id"); id != nil && string(id) != `""` {
			return "id " + string(id)
		}
	}
	return "value " + canonicalJSON(e)
}

// inCommon counts the values that two objects have in common.
func inCommon(a, b []byte) (n int) {
	x, errX := parse(a)
	y, errY := parse(b)
	if errX != nil || errY != nil {
		return 0
	}
	for _, m := range x {
		if v := y.get(m.name); v != nil && equal(x.get(m.name), v) {
			n++
		}
	}
	return n
}
