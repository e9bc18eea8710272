// Package browsers serves the browsers on this machine that are parts of a profile's device: each
// keeps its bookmarks the same as the profile's, and adds its tabs and, if the user wants that,
// its visits. Their native hosts ask over the agent's socket:
//
//	POST /v1/browser/bookmarks  merges a browser's bookmarks; see [Bookmarks]
//	POST /v1/browser/forget     lets the next merge be a first one, and drops the browser's tabs
//	POST /v1/browser/tabs       says which tabs are open; see [Tabs]
//	POST /v1/browser/others     lists the account's other devices and their tabs; see [Others]
//	POST /v1/browser/received   returns pages that other devices sent, once for each browser
//	POST /v1/browser/visits     adds visits; see [Visits]
//	POST /v1/browser/history    returns visits of other devices, once for each browser
//	POST /v1/browser/status     says how it goes; see [Status]
//
// What is known of a browser is in a sealed file of the profile, named for its installation.
package browsers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/bookmarks/browsertree"
	"github.com/syncmanager/syncmanager/internal/lazyre"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// Config is the configuration of the handler. All fields must be set.
type Config struct {
	Profile *profile.Profile
	Now     func() time.Time
	Log     *slog.Logger
}

// handler serves the requests, one at a time.
type handler struct {
	Config
	mu sync.Mutex
}

// Install names an installation of the extension.
type Install struct {
	Install string `json:"install"`
}

var installs = lazyre.New(`^[A-Za-z0-9-]{8,64}$`)

// ValidInstall reports whether a text can name an installation, or a session of one.
func ValidInstall(s string) bool { return installs.MatchString(s) }

// maxRequest bounds a request, in bytes.
const maxRequest = 256 << 20

// New returns the handler of the paths under /v1/browser/.
func New(c Config) http.Handler {
	h := &handler{Config: c}
	mux := http.NewServeMux()
	serve(mux, h, "bookmarks", h.bookmarks)
	serve(mux, h, "forget", h.forget)
	serve(mux, h, "tabs", h.tabs)
	serve(mux, h, "others", h.others)
	serve(mux, h, "received", h.received)
	serve(mux, h, "visits", h.visits)
	serve(mux, h, "history", h.history)
	serve(mux, h, "status", h.status)
	return mux
}

// fault is an error in an answer, in the API's form.
type fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	status  int
}

func (f *fault) Error() string { return f.Message }

func invalid(format string, args ...any) error {
	return &fault{"invalid", fmt.Sprintf(format, args...), http.StatusBadRequest}
}

// serve lets f answer the requests of one path.
func serve[Q, A any](mux *http.ServeMux, h *handler, name string, f func(context.Context, Q) (A, error)) {
	mux.HandleFunc("POST /v1/browser/"+name, func(w http.ResponseWriter, r *http.Request) {
		var q Q
		var answer any
		err := decode(w, r, &q)
		if err == nil {
			h.mu.Lock()
			answer, err = f(r.Context(), q)
			h.mu.Unlock()
		}
		status := http.StatusOK
		if err != nil {
			var known *fault
			if !errors.As(err, &known) {
				h.Log.Warn("a browser's request failed", "request", name, "err", err)
				known = &fault{"internal", err.Error(), http.StatusInternalServerError}
			}
			status, answer = known.status, map[string]any{"error": known}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer) // a host that is gone
	})
}

func decode(w http.ResponseWriter, r *http.Request, q any) error {
	// No page of the web can send this without asking first.
	if r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Origin") != "" {
		return &fault{"forbidden", "web pages are not served here", http.StatusForbidden}
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(q)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &fault{"tooLarge", "the request is too large", http.StatusRequestEntityTooLarge}
	case err != nil:
		return invalid("the request is malformed: %v", err)
	}
	return nil
}

// browser is what is known of a browser.
type browser struct {
	View *browsertree.View `json:"view"`
	// ReceivedAt is the time of the newest page that was shown, HistoryAt that of the newest visit.
	ReceivedAt time.Time `json:"receivedAt,omitzero"`
	HistoryAt  time.Time `json:"historyAt,omitzero"`
	// Added are the pages that the browser was given last as visits, with their times there.
	Added map[string]time.Time `json:"added,omitempty"`
}

