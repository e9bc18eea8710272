package mirror

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
)

// importRecord adds an imported record. If the record exists already, it gets the values that
// it does not have; different values are kept and reported.
func (t *Tx[R]) importRecord(r *R) error {
	err := t.Add(r)
	var duplicate *engine.DuplicateError
	if !errors.As(err, &duplicate) {
		return err
	}
	given, err := json.Marshal(r)
	if err != nil {
		return err
	}
	changed, differ, err := t.enrich(duplicate.ID, given)
	switch {
	case err != nil:
		return err
	case len(differ) > 0:
		return &importing.Skip{Reason: "it is here already with another " + strings.Join(differ, ", ") + ", which was kept"}
	case changed:
		return ErrUpdated
	}
	return duplicate
}

// enrich gives the record what it lacks of a payload, and returns the names of the
// fields that differ. A record that the user cannot edit stays as it is.
func (t *Tx[R]) enrich(id engine.ID, given []byte) (changed bool, differ []string, err error) {
	have, err := t.payload(id)
	if err != nil || t.store.schema.readOnly(have) != nil {
		return false, nil, err
	}
	to, err := parse(have)
	if err != nil {
		return false, nil, err
	}
	from, err := parse(given)
	if err != nil {
		return false, nil, err
	}
	e := enriching{fieldRules: &t.store.fields}
	e.object(&to, from, &sides{})
	if !e.changed {
		return false, e.differ, nil
	}
	err = t.put(id, to.append(nil))
	if errors.Is(err, engine.ErrDuplicate) || errors.As(err, new(*engine.InvalidError)) {
		return false, e.differ, nil // what it would be is another record, or is not valid
	}
	return true, e.differ, err
}

// enriching gives an object what it lacks of another.
type enriching struct {
	*fieldRules
	changed bool
	differ  []string // the names of fields that have another value
}

func (e *enriching) object(to *object, from object, s *sides) {
	for _, m := range from {
		was, given := s.get(*to, m.name), s.get(from, m.name)
		if m.name == "id" || s.unset(given) || string(given) == "0" || equal(was, given) {
			continue
		}
		value, changed, ok := e.value(m.name, was, given, s)
		if !ok {
			e.differ = append(e.differ, m.name)
			continue
		}
		to.set(m.name, value)
		e.changed = e.changed || changed
	}
}

// value is what a field becomes that the two have different values for; ok is false where
// it stays.
func (e *enriching) value(name string, was, given []byte, s *sides) (value []byte, changed, ok bool) {
	if s.unset(was) {
		return given, true, true
	}
	if nested, isNested := e.nested[name]; isNested && s.within.Name == "" {
		if value, ok := e.nestedObject(nested, was, given); ok {
			return value, false, true // it noted itself what changed
		}
	} else if e.sets[name] && s.within.Name == "" {
		if value, changed, ok := mergeSets(nil, given, was, false); ok {
			return value, changed, true
		}
	}
	if value, ok = earlierUse(name, was, given); ok && equal(value, was) {
		value = was
	}
	return value, ok && !equal(value, was), ok
}

func (e *enriching) nestedObject(n Nested, was, given []byte) (value []byte, ok bool) {
	to, err := n.parse(was)
	if err != nil || to == nil {
		return nil, false
	}
	from, err := n.parse(given)
	if err != nil || from == nil {
		return nil, false
	}
	e.object(&to, from, &sides{within: n})
	value = to.append(nil)
	if n.Text {
		text, err := json.Marshal(string(value))
		return text, err == nil
	}
	return value, true
}

// earlierUse is the value of a field that tells of a record's use, where two tell of the
// same record.
func earlierUse(name string, was, given []byte) (value []byte, ok bool) {
	switch name {
	case "timeLastModified", "timePasswordChanged":
		return was, true // what is here was not modified by an import
	}
	return ResolveUsage(Conflict{Field: name, Local: was, Remote: given})
}

// named gives a skip that has neither a line nor a name the item's name.
func (im *importRun[R]) named(s importing.Skip, r *R) importing.Skip {
	if s.Line == 0 && s.Item == "" {
		s.Item = im.Item(r)
	}
	return s
}
