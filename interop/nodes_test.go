package interop_test

import (
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/caddy"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestTwoServers: Firefox signs up and syncs with our device through a real proxy, which sends each request
// to another of two servers that share a PostgreSQL database.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	caddy.Require(t)
	proxy := caddy.Address(t)
	w, nodes := testenv.NodesAt(t, "http://"+proxy)
	caddy.Start(t, "../deploy/Caddyfile.scale", proxy,
		caddy.Change{From: "node1:5000 node2:5000 node3:5000", To: strings.Join(nodes, " ")},
		caddy.Change{From: "lb_policy ip_hash", To: "lb_policy round_robin"})
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	p.signsUp(ann, testenv.Password)
	p.click(onStep("engines") + "form button")
	p.sees(onStep("done"), "You are signed in")
	addToFirefox(t, p.Firefox, "https://theirs.example", "ann", "made in Firefox")
	syncFirefox(t, p.Firefox)

	d := w.Device("our device", ann)
	d.Add("https://ours.example", "ann", "made here")
	d.Sync()
	syncFirefox(t, p.Firefox)
	agree(t, d, p.Firefox, map[string]string{"https://theirs.example ann": "made in Firefox", "https://ours.example ann": "made here"})

	check(t, p.RemoveLogin(t.Context(), guidOf(t, p.Firefox, "https://ours.example")))
	syncFirefox(t, p.Firefox)
	d.Sync()
	agree(t, d, p.Firefox, map[string]string{"https://theirs.example ann": "made in Firefox"})
}