// load reads what is known of a browser; new says that this is its first request.
func (h *handler) load(install string) (*browser, error) {
	if !ValidInstall(install) {
		return nil, invalid("the name of the browser's installation is malformed")
	}
	file, err := h.Profile.BrowserFile(install)
	if err != nil {
		return nil, err
	}
	raw, err := file.Read()
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file.Path, err)
	}
	b := &browser{View: &browsertree.View{Install: install}, ReceivedAt: h.Now().UTC()}
	if raw == nil {
		return b, h.save(b)
	}
	var stored struct {
		browser
		View json.RawMessage `json:"view"`
	}
	if err := json.Unmarshal(raw, &stored); err != nil {
		return nil, fmt.Errorf("%s is malformed: %w", file.Path, err)
	}
	*b = stored.browser
	b.View = &browsertree.View{Install: install}
	var version struct{ Version int }
	if json.Unmarshal(stored.View, &version) == nil && version.Version == 0 {
		return b, nil // it was never merged
	}
	if b.View, err = browsertree.Load(stored.View); err != nil {
		return nil, err
	}
	return b, nil
}

func (h *handler) save(b *browser) error {
	raw, err := json.Marshal(b)
	if err != nil {
		return err
	}
	file, err := h.Profile.BrowserFile(b.View.Install)
	if err != nil {
		return err
	}
	return file.Write(raw)
}

// Bookmarks is a browser's report; the answer is a [browsertree.Result].
type Bookmarks struct {
	Install string `json:"install"`
	browsertree.Request
}

func (h *handler) bookmarks(ctx context.Context, q Bookmarks) (r browsertree.Result, err error) {
	b, err := h.load(q.Install)
	if err != nil {
		return r, err
	}
	e, err := h.Profile.Bookmarks(ctx)
	if err != nil {
		return r, err
	}
	r, err = b.View.Exchange(ctx, e, h.Now(), q.Request)
	switch {
	case errors.Is(err, browsertree.ErrMalformed):
		return r, invalid("%v", err)
	case errors.Is(err, browsertree.ErrRoots):
		return r, &fault{"roots", err.Error(), http.StatusConflict}
	case errors.Is(err, engine.ErrInvalid):
		return r, invalid("%v", err)
	case err != nil:
		return r, err
	}
	return r, h.save(b)
}

func (h *handler) forget(ctx context.Context, q Install) (struct{}, error) {
	b, err := h.load(q.Install)
	if err != nil {
		return struct{}{}, err
	}
	b.View.Forget()
	return struct{}{}, errors.Join(h.save(b), h.setTabs(ctx, q.Install, nil))
}

// Status says how it goes.
type Status struct {
	// Device is this device's name, and Account the account's address; "": the profile is not
	// signed in to a server.
	Device  string `json:"device"`
	Account string `json:"account,omitempty"`
	// Merged says that the browser's bookmarks were merged.
	Merged bool `json:"merged"`
	// LastSync is when the last successful sync was; absent: never.
	LastSync time.Time `json:"lastSync,omitzero"`
	// Bookmarks counts the profile's.
	Bookmarks int `json:"bookmarks"`
}

func (h *handler) status(ctx context.Context, q Install) (s Status, err error) {
	b, err := h.load(q.Install)
	if err != nil {
		return s, err
	}
	s.Device, s.Merged = h.Profile.DeviceName(), b.View.Merged
	if a := h.Profile.Account(); a != nil && !a.Local {
		s.Account = a.Email
	}
	m, err := h.Profile.Manager(ctx)
	if err != nil {
		return s, err
	}
	if at := m.LastSync(); !at.IsZero() {
		s.LastSync = at.UTC()
	}
	e, err := h.Profile.Bookmarks(ctx)
	if err != nil {
		return s, err
	}
	s.Bookmarks, err = e.CountBookmarks(ctx, bookmarks.Menu, bookmarks.Toolbar, bookmarks.Unfiled, bookmarks.Mobile)
	return s, err
}
