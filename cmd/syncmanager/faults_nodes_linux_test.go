package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	nodeproto "github.com/syncmanager/syncmanager/server/node"
)

// operate runs an operator's command on the server of c.
func (c *cluster) operate(args ...string) (string, int) {
	return c.command(append(append([]string{"server"}, args...), "--data", c.dir)...)
}

// move moves the server of c to a folder.
func (c *cluster) move(to string) (string, int) {
	return c.command("server", "move", "--from", c.dir, "--to", to)
}

func (c *cluster) command(args ...string) (string, int) {
	var out bytes.Buffer
	code := run(c.t.Context(), args, strings.NewReader(""), &out, &out, func(string) string { return "" })
	return out.String(), code
}

// usersOf returns how many users a node of c has.
func (c *cluster) usersOf(url string) int64 {
	c.t.Helper()
	out, code := c.operate("node", "list", "--json")
	var all []struct {
		URL   string
		Users int64
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitDone {
		c.t.Fatalf("node list: %d: %s", code, out)
	}
	for _, n := range all {
		if n.URL == url {
			return n.Users
		}
	}
	c.t.Fatalf("there is no node %s: %s", url, out)
	return 0
}

// The server that has the accounts is killed while it drains a node, at each step of a user's move. When it is there again
// it goes on; what was acknowledged is there, and the times of all users grow.
func TestFaultTheServerIsKilledInADrain(t *testing.T) {
	t.Parallel()
	main := &cluster{t: t, dir: filepath.Join(t.TempDir(), "main"), args: []string{"--sign-up", "open"}}
	main.listen()
	main.add()
	other := &cluster{t: t, args: []string{"--node-secret", filepath.Join(t.TempDir(), "secret")}}
	other.dir = filepath.Join(t.TempDir(), "node")
	// step is the kind of request of the server to the node at whose second one the server is killed.
	var step atomic.Pointer[string]
	var seen atomic.Int64
	reached, killed := make(chan struct{}), make(chan struct{})
	other.answered = func(r *http.Request) {
		what, is := strings.CutPrefix(r.URL.Path, nodeproto.Prefix)
		if want := step.Load(); is && want != nil && what == *want && seen.Add(1) == 2 {
			reached <- struct{}{}
			<-killed
		}
	}
	other.listen()
	if out, code := main.operate("node", "add", other.proxy.URL, "--secret", other.args[1]); code != exitDone {
		t.Fatalf("node add: %d: %s", code, out)
	}
	if out, code := main.operate("node", "add", "self", "--capacity", "100"); code != exitDone {
		t.Fatalf("node add: %d: %s", code, out)
	}
	other.add()

	during(t, main, func(l *load) {
		drain := func(from, to, toURL, at string) {
			if out, code := main.operate("node", "add", to); code != exitDone {
				t.Fatalf("node add: %d: %s", code, out)
			}
			seen.Store(0)
			step.Store(&at)
			ended := make(chan int, 1)
			go func() {
				_, code := main.operate("node", "drain", from)
				ended <- code
			}()
			select {
			case <-reached:
			case code := <-ended:
				t.Fatalf("the drain has ended with %d before it was killed at %s", code, at)
			}
			main.kill(main.nodes[0])
			step.Store(nil)
			killed <- struct{}{}
			if code := <-ended; code == exitDone {
				t.Errorf("the drain that was killed at %s ended well", at)
			}
			main.add()
			l.awaitAt(toURL)
			for main.usersOf(from) > 0 { // the devices' user may be the last
				continue
			}
			l.awaitAcked(20)
		}
		// All of them are on one node first.
		step.Store(nil)
		if out, code := main.operate("node", "drain", other.proxy.URL); code != exitDone {
			t.Fatalf("node drain: %d: %s", code, out)
		}
		for _, at := range []struct{ there, back string }{{"delete", "fence"}, {"import", "export"}, {"sum", "moved"}} {
			drain("self", other.proxy.URL, other.proxy.URL, at.there)
			drain(other.proxy.URL, "self", main.proxy.URL, at.back)
		}
	})
}
