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

// sides are two records to merge, with the version that both come from if there is one.
type sides struct {
	base, local, remote []byte
	// changed tells whether local has changes that the server lacks.
	changed    bool
	localNewer bool
	prefer     engine.Side
	// earlier tells that base is of another storage, or an earlier life of this one: what
	// remote lacks may be older than base, and is not a deletion.
	earlier bool
	// keys are those of remote.
	keys Keys
	// within is the nested object whose fields are merged, as its rule describes it.
	within Nested
	// undecided, if not nil, is told that a field was left to the newer side.
	undecided *bool
	// unmerged, if not nil, takes why Schema.Merge failed.
	unmerged *error
}

// incoming is the remote record as it came.
func (s *sides) incoming() content { return content{s.remote, s.keys} }

// localStands tells which side stands where one has to.
func (s *sides) localStands() bool {
	return s.prefer == engine.PreferLocal || s.localNewer && s.prefer != engine.PreferRemote
}

// leaveOpen notes that nothing decided, and a side stands for that reason alone.
func (s *sides) leaveOpen() {
	if s.undecided != nil {
		*s.undecided = true
	}
}

// versions are the objects of sides, taken apart.
type versions struct{ base, local, remote object }

func (s *sides) parse() (v versions, err error) {
	if v.base, err = parse(s.base); err == nil {
		v.local, err = parse(s.local)
	}
	if err == nil {
		v.remote, err = parse(s.remote)
	}
	return v, err
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
// changed the same one, the schema decides. send is false if the server knows all
// of the outcome that it would keep.
func (s *Store[R]) threeWay(x sides) (merged content, send bool, err error) {
	v, err := x.parse()
	if err != nil {
		return content{}, false, err
	}
	if s.schema.Merge != nil || s.schema.NewerStands {
		merged, send, ok, err := s.wholeRecord(x, v)
		if ok {
			return merged, send, nil
		}
		if err != nil {
			*x.unmerged = err
			x.leaveOpen()
		}
	}
	o, send, differs := s.fields.merge(x, v)
	if !differs {
		return x.incoming(), false, nil
	}
	merged.payload = o.append(nil)
	if merged.keys, err = s.check(merged.payload); err == nil {
		return merged, send, nil
	}
	// Each side's change was valid alone and the two together are not: one
	// record stands as a whole.
	x.leaveOpen()
	if !x.localStands() {
		return x.incoming(), false, nil
	}
	v.local.set("id", v.remote.get("id"))
	merged.payload = v.local.append(nil)
	merged.keys, _ = s.check(merged.payload) // one that is not valid has none
	return merged, true, nil
}

// wholeRecord has Schema.Merge or NewerStands decide, where both sides changed the record.
// ok is false where they did not, or where it failed with err.
func (s *Store[R]) wholeRecord(x sides, v versions) (merged content, send, ok bool, err error) {
	ours := slices.Clone(v.local)
	ours.set("id", v.remote.get("id")) // it is another where the two are the same by content
	local := ours.append(nil)
	if same(local, x.remote) || x.base != nil && (same(x.base, local) || same(x.base, x.remote)) {
		return content{}, false, false, nil
	}
	switch {
	case x.prefer == engine.PreferRemote, s.schema.NewerStands && !x.localStands():
		return x.incoming(), false, true, nil
	case x.prefer == engine.PreferLocal:
		merged.payload = local
		merged.keys, _ = s.check(local)
		return merged, true, true, nil
	case s.schema.NewerStands:
		merged.payload = local
	default:
		x.undecided = nil
		o, _, _ := s.fields.merge(x, v)
		if merged.payload, err = s.mergeByApp(x.base, local, x.remote, o.append(nil)); err != nil {
			return content{}, false, false, err
		}
	}
	if merged.keys, err = s.check(merged.payload); err != nil {
		return content{}, false, false, err
	}
	if same(merged.payload, x.remote) {
		return x.incoming(), false, true, nil
	}
	return merged, true, true, nil
}

// fieldRules say how the fields of two versions of a record come together; see [Schema].
type fieldRules struct {
	nested                 map[string]Nested
	sets, sticky, required map[string]bool
	resolve                func(Conflict) (value []byte, ok bool)
}

func newFieldRules(nested []Nested, sets, sticky, required []string, resolve func(Conflict) ([]byte, bool)) fieldRules {
	f := fieldRules{nested: make(map[string]Nested), sets: nameSet(sets), sticky: nameSet(sticky), required: nameSet(required), resolve: resolve}
	for _, n := range nested {
		f.nested[n.Name] = n
	}
	return f
}

func nameSet(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// merge merges the fields of two objects. differs tells whether the outcome is another
// than remote.
func (rules *fieldRules) merge(s sides, v versions) (merged object, send, differs bool) {
	merged = make(object, 0, len(v.remote)+2)
	add := func(name string, written []byte) {
		value, sendThis := rules.field(s, name, v)
		if equal(value, s.get(v.remote, name)) {
			if written != nil {
				merged = append(merged, member{name, written})
			}
			return
		}
		differs = true
		send = send || sendThis
		if value != nil {
			merged = append(merged, member{name, value})
		}
	}
	for _, m := range v.remote {
		add(m.name, m.value)
	}
	for _, m := range v.local {
		if _, there := v.remote.find(m.name); !there {
			add(m.name, nil)
		}
	}
	return merged, send, differs
}

// field is one field on the two sides of a record, and in their past. A value is nil where
// there is none.
type field struct {
	sides
	name     string
	b, l, r  []byte // its value in the base, in the local and in the remote record
	versions versions
	written  bool // remote has it, if only as null
	nested   Nested
	isNested bool
}

// field returns what a field becomes, and whether the server has to be told.
func (rules *fieldRules) field(s sides, name string, v versions) (value []byte, send bool) {
	f := field{sides: s, name: name, b: s.get(v.base, name), l: s.get(v.local, name), r: s.get(v.remote, name), versions: v}
	_, f.written = v.remote.find(name)
	if s.within.Name == "" {
		f.nested, f.isNested = rules.nested[name]
	}
	if value, send, ok := rules.notWritten(&f); ok {
		return value, send
	}
	if value, send, ok := rules.oneSide(&f); ok {
		return value, send
	}
	if value, send, ok := rules.together(&f); ok {
		return value, send
	}
	return rules.decide(&f)
}

// notWritten decides a field that remote has as local does, or does not have: the client
// that wrote remote may not know it.
func (rules *fieldRules) notWritten(f *field) (v []byte, send, ok bool) {
	switch {
	case f.name == "id" || equal(f.l, f.r):
		return f.r, false, true
	case !f.written && rules.required[f.name]:
		return f.l, true, true
	case f.r == nil && rules.sticky[f.name]:
		return f.l, f.changed && !equal(f.l, f.b), true
	case f.earlier && f.within.Name != "" && f.r == nil && f.l != nil:
		return f.l, true, true
	}
	return nil, false, false
}

// oneSide decides a field that one side alone changed, or, without a common past, that
// one side alone has a value for.
func (rules *fieldRules) oneSide(f *field) (v []byte, send, ok bool) {
	if f.base == nil {
		switch {
		case f.unset(f.l):
			return f.r, false, true
		case f.unset(f.r):
			return f.l, true, true
		}
		return nil, false, false
	}
	switch {
	case equal(f.l, f.b):
		if f.isNested && (f.earlier || len(rules.required) > 0) {
			// It may lack what is here, or is required.
			if v, send, ok := rules.nest(f); ok {
				return v, send, true
			}
		}
		return f.r, false, true
	case equal(f.r, f.b):
		return f.l, true, true
	}
	return nil, false, false
}

// together merges what both sides changed in a set or in an object.
func (rules *fieldRules) together(f *field) (v []byte, send, ok bool) {
	switch {
	case rules.sets[f.name] && f.within.Name == "":
		return mergeSets(f.b, f.l, f.r, f.base != nil)
	case f.isNested:
		return rules.nest(f)
	}
	return nil, false, false
}

// decide lets one side's value stand, or what Schema.Resolve makes of both.
func (rules *fieldRules) decide(f *field) (v []byte, send bool) {
	switch f.prefer {
	case engine.PreferLocal:
		return f.l, true
	case engine.PreferRemote:
		return f.r, false
	}
	if rules.resolve != nil {
		conflict := Conflict{
			Field: f.name, Within: f.within.Name, Base: f.b, Local: f.l, Remote: f.r, LocalNewer: f.localNewer,
			local: f.versions.local, remote: f.versions.remote,
		}
		if v, ok := rules.resolve(conflict); ok {
			return v, true
		}
	}
	f.leaveOpen()
	if f.localNewer {
		return f.l, true
	}
	return f.r, false
}

// nest merges the members of an object within the record; ok is false if a side
// holds something else there.
func (rules *fieldRules) nest(f *field) (v []byte, send, ok bool) {
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
	o, send, differs := rules.merge(s, versions{base, local, remote})
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
		return nil, errNotObject
	}
	return parse(text)
}
