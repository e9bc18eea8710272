package console

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/server"
)

// A check is one line of the overview.
type check struct {
	Name, State string // "good", "warn", "bad", or "" for what is not judged
	Text        string
	// Do is what to do about it.
	Do string
}

const (
	good = "good"
	warn = "warn"
	bad  = "bad"
)

// Bounds from which on the overview warns.
const (
	certificateSoon = 14 * 24 * time.Hour
	backupOld       = 7 * 24 * time.Hour
	queueLong       = 100
)

type overviewData struct {
	server.Status
	Problems, Checks []check
}

// overview shows how the server is, what is wrong first.
func (c *console) overview(v *view) error {
	st, err := c.server.Status(v.Context())
	if err != nil {
		return err
	}
	all := slices.Concat(checksOf(st, c.cfg.Now()), c.checkBackups(st), c.checkUsers(v), c.checkNodes(v, st))
	data := overviewData{Status: st, Checks: all}
	for _, state := range []string{bad, warn} {
		for _, one := range all {
			if one.State == state {
				data.Problems = append(data.Problems, one)
			}
		}
	}
	return v.show(http.StatusOK, "overview", "Overview", "", data)
}

// reasons say what a failed check of the health means, by its stable word.
var reasons = map[string]string{
	"disk_full":   "The disk is full: make room, or move the data to a larger disk.",
	"damaged":     "A database is damaged: see 'syncmanager server check' and the guide, “When a file is damaged”.",
	"busy":        "The database is busy: if this goes on, another program may use it.",
	"unreachable": "PostgreSQL does not answer: see whether it runs, and its log.",
	"read_only":   "The disk, or the database, takes no writes: see the system's log.",
}

// checksOf judges the status of a server.
func checksOf(st server.Status, now time.Time) (all []check) {
	for _, name := range slices.Sorted(maps.Keys(st.Checks)) {
		one := check{Name: "Database of " + name, State: good, Text: "reads and writes"}
		if name == "storage" {
			one.Name = "Storage"
		}
		if st.Checks[name] != "Ok" {
			do, known := reasons[st.Reason]
			if !known {
				do = "See the server's log."
			}
			one = check{one.Name, bad, "does not work", do}
		}
		all = append(all, one)
	}
	if st.ReadOnly {
		all = append(all, check{"Writes", warn, "the server takes none for now", "It is being moved; when the move is over, or was given up, it takes them again."})
	}
	if st.DiskSize > 0 {
		one := check{Name: "Disk", State: good, Text: fmt.Sprintf("%s of %s free; %s stay free", size(st.DiskFree), size(st.DiskSize), size(st.Reserve))}
		switch {
		case st.Database:
			one.Text = fmt.Sprintf("%s of %s free, on the disk of this server's folder", size(st.DiskFree), size(st.DiskSize))
		case st.DiskFree < st.Reserve:
			one.State, one.Do = bad, "Uploads and new accounts are refused. Make room, or lower --disk-reserve."
		case st.DiskFree < 2*st.Reserve || st.DiskFree < st.DiskSize/20:
			one.State, one.Do = warn, "Make room: when only the reserve is left, uploads and new accounts are refused."
		}
		all = append(all, one)
	}
	all = append(all, certificate(st.Certificate, now), queue("E-mail", st.Mail, st.MailWaiting), queue("Push messages", st.Push, st.PushWaiting))
	steps := check{Name: "Requests", State: good, Text: fmt.Sprintf("%d use the storage now; %d were refused since the start, because there were too many", st.Steps.InProgress, st.Steps.Refused)}
	return append(all, steps, pools(st))
}

func certificate(expires, now time.Time) check {
	one := check{Name: "Certificate", State: good, Text: "good until " + format(expires, time.DateOnly)}
	switch {
	case expires.IsZero():
		return check{Name: one.Name, Text: "not this server's: it has plain HTTP, or a proxy in front of it has the certificate"}
	case !now.Before(expires):
		one.State, one.Text, one.Do = bad, "expired on "+format(expires, time.DateOnly), "Devices cannot sync. Renew it; the server reads the new file by itself."
	case expires.Sub(now) < certificateSoon:
		one.State, one.Do = warn, "It should have been renewed by now: see the log of what renews it."
	}
	return one
}

func queue(name string, on bool, waiting int) check {
	one := check{Name: name, State: good, Text: plural(waiting, "message") + " waiting"}
	switch {
	case !on:
		return check{Name: name, Text: "not sent by this server"}
	case waiting > queueLong:
		one.State, one.Do = warn, "They are not taken as fast as they come: see the log for what the other side answers."
	}
	return one
}

func pools(st server.Status) check {
	one := check{Name: "Connections to databases", State: good}
	used, most := 0, 0
	for _, p := range st.Pools {
		used, most = used+p.Used, most+p.Most
		if p.Most > 1 && p.Used >= p.Most {
			one.State, one.Do = warn, "Requests wait for the pool "+p.Name+". If this goes on, the database is too slow, or the server needs more memory."
		}
	}
	if one.Text = fmt.Sprintf("%d in use", used); most > 0 {
		one.Text = fmt.Sprintf("%d of %d in use", used, most)
	}
	return one
}

// checkUsers looks for users whose files are damaged. A server with too many users does not list them.
func (c *console) checkUsers(v *view) []check {
	all, err := c.listed(v.Context())
	if err != nil {
		return nil // the databases are judged above
	}
	damaged := 0
	for _, u := range all.users {
		if u.Damaged != "" {
			damaged++
		}
	}
	if damaged == 0 {
		return nil
	}
	return []check{{"Users' files", bad, plural(damaged, "file") + " cannot be read", "Run 'syncmanager server check', and see the guide, “When a file is damaged”. Other users are not affected."}}
}

// checkNodes judges the storage nodes by what was last known of them.
func (c *console) checkNodes(v *view, st server.Status) (all []check) {
	nodes, err := c.server.Nodes(v.Context())
	if err != nil || len(nodes) == 0 {
		return nil
	}
	one := check{Name: "Nodes", State: good, Text: plural(len(nodes), "node")}
	for _, n := range nodes {
		if n.State == server.NodeDown {
			all = append(all, check{"Node " + n.URL, bad, "does not answer", "Its users cannot sync. Start it; see its own log."})
		}
	}
	return append(all, one)
}
