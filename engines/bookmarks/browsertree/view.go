package browsertree

import (
	"encoding/json"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

const (
	menu    = bookmarks.Menu
	toolbar = bookmarks.Toolbar
	unfiled = bookmarks.Unfiled
	mobile  = bookmarks.Mobile
)

// stateVersion is the version of what MarshalJSON writes.
const stateVersion = 1

// View is what is remembered of one browser. The zero View is one that was never merged.
// It is stored as JSON, after each exchange and before the operations go to the browser.
type View struct {
	Version int `json:"version"`
	// Install names the browser's profile.
	Install string `json:"install"`
	// Merged says that there was an exchange.
	Merged bool `json:"merged"`
	// Syncing says which of two sets of bookmarks is merged; see Node.
	Syncing bool `json:"syncing,omitempty"`
	// Stand are the browser's folders that stand for roots, by root.
	Stand map[engine.ID]string `json:"stand,omitempty"`
	// Session is that of the browser that reported last. Unsure says that its last changes may not
	// be on the disk; Before is the base as it was before them, the last of which was at Changed,
	// in Unix milliseconds. See rollBack.
	Session string  `json:"session,omitempty"`
	Unsure  bool    `json:"unsure,omitempty"`
	Before  []known `json:"before,omitempty"`
	Changed int64   `json:"changed,omitempty"`
	// Next names the next operation.
	Next int `json:"next"`
	// Base has each folder before what is in it, and siblings in order.
	Base []known `json:"base"`
	// Sent are the operations without an answer.
	Sent []sent `json:"sent,omitempty"`
	// Refused are the values that the browser cannot have, by item.
	Refused map[engine.ID]value `json:"refused,omitempty"`
}

// value is a title and a URL.
type value struct {
	Title string `json:"title"`
	URL   string `json:"url,omitempty"`
}

// known is an item of the base.
type known struct {
	GUID   engine.ID      `json:"guid"`
	Parent engine.ID      `json:"parent"`
	Kind   bookmarks.Kind `json:"kind"`
	// ID and Added are the browser's; "" for what it does not have.
	ID    string `json:"id,omitempty"`
	Added int64  `json:"added,omitempty"`
	// Value is the browser's, and Store the store's for the same; nil: no other.
	Value value  `json:"value"`
	Store *value `json:"store,omitempty"`
}

// stored is the item's value in the store.
func (k *known) stored() value {
	if k.Store != nil {
		return *k.Store
	}
	return k.Value
}

// sent is an operation that went to the browser.
type sent struct {
	N      int       `json:"n"`
	GUID   engine.ID `json:"guid"`
	Create bool      `json:"create,omitempty"`
	// Parent is the folder of what is created.
	Parent engine.ID      `json:"parent,omitempty"`
	Kind   bookmarks.Kind `json:"kind"`
	// Value is the store's.
	Value value `json:"value"`
}

// Load reads a view that was stored.
func Load(b []byte) (*View, error) {
	v := &View{}
	if err := json.Unmarshal(b, v); err != nil {
		return nil, fmt.Errorf("what is remembered of the browser cannot be read: %w", err)
	}
	if v.Version != stateVersion {
		return nil, fmt.Errorf("what is remembered of the browser is of version %d, and this program knows version %d: update it", v.Version, stateVersion)
	}
	return v, nil
}

// acknowledge enters what became of operations into the base.
func (v *View) acknowledge(acks []Ack) {
	if len(acks) == 0 {
		return
	}
	open := make(map[int]sent, len(v.Sent))
	for _, s := range v.Sent {
		open[s.N] = s
	}
	at := make(map[engine.ID]int, len(v.Base))
	for i := range v.Base {
		at[v.Base[i].GUID] = i
	}
	for _, a := range acks {
		s, ok := open[a.N]
		if !ok {
			continue // of an exchange before
		}
		delete(open, a.N)
		i, inBase := at[s.GUID]
		switch {
		case a.Stale:
		case a.Refused && s.Create:
			if v.Refused == nil {
				v.Refused = map[engine.ID]value{}
			}
			v.Refused[s.GUID] = s.Value
		case a.Refused && inBase:
			v.Base[i].Store = &s.Value // so it is not asked for again
		case s.Create && isRoot(s.GUID):
			v.stand(s.GUID, a.ID)
		case s.Create && !inBase && a.ID != "":
			at[s.GUID] = len(v.Base)
			v.Base = append(v.Base, known{GUID: s.GUID, Parent: s.Parent, Kind: s.Kind, ID: a.ID, Added: a.Added, Value: value{a.Title, a.URL}, Store: other(value{a.Title, a.URL}, s.Value)})
		case !s.Create && inBase:
			v.Base[i].Value, v.Base[i].Store = value{a.Title, a.URL}, other(value{a.Title, a.URL}, s.Value)
		}
	}
	left := v.Sent[:0]
	for _, s := range v.Sent {
		if _, ok := open[s.N]; ok {
			left = append(left, s)
		}
	}
	v.Sent = left
}

func (v *View) stand(root engine.ID, id string) {
	if v.Stand == nil {
		v.Stand = map[engine.ID]string{}
	}
	v.Stand[root] = id
}

// other is b unless it is a.
func other(a, b value) *value {
	if a == b {
		return nil
	}
	return &b
}

func isRoot(id engine.ID) bool { return bookmarks.IsRoot(id) }
