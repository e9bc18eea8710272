package tabs

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
)

// record is a device's tabs as they go over the wire.
type record struct {
	ID         engine.ID `json:"id"`
	ClientName string    `json:"clientName"`
	Tabs       []Tab     `json:"tabs"`
}

// build writes the record with as many tabs as fit into room bytes, the ones last
// used first. left is how many were left out.
func build(id engine.ID, name string, all []Tab, room int) (payload []byte, left int, err error) {
	head, err := json.Marshal(record{ID: id, ClientName: name, Tabs: []Tab{}})
	if err != nil {
		return nil, 0, err
	}
	const tail = "]}"
	payload = bytes.TrimSuffix(head, []byte(tail))
	for i, t := range all {
		text, err := json.Marshal(t)
		if err != nil {
			return nil, 0, err
		}
		if len(payload)+len(text)+len(",")+len(tail) > room {
			left = len(all) - i
			break
		}
		if i > 0 {
			payload = append(payload, ',')
		}
		payload = append(payload, text...)
	}
	return append(payload, tail...), left, nil
}

var errTabs = errors.New("the record holds no list of tabs")

// parse reads another device's record. A tab that cannot be read is left out.
func parse(payload []byte) (name string, all []Tab, err error) {
	var r struct {
		ClientName string            `json:"clientName"`
		Tabs       []json.RawMessage `json:"tabs"`
	}
	if err := json.Unmarshal(payload, &r); err != nil || r.Tabs == nil {
		return "", nil, errTabs
	}
	all = []Tab{}
	for _, raw := range r.Tabs {
		var t Tab
		if json.Unmarshal(raw, &t) != nil || len(t.URLHistory) == 0 || !acceptable(t.URLHistory[0]) {
			continue
		}
		all = append(all, t.harmless())
	}
	return r.ClientName, all, nil
}

// harmless is a tab without what this device would not send: an address before the page's
// that means something here alone, and an icon that is not one.
func (t Tab) harmless() Tab {
	t.URLHistory = slices.DeleteFunc(t.URLHistory, func(address string) bool { return !acceptable(address) })
	if !acceptable(t.Icon) && !strings.HasPrefix(t.Icon, "data:image/") {
		t.Icon = ""
	}
	return t
}

// seconds reads a time that some apps write with a fraction and old ones as text.
func seconds(raw []byte) int64 {
	f := 0.0
	if json.Unmarshal(bytes.Trim(raw, `"`), &f) != nil || math.IsNaN(f) || f < 0 || f > 1<<40 {
		return 0
	}
	return int64(f)
}
