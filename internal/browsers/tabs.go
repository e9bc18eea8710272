package browsers

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/engines/tabs"
	"github.com/syncmanager/syncmanager/internal/profile"
)

const (
	// maxTabs bounds the tabs of a browser, and those that are listed of each other device.
	maxTabs = 2000
	// maxURL and maxTitle bound those of tabs and visits, in bytes.
	maxURL   = 64 << 10
	maxTitle = 4096
	// maxListed bounds the bytes of the addresses and titles that are listed of all devices, so
	// that the answer fits into a message to the extension.
	maxListed = 300 << 10
)

// Tabs are all tabs of a browser.
type Tabs struct {
	Install string `json:"install"`
	Tabs    []Tab  `json:"tabs"`
}

// Tab is an open tab.
type Tab struct {
	URL   string `json:"url"`
	Title string `json:"title"`
	// Window names the window of the browser.
	Window string `json:"window,omitempty"`
	Pinned bool   `json:"pinned,omitempty"`
	// Used is when it was last looked at, in Unix milliseconds; 0: not known.
	Used float64 `json:"used,omitempty"`
}

func (h *handler) tabs(ctx context.Context, q Tabs) (struct{}, error) {
	if !ValidInstall(q.Install) {
		return struct{}{}, invalid("the name of the browser's installation is malformed")
	}
	if len(q.Tabs) > maxTabs {
		q.Tabs = q.Tabs[:maxTabs]
	}
	return struct{}{}, h.setTabs(ctx, q.Install, q.Tabs)
}

// setTabs makes the tabs of a browser those of this device, beside those of other browsers.
func (h *handler) setTabs(ctx context.Context, install string, list []Tab) error {
	e, err := h.Profile.Tabs(ctx)
	if err != nil {
		return err
	}
	all, err := e.OpenTabs(ctx)
	if err != nil {
		return err
	}
	prefix := install + "/"
	all.Tabs = slices.DeleteFunc(all.Tabs, func(t tabs.Tab) bool { return strings.HasPrefix(t.WindowID, prefix) })
	all.Windows = slices.DeleteFunc(all.Windows, func(w tabs.Window) bool { return strings.HasPrefix(w.ID, prefix) })
	seen := map[string]bool{}
	for _, t := range all.Tabs {
		seen[t.URL()] = true
	}
	for i, t := range list {
		if seen[t.URL] || len(t.URL) > maxURL || !isWeb(t.URL) {
			continue
		}
		seen[t.URL] = true
		to := tabs.Tab{Title: cut(t.Title), URLHistory: []string{t.URL}, Pinned: t.Pinned, Index: i, WindowID: prefix + cutTo(t.Window, 20)}
		if t.Used > 0 && t.Used < 1e15 {
			to.LastUsed = time.UnixMilli(int64(t.Used)).UTC()
		}
		if !slices.ContainsFunc(all.Windows, func(w tabs.Window) bool { return w.ID == to.WindowID }) {
			all.Windows = append(all.Windows, tabs.Window{ID: to.WindowID, Index: len(all.Windows)})
		}
		all.Tabs = append(all.Tabs, to)
	}
	return e.SetOpenTabs(ctx, all)
}

// isWeb reports whether a URL means the same on another device.
func isWeb(url string) bool {
	return strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://")
}

// cut bounds a title.
func cut(s string) string { return cutTo(s, maxTitle) }

func cutTo(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

// Others are the account's other devices.
type Others struct {
	Devices []Device `json:"devices"`
	// Left counts the tabs that are not listed.
	Left int `json:"left,omitempty"`
}

// Device is another device, with its tabs.
type Device struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
	// Takes says that pages can be sent to it.
	Takes bool  `json:"takes"`
	Tabs  []Tab `json:"tabs"`
}

func (h *handler) others(ctx context.Context, _ struct{}) (o Others, err error) {
	m, err := h.Profile.Manager(ctx)
	if err != nil {
		return o, err
	}
	o.Devices = []Device{}
	at := map[string]int{}
	for _, d := range m.Devices() {
		if !d.Local {
			at[string(d.ID)] = len(o.Devices)
			o.Devices = append(o.Devices, Device{ID: string(d.ID), Name: d.Name, Type: d.Type, Takes: d.AccountID != "", Tabs: []Tab{}})
		}
	}
	e, err := h.Profile.Tabs(ctx)
	if err != nil {
		return o, err
	}
	listed := 0
	for d, err := range e.Others(ctx) {
		if err != nil {
			return o, err
		}
		i, ok := at[string(d.Device.ID)]
		if !ok {
			continue
		}
		for _, t := range d.Tabs {
			size := len(t.URL()) + len(t.Title)
			if !isWeb(t.URL()) || len(o.Devices[i].Tabs) == maxTabs || listed+size > maxListed {
				o.Left++
				continue
			}
			listed += size
			o.Devices[i].Tabs = append(o.Devices[i].Tabs, Tab{URL: t.URL(), Title: t.Title, Pinned: t.Pinned})
		}
	}
	return o, nil
}

// Received are pages that other devices sent.
type Received struct {
	Pages []Page `json:"pages"`
}

// Page is a page that another device sent.
type Page struct {
	URL   string `json:"url"`
	Title string `json:"title"`
	From  string `json:"from,omitempty"`
}

// maxReceived bounds the pages that are shown at once.
const maxReceived = 20

// Receiving asks for the pages that other devices sent.
type Receiving struct {
	Install string `json:"install"`
	// Now says that the user asked: the server is asked for more, however long ago that was done.
	Now bool `json:"now,omitempty"`
}

// received returns the pages that arrived since the browser was last told of some. It asks the server for more, if not by the
// user's wish at most every few minutes: syncs, which do so too, may be an hour apart.
func (h *handler) received(ctx context.Context, q Receiving) (r Received, err error) {
	age := profile.PollEvery
	if q.Now {
		age = 0
	}
	h.mu.Unlock() // other requests do not wait for the network
	_, err = h.Profile.Receive(ctx, age)
	h.mu.Lock()
	if err != nil {
		h.Log.Debug("what other devices sent could not be received; the next minute tries again", "err", err)
	}
	b, err := h.load(q.Install)
	if err != nil {
		return r, err
	}
	inbox, err := h.Profile.Inbox()
	if err != nil {
		return r, err
	}
	r.Pages = []Page{}
	newest := b.ReceivedAt
	for _, t := range inbox {
		if !t.ReceivedAt.After(b.ReceivedAt) || !isWeb(t.URL) || len(t.URL) > maxURL/4 {
			continue
		}
		if t.ReceivedAt.After(newest) {
			newest = t.ReceivedAt
		}
		r.Pages = append(r.Pages, Page{t.URL, cut(t.Title), t.From})
	}
	r.Pages = r.Pages[max(0, len(r.Pages)-maxReceived):]
	if newest.Equal(b.ReceivedAt) {
		return r, nil
	}
	b.ReceivedAt = newest
	return r, h.save(b)
}
