package firefoxprofile

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"

	"github.com/syncmanager/syncmanager/internal/skips"
)

const (
	addonsFile = "extensions.json"
	// repositoryFile is Firefox's cache of data of addons.mozilla.org.
	repositoryFile = "addons.json"
	// addonsHost is the host of the add-ons that are synced.
	addonsHost = "addons.mozilla.org"
)

// An Addon is an extension or a theme that the user has installed from
// addons.mozilla.org.
type Addon struct {
	// ID is the add-on's own: "name@example.org" or a UUID in braces.
	ID string
	// SyncGUID is the ID of its record.
	SyncGUID string
	// Name is what the user sees; "" if the profile has none.
	Name    string
	Version string
	// Type is "extension" or "theme".
	Type string
	// Enabled is false if the user turned it off.
	Enabled bool
}

// storedAddon is an add-on as extensions.json has it.
type storedAddon struct {
	ID               string  `json:"id"`
	SyncGUID         string  `json:"syncGUID"`
	Version          string  `json:"version"`
	Type             string  `json:"type"`
	Location         string  `json:"location"`
	SourceURI        *string `json:"sourceURI"`
	Visible          *bool   `json:"visible"`
	UserDisabled     bool    `json:"userDisabled"`
	ForeignInstall   bool    `json:"foreignInstall"`
	PendingUninstall bool    `json:"pendingUninstall"`
	DefaultLocale    struct {
		Name string `json:"name"`
	} `json:"defaultLocale"`
}

// Addons yields the add-ons that Firefox would sync. It adds those that the user installed
// from elsewhere to left, and ignores those of Firefox, of the system, and those
// loaded for a session.
func (p *Profile) Addons(ctx context.Context, left *skips.List) iter.Seq2[Addon, error] {
	return func(yield func(Addon, error) bool) {
		var file struct{ Addons []json.RawMessage }
		if err := p.object(addonsFile, &file); err != nil {
			yield(Addon{}, err)
			return
		}
		listed := p.listedAddons()
		err := eachItem(ctx, file.Addons, "add-on", left, func(s storedAddon, name string) bool {
			switch {
			case s.ID == "":
				left.Add(skips.Skip{Item: name, Reason: notAsWritten})
			case !s.ofTheUser():
			case s.ForeignInstall:
				left.Add(skips.Skip{Item: skips.Shorten(s.ID), Reason: "another program installed it"})
			case !listed[s.ID] && !fromAddonsSite(s.SourceURI):
				left.Add(skips.Skip{Item: skips.Shorten(s.ID), Reason: "it is not from " + addonsHost})
			default:
				return yield(Addon{
					ID: s.ID, SyncGUID: s.SyncGUID, Name: s.DefaultLocale.Name, Version: s.Version, Type: s.Type, Enabled: !s.UserDisabled,
				}, nil)
			}
			return true
		})
		if err != nil {
			yield(Addon{}, err)
		}
	}
}

// ofTheUser reports whether it is an add-on of the profile, of a kind that is synced.
func (s storedAddon) ofTheUser() bool {
	return (s.Type == "extension" || s.Type == "theme") && s.Location == "app-profile" &&
		!s.PendingUninstall && (s.Visible == nil || *s.Visible)
}

// listedAddons returns the IDs of the add-ons of addons.mozilla.org. The cache may be
// missing or old, so that the source of an add-on counts as well.
func (p *Profile) listedAddons() map[string]bool {
	var file struct {
		Addons []struct {
			ID        string  `json:"id"`
			SourceURI *string `json:"sourceURI"`
		}
	}
	listed := make(map[string]bool)
	if p.object(repositoryFile, &file) == nil {
		for _, a := range file.Addons {
			listed[a.ID] = fromAddonsSite(a.SourceURI)
		}
	}
	return listed
}

func fromAddonsSite(uri *string) bool {
	if uri == nil {
		return false
	}
	u, err := url.Parse(*uri)
	return err == nil && u.Scheme == "https" && u.Host == addonsHost
}
