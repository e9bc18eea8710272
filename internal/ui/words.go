package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/api"
)

// engineWords are what engines are called, and what their items are.
var engineWords = map[string]struct{ Name, One, Many, Icon string }{
	"bookmarks":         {"Bookmarks", "bookmark", "bookmarks", "bookmark"},
	"history":           {"History", "page", "pages", "clock"},
	"passwords":         {"Passwords", "password", "passwords", "key"},
	"tabs":              {"Open tabs", "tab", "tabs", "tabs"},
	"addresses":         {"Addresses", "address", "addresses", "home"},
	"creditcards":       {"Payment cards", "card", "cards", "card"},
	"forms":             {"Form entries", "form entry", "form entries", "text"},
	"prefs":             {"Preferences", "preference", "preferences", "sliders"},
	"addons":            {"Add-ons", "add-on", "add-ons", "puzzle"},
	"extension-storage": {"Data of add-ons", "value", "values", "box"},
}

// engineName is what an engine is called.
func engineName(engine string) string {
	if w, ok := engineWords[engine]; ok {
		return w.Name
	}
	return engine
}

func engineIcon(engine string) string {
	if w, ok := engineWords[engine]; ok {
		return w.Icon
	}
	return "box"
}

// items counts items of an engine in words: "3 bookmarks".
func items(engine string, n int) string {
	w, ok := engineWords[engine]
	if !ok {
		w.One, w.Many = "record of "+engine, "records of "+engine
	}
	if n == 1 {
		return "1 " + w.One
	}
	return number(n) + " " + w.Many
}

// number writes a number with spaces between thousands, which do not break.
func number[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return sign + digits
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// size writes a number of bytes.
func size(n int64) string {
	for _, unit := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "GB"}, {1 << 20, "MB"}, {1 << 10, "KB"}} {
		if n >= unit.bytes {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(unit.bytes), unit.name)
		}
	}
	return plural(int(n), "byte", "bytes")
}

// moment writes a time as a person of the zone says it: "today, 15:04".
func (s *Server) moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	t = t.In(s.Zone)
	now := s.Now().In(s.Zone)
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, s.Zone)
	clock := t.Format("15:04")
	switch {
	case !t.Before(day.AddDate(0, 0, 2)):
	case !t.Before(day.AddDate(0, 0, 1)):
		return "tomorrow, " + clock
	case !t.Before(day):
		return "today, " + clock
	case !t.Before(day.AddDate(0, 0, -1)):
		return "yesterday, " + clock
	}
	if t.Year() == now.Year() {
		return t.Format("2 January, ") + clock
	}
	return t.Format("2 January 2006, ") + clock
}

// stamp is a time for the attribute datetime.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// story says what a sync did: "12 bookmarks received, 1 password sent".
func story(r api.SyncResult) string {
	var received, sent, did []string
	for _, e := range inOrder(r.Engines, func(e api.EngineResult) string { return e.Engine }) {
		if e.Applied > 0 {
			received = append(received, items(e.Engine, e.Applied))
		}
		if e.Uploaded > 0 {
			sent = append(sent, items(e.Engine, e.Uploaded))
		}
	}
	if len(received) > 0 {
		did = append(did, "received "+listed(received))
	}
	if len(sent) > 0 {
		did = append(did, "sent "+listed(sent))
	}
	for _, e := range r.Engines {
		switch {
		case e.Status == "needsConfirmation":
			did = append(did, engineName(e.Engine)+" wait for your word")
		case e.Failed > 0:
			did = append(did, items(e.Engine, e.Failed)+" failed")
		case e.Error != "" && r.Status == "partial":
			did = append(did, engineName(e.Engine)+" failed")
		}
	}
	if len(did) > 0 {
		text := strings.Join(did, "; ")
		return strings.ToUpper(text[:1]) + text[1:]
	}
	switch r.Status {
	case "failed":
		return map[string]string{
			"network": "The server could not be reached", "server": "The server had an error", "refused": "The server refused the sync",
		}[string(r.Failure)]
	case "auth":
		return "The account asks you to sign in again"
	case "backedOff":
		return "The server asked to wait"
	}
	return "Nothing to do"
}

// listed joins words: "a, b and 2 more".
func listed(words []string) string {
	if len(words) > 4 {
		words = append(words[:3:3], fmt.Sprintf("%d more kinds", len(words)-3))
	}
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " and " + words[n]
	}
	return words[0]
}

// order is the order in which a person looks for engines.
var order = []string{"bookmarks", "history", "passwords", "tabs", "addresses", "creditcards", "forms", "prefs", "addons", "extension-storage"}

// inOrder sorts what belongs to engines by that order. Engines that are not in it come last.
func inOrder[E any](list []E, engine func(E) string) []E {
	place := func(e E) int {
		if i := slices.Index(order, engine(e)); i >= 0 {
			return i
		}
		return len(order)
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b E) int { return place(a) - place(b) })
	return list
}

// phases say what a step of a sync does.
var phases = map[string]string{
	"setup": "asking the account", "clients": "looking at the devices", "download": "receiving", "merge": "merging", "upload": "sending", "done": "done",
}

// progress says how far a sync is.
func progress(p api.Progress) string {
	phase, ok := phases[p.Phase]
	if !ok {
		phase = p.Phase
	}
	if p.Engine == "" {
		return "Syncing: " + phase
	}
	text := "Syncing: " + engineName(p.Engine) + ", " + phase
	if p.Records > 0 {
		text += " " + number(p.Records)
	}
	return text
}
