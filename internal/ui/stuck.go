package ui

import (
	"context"

	"github.com/syncmanager/syncmanager/api"
)

// stuckGroup are the records of an engine that are stuck for one kind of reason.
type stuckGroup struct {
	Engine, Kind string
	Records      []api.StuckRecord
}

// maxStuck is how many records the page lists.
const maxStuck = 1000

// Why explains the kind, and What says what to do.
func (g stuckGroup) Why() string {
	return map[string]string{
		"unsent": "The server refuses these changes of yours. They are safe on this device, and other devices do not have them.",
		"unread": "These records are in the account, and this device cannot read or apply them. They stay in the account as they are.",
		"held":   "You changed these records here, and they are in the account in a form that this device cannot read. Your changes wait.",
	}[g.Kind]
}

// What says what to do.
func (g stuckGroup) What() string {
	return map[string]string{
		"unsent": "Change the item, for example make a very long text shorter: it goes up with the next sync.",
		"unread": "Usually a newer version of this program, or the device that wrote them, helps. Nothing has to be done until then.",
		"held":   "A newer version of this program sends them.",
	}[g.Kind]
}

func showStuck(ctx context.Context, q *request) (view, error) {
	records, _, err := part[api.StuckRecord](ctx, q, "engines.stuck", nil, 0, maxStuck)
	var groups []stuckGroup
	for _, r := range records {
		n := len(groups)
		if n == 0 || groups[n-1].Engine != r.Engine || groups[n-1].Kind != r.Kind {
			groups = append(groups, stuckGroup{Engine: r.Engine, Kind: r.Kind})
			n++
		}
		groups[n-1].Records = append(groups[n-1].Records, r)
	}
	return view{Title: "Records that do not sync", Data: groups}, err
}
