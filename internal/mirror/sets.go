package mirror

import (
	"bytes"
	"encoding/json"
)

// A valueSet is a list without an order: its elements as they are written, each once.
type valueSet struct {
	texts []json.RawMessage
	keys  []string        // to compare by
	has   map[string]bool // by key
}

// mergeSets merges lists whose order means nothing: the server's, with what this device
// put in, and without what it took out; without a common past, all of both. send tells
// whether the server's is another set; ok is false if a side is not a list.
func mergeSets(base, local, remote []byte, past bool) (merged []byte, send, ok bool) {
	l, okLocal := newValueSet(local)
	r, okRemote := newValueSet(remote)
	if !okLocal || !okRemote {
		return nil, false, false
	}
	var b valueSet
	if past {
		b, _ = newValueSet(base)
	}
	var out [][]byte
	for i, key := range r.keys {
		if b.has[key] && !l.has[key] {
			send = true
			continue
		}
		out = append(out, r.texts[i])
	}
	for i, key := range l.keys {
		if !r.has[key] && !b.has[key] {
			send = true
			out = append(out, l.texts[i])
		}
	}
	if !send {
		return remote, false, true
	}
	return append(append([]byte{'['}, bytes.Join(out, []byte{','})...), ']'), true, true
}

// newValueSet reads a list; an absent one is empty.
func newValueSet(list []byte) (s valueSet, ok bool) {
	s.has = make(map[string]bool)
	if list == nil {
		return s, true
	}
	var texts []json.RawMessage
	if json.Unmarshal(list, &texts) != nil {
		return s, false
	}
	for _, text := range texts {
		key := canonicalJSON(text)
		if s.has[key] {
			continue
		}
		s.has[key] = true
		s.texts, s.keys = append(s.texts, text), append(s.keys, key)
	}
	return s, true
}

// canonicalJSON is a text that is the same for all values that mean the same.
func canonicalJSON(value []byte) string {
	text, err := json.Marshal(decode(value)) // sorts the members of objects
	if err != nil {
		return string(value)
	}
	return string(text)
}
