package mirror

import (
	"slices"

	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// arrived is the past of a record whose last snapshot got no receipt: before, but for
// the fields in which the server has just what was sent. Those arrived, and what the
// user changed since, was changed on top of them, also where another device changed
// other fields meanwhile. Of a record that this device made there is nothing before;
// that it is on the server does not tell that it arrived, as another device may have
// made one under the same ID.
func (rules *fieldRules) arrived(before, sent, remote []byte) ([]byte, error) {
	was, err := parse(before)
	if err != nil {
		return nil, err
	}
	ours, err := parse(sent)
	if err != nil {
		return nil, err
	}
	theirs, err := parse(remote)
	if err != nil {
		return nil, err
	}
	past := slices.Clone(was)
	for _, name := range names(was, ours, theirs) {
		b, s, r := was.get(name), ours.get(name), theirs.get(name)
		if nested, ok := rules.nested[name]; ok && !equal(s, r) {
			r = nested.arrived(b, s, r)
		} else if !equal(s, r) {
			continue
		}
		if r == nil {
			past = slices.DeleteFunc(past, func(m member) bool { return m.name == name })
		} else {
			past.set(name, r)
		}
	}
	return past.append(nil), nil
}

// arrived is fieldRules.arrived of the object that a field holds.
func (n *Nested) arrived(before, sent, remote []byte) []byte {
	was, errWas := n.parse(before)
	ours, errOurs := n.parse(sent)
	theirs, errTheirs := n.parse(remote)
	if errWas != nil || errOurs != nil || errTheirs != nil || was == nil || ours == nil || theirs == nil {
		return before
	}
	past := slices.Clone(was)
	for _, name := range names(was, ours, theirs) {
		i, sentIt := ours.find(name)
		j, haveIt := theirs.find(name)
		switch {
		case !sentIt && !haveIt:
			past = slices.DeleteFunc(past, func(m member) bool { return m.name == name })
		case sentIt && haveIt && equal(ours[i].value, theirs[j].value):
			past.set(name, theirs[j].value)
		}
	}
	text := past.append(nil)
	if n.Text {
		text = rawjson.AppendQuoted(nil, text)
	}
	return text
}

// names are those of all fields of some objects.
func names(all ...object) (list []string) {
	for _, o := range all {
		for _, m := range o {
			if !slices.Contains(list, m.name) {
				list = append(list, m.name)
			}
		}
	}
	return list
}
