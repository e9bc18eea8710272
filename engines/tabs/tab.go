package tabs

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// These bound what another device sends of its tabs; what is beyond them is left out.
const (
	// maxTabs is how many tabs of a device there are.
	maxTabs = 10_000
	// maxTitle is the length of a title and of a group's name, in bytes.
	maxTitle = 4096
	// maxHistory is how many addresses a tab has.
	maxHistory = 50
)

// Tab is an open page, with the wire's field names. A page is open once on a device, and
// its URL names it.
type Tab struct {
	// Title is the page's title, or "".
	Title string `json:"title"`
	// URLHistory is the page's address and, from some apps, those before it in
	// the tab's history, the newest first.
	URLHistory []string `json:"urlHistory"`
	// Icon is the address of the page's icon, or "".
	Icon string `json:"icon"`
	// LastUsed is when the tab was last looked at, to the second, in UTC; zero: not known.
	// In JSON it is in Unix seconds.
	LastUsed time.Time `json:"-"`
	// Pinned says that the user pinned the tab, and Inactive that it was not used for long, so
	// that the app shows it apart.
	Pinned   bool `json:"pinned,omitempty"`
	Inactive bool `json:"inactive,omitempty"`
	// Index is the tab's place in its window, from 0.
	Index int `json:"index,omitempty"`
	// WindowID is the [Window] that has the tab, and GroupID its [Group]; "": none, or not known.
	WindowID string `json:"windowId,omitempty"`
	GroupID  string `json:"tabGroupId,omitempty"`
}

// URL is the page's address.
func (t Tab) URL() string {
	if len(t.URLHistory) == 0 {
		return ""
	}
	return t.URLHistory[0]
}

// tabFields are those of a tab that are the same on the wire.
type tabFields Tab

// MarshalJSON writes the tab as it goes over the wire.
func (t Tab) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		*tabFields
		LastUsed int64 `json:"lastUsed"`
	}{(*tabFields)(&t), unix(t.LastUsed)})
}

// UnmarshalJSON reads a tab from the wire. A field that only some apps write, and that is
// malformed, is as if it were not there.
func (t *Tab) UnmarshalJSON(raw []byte) error {
	var w struct {
		Title      string          `json:"title"`
		URLHistory []string        `json:"urlHistory"`
		Icon       string          `json:"icon"`
		LastUsed   json.RawMessage `json:"lastUsed"`
		Pinned     json.RawMessage `json:"pinned"`
		Inactive   json.RawMessage `json:"inactive"`
		Index      json.RawMessage `json:"index"`
		WindowID   json.RawMessage `json:"windowId"`
		GroupID    json.RawMessage `json:"tabGroupId"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return err
	}
	*t = Tab{
		Title: w.Title, URLHistory: w.URLHistory, Icon: w.Icon, LastUsed: fromUnix(seconds(w.LastUsed)),
		Pinned: readAs[bool](w.Pinned), Inactive: readAs[bool](w.Inactive), Index: place(w.Index),
		WindowID: readAs[string](w.WindowID), GroupID: readAs[string](w.GroupID),
	}
	return nil
}

// readAs reads a value; one that is absent or of another type is the zero value.
func readAs[T any](raw []byte) (v T) {
	if json.Unmarshal(raw, &v) != nil {
		var none T
		return none
	}
	return v
}

// place reads an index; one that cannot be is 0.
func place(raw []byte) int {
	if n := readAs[int64](raw); n >= 0 && n <= math.MaxInt32 {
		return int(n)
	}
	return 0
}

// harmless is a tab without what this device would not send: an address before the page's
// that means something here alone, an icon that is not one, and texts without end.
func (t Tab) harmless() Tab {
	t.URLHistory = slices.DeleteFunc(t.URLHistory, func(address string) bool { return !acceptable(address) })
	t.URLHistory = t.URLHistory[:min(len(t.URLHistory), maxHistory)]
	if !acceptable(t.Icon) && !strings.HasPrefix(t.Icon, "data:image/") {
		t.Icon = ""
	}
	t.Title = cut(t.Title)
	return t
}

// cut shortens a text to maxTitle, at the end of a character.
func cut(text string) string {
	if len(text) <= maxTitle {
		return text
	}
	n := maxTitle
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
