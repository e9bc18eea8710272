package console

import (
	"net/http"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/security"
)

// spans are the times that events can be asked for.
var spans = map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour}

// event is an entry of the security log with the addresses of its accounts, where they are known.
type event struct {
	security.Entry
	Email, By string
}

type eventsData struct {
	Event, Query, Span string
	Kinds              []security.Event
	Kept, Matches      int
	Events             []event
	pager
}

// events shows the last entries of the security log.
func (c *console) events(v *view) error {
	d := eventsData{Event: v.FormValue("event"), Query: strings.TrimSpace(v.FormValue("user")), Span: v.FormValue("span"), Kinds: security.Events(), Kept: security.Kept}
	if len(d.Query) > maxQuery {
		return mistake("the search is too long: an address has at most 256 characters")
	}
	uid := d.Query
	if u, err := c.accounts.User(v.Context(), d.Query); err == nil {
		uid = u.UID
	}
	var since time.Time
	if span, ok := spans[d.Span]; ok {
		since = c.cfg.Now().Add(-span)
	}
	all := c.server.Security().Last(func(e security.Entry) bool {
		return (d.Event == "" || string(e.Event) == d.Event) && (uid == "" || e.UID == uid || e.Operator == uid) && !e.At.Before(since)
	})
	d.Matches = len(all)
	var shown []security.Entry
	shown, d.pager = paged(v, all)
	known := make(map[string]string)
	address := func(uid string) string {
		if _, ok := known[uid]; !ok {
			if u, err := c.accounts.User(v.Context(), uid); err == nil {
				known[uid] = u.Email
			} else {
				known[uid] = uid
			}
		}
		return known[uid]
	}
	for _, e := range shown {
		out := event{Entry: e}
		if e.UID != "" {
			out.Email = address(e.UID)
		}
		if out.By = e.Operator; len(e.Operator) == 32 {
			out.By = address(e.Operator)
		}
		d.Events = append(d.Events, out)
	}
	return v.show(http.StatusOK, "events", "Security log", "/events", d)
}

// nodes lists the storage nodes.
func (c *console) nodes(v *view) error {
	all, err := c.server.Nodes(v.Context())
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "nodes", "Nodes", "/nodes", struct{ Nodes []server.NodeInfo }{all})
}
