package tabs

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"

	"github.com/syncmanager/syncmanager/engine"
)

// head is a device's record without its windows and groups, which come after the tabs.
type head struct {
	ID         engine.ID `json:"id"`
	ClientName string    `json:"clientName"`
	Tabs       []Tab     `json:"tabs"`
}

// tail are the windows and groups of a record.
type tail struct {
	Groups  map[string]wireGroup  `json:"tabGroups,omitempty"`
	Windows map[string]wireWindow `json:"windows,omitempty"`
}

// build writes the record with as many tabs as fit into room bytes, the ones last
// used first. left is how many were left out. Windows and groups are left out if they would take
// more than half of it.
func build(id engine.ID, name string, all OpenTabs, room int) (payload []byte, left int, err error) {
	payload, err = json.Marshal(head{ID: id, ClientName: name, Tabs: []Tab{}})
	if err != nil {
		return nil, 0, err
	}
	payload = bytes.TrimSuffix(payload, []byte("]}"))
	var end tail
	end.Windows, end.Groups = all.wire()
	last, err := json.Marshal(end)
	if err != nil {
		return nil, 0, err
	}
	if len(last) > room/2 {
		last = []byte("{}")
	}
	if last = last[1:]; len(last) > 1 {
		last = append([]byte(","), last...)
	}
	last = append([]byte("]"), last...)
	for i, t := range all.Tabs {
		text, err := json.Marshal(t)
		if err != nil {
			return nil, 0, err
		}
		if len(payload)+len(text)+len(",")+len(last) > room {
			left = len(all.Tabs) - i
			break
		}
		if i > 0 {
			payload = append(payload, ',')
		}
		payload = append(payload, text...)
	}
	return append(payload, last...), left, nil
}

var errTabs = errors.New("the record holds no list of tabs")

// parse reads another device's record. A tab that cannot be read is left out.
func parse(payload []byte) (name string, all OpenTabs, err error) {
	var r struct {
		ClientName string            `json:"clientName"`
		Tabs       []json.RawMessage `json:"tabs"`
		Groups     json.RawMessage   `json:"tabGroups"`
		Windows    json.RawMessage   `json:"windows"`
	}
	if err := json.Unmarshal(payload, &r); err != nil || r.Tabs == nil {
		return "", all, errTabs
	}
	all = OpenTabs{Tabs: []Tab{}, Windows: parseWindows(r.Windows), Groups: parseGroups(r.Groups)}
	windows, groups := map[string]bool{}, map[string]bool{}
	for _, w := range all.Windows {
		windows[w.ID] = true
	}
	for _, g := range all.Groups {
		groups[g.ID] = true
	}
	for _, raw := range r.Tabs[:min(len(r.Tabs), maxTabs)] {
		var t Tab
		if json.Unmarshal(raw, &t) != nil || len(t.URLHistory) == 0 || !acceptable(t.URLHistory[0]) {
			continue
		}
		t = t.harmless()
		if !windows[t.WindowID] {
			t.WindowID = ""
		}
		if !groups[t.GroupID] {
			t.GroupID = ""
		}
		all.Tabs = append(all.Tabs, t)
	}
	return r.ClientName, all, nil
}

// seconds reads a time that some apps write with a fraction and old ones as text.
func seconds(raw []byte) int64 { return whole(raw, 1<<40) }

// whole reads a number from 0 to max, without its fraction; anything else is 0.
func whole(raw []byte, max float64) int64 {
	f := 0.0
	if json.Unmarshal(bytes.Trim(raw, `"`), &f) != nil || math.IsNaN(f) || f < 0 || f > max {
		return 0
	}
	return int64(f)
}
