package firefoxprofile

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/internal/lazyre"
	"github.com/syncmanager/syncmanager/internal/skips"
)

const (
	prefsFile = "prefs.js"
	// controlPrefix before the name of a preference is the name of its control preference,
	// which says whether it is synced.
	controlPrefix = "services.sync.prefs.sync."
	// arbitraryPref let a server set any preference in old versions; it must not be synced.
	arbitraryPref = "services.sync.prefs.dangerously_allow_arbitrary"
)

// A Pref is a preference that the user, or an add-on, has set.
type Pref struct {
	Name string
	// Value is a string, an int32 or a bool.
	Value any
}

// localURL matches values that mean something on one device only.
var localURL = lazyre.New(`(?i)^(moz-extension|blob|data|file):`)

// Prefs yields the preferences that Firefox would sync, and the control preferences that
// were changed, in the order of their names. A preference with its default
// value is not in a profile, and is not yielded.
func (p *Profile) Prefs(ctx context.Context, left *skips.List) iter.Seq2[Pref, error] {
	return func(yield func(Pref, error) bool) {
		set, err := p.setPrefs(left)
		if err != nil {
			yield(Pref{}, err)
			return
		}
		controls := controlsOf(set)
		for _, name := range slices.Sorted(maps.Keys(set)) {
			if err := ctx.Err(); err != nil {
				yield(Pref{}, err)
				return
			}
			controlled, isControl := strings.CutPrefix(name, controlPrefix)
			on, known := controls[controlled]
			if controlled == arbitraryPref || !known || !on && !isControl {
				continue
			}
			if value, ok := set[controlled].(string); ok && localURL.MatchString(value) {
				left.Add(skips.Skip{Item: skips.Shorten(name), Reason: "it leads to something on this device alone"})
				continue
			}
			if !yield(Pref{Name: name, Value: set[name]}, nil) {
				return
			}
		}
	}
}

// controlsOf returns for each preference that has a control whether it is synced.
func controlsOf(set map[string]any) map[string]bool {
	controls := make(map[string]bool)
	for _, name := range syncedPrefs {
		controls[name] = true
	}
	for name, value := range set {
		if controlled, ok := strings.CutPrefix(name, controlPrefix); ok {
			if on, isBool := value.(bool); isBool {
				controls[controlled] = on
			}
		}
	}
	return controls
}

// setPrefs reads all of prefs.js by name.
func (p *Profile) setPrefs(left *skips.List) (map[string]any, error) {
	text, err := p.text(prefsFile)
	if err != nil {
		return nil, err
	}
	set := make(map[string]any)
	parsePrefs(text, func(name string, value any) { set[name] = value }, left)
	return set, nil
}
