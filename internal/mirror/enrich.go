package mirror

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
)

// bring adds an imported record. Where it is here already, the one that is here gets
// what the imported one has and it has not; what differs stays as it is, and is named.
func (e *Records[R]) bring(r *R) error {
	err := e.Add(r)
	var dupe *engine.DuplicateError
	if !errors.As(err, &dupe) {
		return err
	}
	given, err := json.Marshal(r)
	if err != nil {
		return err
	}
	changed, differ, err := e.enrich(dupe.ID, given)
	switch {
	case err != nil:
		return err
	case len(differ) > 0:
		return &importing.Skip{Reason: "it is here already with another " + strings.Join(differ, ", ") + ", which was kept"}
	case changed:
		return ErrUpdated
	}
	return dupe
}

// enrich gives the record what it lacks of a payload, and returns the names of the
// fields that differ. A record that the user cannot edit stays as it is.
func (e *userTx) enrich(id engine.ID, given []byte) (changed bool, differ []string, err error) {
	c := e.tx.core
	have, err := e.get(id)
	if err != nil || c.readOnly(have) != nil {
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
	e.enrichObject(&to, from, &sides{}, &changed, &differ)
	if !changed {
		return false, differ, nil
	}
	var dupe *engine.DuplicateError
	err = e.put(id, to.append(nil))
	if errors.As(err, &dupe) || errors.As(err, new(*engine.InvalidError)) {
		return false, differ, nil // what it would be is another record, or none
	}
	return true, differ, err
}

func (e *userTx) enrichObject(to *object, from object, s *sides, changed *bool, differ *[]string) {
	c := e.tx.core
	for _, m := range from {
		was, given := s.get(*to, m.name), s.get(from, m.name)
		nested, isNested := c.nested[m.name]
		switch {
		case m.name == "id" || s.unset(given) || string(given) == "0" || equal(was, given):
			continue
		case s.unset(was):
			to.set(m.name, given)
			*changed = true
			continue
		case isNested && s.within.Name == "":
			if value, ok := e.enrichNested(nested, was, given, changed, differ); ok {
				to.set(m.name, value)
				continue
			}
		case c.sets[m.name] && s.within.Name == "":
			if value, more, ok := mergeSets(nil, given, was, false); ok {
				to.set(m.name, value)
				*changed = *changed || more
				continue
			}
		}
		if value, ok := earlierUse(m.name, was, given); ok {
			if !equal(value, was) {
				to.set(m.name, value)
				*changed = true
			}
			continue
		}
		*differ = append(*differ, m.name)
	}
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

func (e *userTx) enrichNested(n Nested, was, given []byte, changed *bool, differ *[]string) (value []byte, ok bool) {
	to, err := n.parse(was)
	if err != nil || to == nil {
		return nil, false
	}
	from, err := n.parse(given)
	if err != nil || from == nil {
		return nil, false
	}
	e.enrichObject(&to, from, &sides{within: n}, changed, differ)
	value = to.append(nil)
	if n.Text {
		text, err := json.Marshal(string(value))
		return text, err == nil
	}
	return value, true
}

// named gives a skip that has neither a line nor a name the item's name.
func (im *importRun[R]) named(s importing.Skip, r *R) importing.Skip {
	if s.Line == 0 && s.Item == "" {
		s.Item = im.Item(r)
	}
	return s
}
