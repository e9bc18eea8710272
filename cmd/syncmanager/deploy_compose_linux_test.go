package main

import (
	"maps"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/caddy"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

// The servers of compose.scale.yaml run as processes with its variables, behind Caddy with its Caddyfile: a device
// syncs, also when some of them are gone.
func TestComposeScaleServes(t *testing.T) {
	t.Parallel()
	caddy.Require(t)
	nodes, variables := composeScale(t)
	proxy := caddy.Address(t)
	c := &cluster{t: t, database: pgtest.Own(t).URL(""), proxy: &httptest.Server{URL: "http://" + proxy}}
	// What is elsewhere here: the names, the addresses and the database.
	maps.Copy(variables, map[string]string{
		"SYNCMANAGER_PUBLIC_URL": c.proxy.URL, "SYNCMANAGER_TRUSTED_PROXY": "127.0.0.1/32", "SYNCMANAGER_METRICS_ADDR": "127.0.0.1:0",
	})
	delete(variables, "SYNCMANAGER_DATABASE") // the cluster's own
	for name, value := range variables {
		c.env = append(c.env, name+"="+value)
	}
	var listen []string
	for range nodes {
		listen = append(listen, c.add().listen)
	}
	caddy.Start(t, "../../deploy/Caddyfile.scale", proxy, caddy.Change{
		From: strings.Join(nodes, ":5000 ") + ":5000", To: strings.Join(listen, " "),
	})
	a := c.device(true, "--invitation", c.nodes[0].invitation)
	a.add("https://before.example.org/")
	for len(c.nodes) > 0 {
		if out, code := a.run("", "sync"); code != exitDone {
			t.Fatalf("the sync with %d servers: %d: %s", len(c.nodes), code, out)
		}
		c.kill(c.nodes[0])
	}
}
