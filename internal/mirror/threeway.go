package mirror

import (
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// Conflict is a field that both sides changed, differently.
type Conflict struct {
	// Field is its name, and Within that of the nested object that has it, or "".
	Field, Within string
	// Base, Local and Remote are JSON values; nil is an absent field or null.
	// Base is nil too when the two sides have no common past.
	Base, Local, Remote []byte
	// LocalNewer tells which record was changed last: the user's edit by this
	// device's clock, or the server's record by the server's.
	LocalNewer bool

	local, remote object
}

// LocalField is another field of this device's record.
func (c *Conflict) LocalField(name string) []byte { return c.local.get(name) }

// RemoteField is another field of the server's record.
func (c *Conflict) RemoteField(name string) []byte { return c.remote.get(name) }

// Both are the two sides of a record, which both changed, as JSON objects under
// one ID.
type Both struct {
	// Base is their common past, or nil.
	Base, Local, Remote []byte
	// LocalNewer tells which was changed last; see Conflict.
	LocalNewer bool
	// Fields is what comes of a comparison field by field, the newer side's value
	// standing where both changed one.
	Fields []byte
}

// sides are two records to bring together, with their common past if they have
// one.
type sides struct {
	base, local, remote []byte
	// changed tells whether local has changes that the server lacks.
	changed    bool
	localNewer bool
	prefer     engine.Side
	// earlier tells that base is of another storage, or an earlier life of this one:
	// what remote lacks may be older than base, and is no deletion.
	earlier bool
	// within is the nested object whose fields are merged, as its rule describes it.
	within Nested
	// undecided, if not nil, is told that a field was left to the newer side.
	undecided *bool
	// unmerged, if not nil, takes why Rules.Merge failed.
	unmerged *error
}

// get is a field's value; nil: there is none.
func (s *sides) get(o object, name string) []byte {
	if i, there := o.find(name); there && s.within.Nulls {
		return o[i].value
	}
	return o.get(name)
}

// unset tells whether a value says nothing: where two sides have no common past, it
// never beats one that somebody set.
func (s *sides) unset(v []byte) bool {
	return v == nil || !s.within.Nulls && (string(v) == `""` || string(v) == "[]" || string(v) == "{}")
}

// threeWay merges field by field: what one side changed stands, and where both
// changed the same one, the rules decide. send is false if the server knows all
// of the outcome that it would keep.
func (c *core) threeWay(s sides) (merged []byte, send bool, err error) {
	base, err := parse(s.base)
	if err != nil {
		return nil, false, err
	}
	local, err := parse(s.local)
	if err != nil {
		return nil, false, err
	}
	remote, err := parse(s.remote)
	if err != nil {
		return nil, false, err
	}
	if c.rules.Merge != nil {
		merged, send, whole, err := c.whole(s, base, local, remote)
		if whole {
			return merged, send, nil
		}
		if err != nil {
			*s.unmerged = err
			if s.undecided != nil {
				*s.undecided = true
			}
		}
	}
	o, send, differs := c.objects(s, base, local, remote)
	if !differs {
		return s.remote, false, nil
	}
	merged = o.append(nil)
	if _, err := c.check(merged); err == nil {
		return merged, send, nil
	}
	// Each side's change was sound alone and the two don't go together: one
	// record stands as a whole.
	if s.undecided != nil {
		*s.undecided = true
	}
	if s.localNewer && s.prefer != engine.PreferRemote || s.prefer == engine.PreferLocal {
		local.set("id", remote.get("id"))
		return local.append(nil), true, nil
	}
	return s.remote, false, nil
}

// whole has Rules.Merge decide, where both sides changed the record. ok is false
// where they did not, or where it failed with err.
func (c *core) whole(s sides, base, local, remote object) (merged []byte, send, ok bool, err error) {
	ours := slices.Clone(local)
	ours.set("id", remote.get("id")) // it is another where the two are the same by content
	both := Both{Base: s.base, Local: ours.append(nil), Remote: s.remote, LocalNewer: s.localNewer}
	switch {
	case same(both.Local, s.remote) || s.base != nil && (same(s.base, both.Local) || same(s.base, s.remote)):
		return nil, false, false, nil
	case s.prefer == engine.PreferLocal:
		return both.Local, true, true, nil
	case s.prefer == engine.PreferRemote:
		return s.remote, false, true, nil
	}
	s.undecided = nil
	o, _, _ := c.objects(s, base, local, remote)
	both.Fields = o.append(nil)
	if merged, err = c.rules.Merge(both); err == nil {
		_, err = c.check(merged)
	}
	if err != nil {
		return nil, false, false, err
	}
	if same(merged, s.remote) {
		return s.remote, false, true, nil
	}
	return merged, true, true, nil
}

func (c *core) objects(s sides, base, local, remote object) (merged object, send, differs bool) {
	merged = make(object, 0, len(remote)+2)
	field := func(name string, written []byte) {
		r := s.get(remote, name)
		v, sendThis := c.field(s, name, base, local, remote)
		if equal(v, r) {
			if written != nil {
				merged = append(merged, member{name, written})
			}
			return
		}
		differs = true
		send = send || sendThis
		if v != nil {
			merged = append(merged, member{name, v})
		}
	}
	for _, m := range remote {
		field(m.name, m.value)
	}
	for _, m := range local {
		if _, there := remote.find(m.name); !there {
			field(m.name, nil)
		}
	}
	return merged, send, differs
}

func (o object) find(name string) (int, bool) {
	for i := range o {
		if o[i].name == name {
			return i, true
		}
	}
	return 0, false
}

// field is one field on the two sides of a record, and in their past. A value is nil where
// there is none.
type field struct {
	sides
	name     string
	b, l, r  []byte // its value in the base, in the local and in the remote record
	local    object
	remote   object
	written  bool // remote has it, if only as null
	nested   Nested
	isNested bool
}

// field returns what a field becomes, and whether the server has to be told.
func (c *core) field(s sides, name string, base, local, remote object) (v []byte, send bool) {
	f := field{sides: s, name: name, b: s.get(base, name), l: s.get(local, name), r: s.get(remote, name), local: local, remote: remote}
	_, f.written = remote.find(name)
	if s.within.Name == "" {
		f.nested, f.isNested = c.nested[name]
	}
	if v, send, ok := c.left(&f); ok {
		return v, send
	}
	if v, send, ok := c.oneSide(&f); ok {
		return v, send
	}
	if v, send, ok := c.together(&f); ok {
		return v, send
	}
	return c.decide(&f)
}

// left decides a field that remote does not have, or has as local does: whoever wrote
// remote may not know it.
func (c *core) left(f *field) (v []byte, send, ok bool) {
	switch {
	case f.name == "id" || equal(f.l, f.r):
		return f.r, false, true
	case !f.written && c.required[f.name]:
		return f.l, true, true
	case f.r == nil && c.sticky[f.name]:
		return f.l, f.changed && !equal(f.l, f.b), true
	case f.earlier && f.within.Name != "" && f.r == nil && f.l != nil:
		return f.l, true, true
	}
	return nil, false, false
}

// oneSide decides a field that one side changed, or, where there is no common past, one
// side says something in.
func (c *core) oneSide(f *field) (v []byte, send, ok bool) {
	past := f.base != nil
	switch {
	case past && equal(f.l, f.b):
		if f.isNested && (f.earlier || len(c.required) > 0) {
			// It may lack what is here, or is required.
			if v, send, ok := c.nest(f); ok {
				return v, send, true
			}
		}
		return f.r, false, true
	case past && equal(f.r, f.b):
		return f.l, true, true
	case !past && f.unset(f.l):
		return f.r, false, true
	case !past && f.unset(f.r):
		return f.l, true, true
	}
	return nil, false, false
}

// together merges what both sides changed in a set or in an object.
func (c *core) together(f *field) (v []byte, send, ok bool) {
	switch {
	case c.sets[f.name] && f.within.Name == "":
		return mergeSets(f.b, f.l, f.r, f.base != nil)
	case f.isNested:
		return c.nest(f)
	}
	return nil, false, false
}

// decide lets one side's value stand, or what Rules.Resolve makes of both.
func (c *core) decide(f *field) (v []byte, send bool) {
	switch f.prefer {
	case engine.PreferLocal:
		return f.l, true
	case engine.PreferRemote:
		return f.r, false
	}
	if c.rules.Resolve != nil {
		conflict := Conflict{
			Field: f.name, Within: f.within.Name, Base: f.b, Local: f.l, Remote: f.r, LocalNewer: f.localNewer,
			local: f.local, remote: f.remote,
		}
		if v, ok := c.rules.Resolve(conflict); ok {
			return v, true
		}
	}
	if f.undecided != nil {
		*f.undecided = true
	}
	if f.localNewer {
		return f.l, true
	}
	return f.r, false
}

// nest merges the members of an object within the record; ok is false if a side
// holds something else there.
func (c *core) nest(f *field) (v []byte, send, ok bool) {
	s, n := f.sides, f.nested
	local, err := n.parse(f.l)
	if err != nil || local == nil {
		return nil, false, false
	}
	remote, err := n.parse(f.r)
	if err != nil || remote == nil {
		return nil, false, false
	}
	base, err := n.parse(f.b)
	if err != nil {
		base = nil
	}
	s.base, s.within = f.b, n
	o, send, differs := c.objects(s, base, local, remote)
	if !differs {
		return f.r, false, true
	}
	if v = o.append(nil); n.Text {
		v = rawjson.AppendQuoted(nil, v)
	}
	return v, send, true
}

// parse takes the field's value apart; it is nil for an absent one.
func (n *Nested) parse(value []byte) (object, error) {
	if !n.Text || value == nil {
		return parse(value)
	}
	text, ok := rawjson.Unquoted(value)
	if !ok {
		return nil, errNoObject
	}
	return parse(text)
}
