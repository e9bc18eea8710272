package testenv_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/internal/test/caddy"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestEditsReachTheOtherDevice: two devices run, and what is edited on one arrives on the other without a call of Sync: with one
// server, with two on one database, and with these behind the proxy as it is deployed, which must not hold events back.
func TestEditsReachTheOtherDevice(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) *testenv.Env{
		"one server":  func(t *testing.T) *testenv.Env { return testenv.Listen(t) },
		"two servers": func(t *testing.T) *testenv.Env { return testenv.Nodes(t) },
		"behind Caddy": func(t *testing.T) *testenv.Env {
			caddy.Require(t)
			proxy := caddy.Address(t)
			w, nodes := testenv.NodesAt(t, "http://"+proxy)
			caddy.Start(t, "../../../deploy/Caddyfile.scale", proxy,
				caddy.Change{From: "node1:5000 node2:5000 node3:5000", To: strings.Join(nodes, " ")},
				caddy.Change{From: "lb_policy ip_hash", To: "lb_policy round_robin"})
			return w
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			a, b := w.Device("a", ann), w.Device("b", ann)
			a.Sync()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			var running sync.WaitGroup
			defer running.Wait()
			defer cancel()
			for _, d := range []*testenv.Device{a, b} {
				running.Go(func() {
					if err := d.Manager.Run(ctx, syncmanager.RunOptions{}); !errors.Is(err, context.Canceled) {
						t.Errorf("Run of %s ended with %v", d.Name, err)
					}
				})
			}
			for i, site := range []string{"https://one.example", "https://two.example", "https://three.example"} {
				from, to := a, b
				if i%2 == 1 {
					from, to = b, a
				}
				changes := to.Passwords.Watch(ctx)
				from.Add(site, "ann", "secret")
				for range changes {
					if to.Logins()[site+" ann"] != "" {
						break
					}
				}
				if ctx.Err() != nil {
					t.Fatalf("%s did not arrive", site)
				}
			}
		})
	}
}
