package main

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// withNode is a server with accounts, and one that becomes its storage node by join.
func withNode(t *testing.T) (main, other *cluster) {
	t.Helper()
	main = &cluster{t: t, dir: filepath.Join(t.TempDir(), "main"), args: []string{"--sign-up", "open"}}
	main.listen()
	main.add()
	other = &cluster{t: t, dir: filepath.Join(t.TempDir(), "node"), args: []string{"--node-secret", filepath.Join(t.TempDir(), "secret")}}
	return main, other
}

// join makes c a storage node of a server, and starts it.
func (c *cluster) join(main *cluster) {
	c.t.Helper()
	c.listen()
	if out, code := main.operate("node", "add", c.proxy.URL, "--secret", c.args[1]); code != exitDone {
		c.t.Fatalf("node add: %d: %s", code, out)
	}
	c.add()
}

// A storage node is killed under load, some times. Meanwhile the server gives out tokens, also for others; what was acknowledged
// is there afterwards.
func TestFaultAStorageNodeIsKilled(t *testing.T) {
	t.Parallel()
	main, other := withNode(t)
	other.join(main)
	during(t, main, func(l *load) {
		l.awaitAt(other.proxy.URL)
		for range 3 {
			other.kill(other.nodes[0])
			l.awaitFailed(20)
			for _, u := range l.users {
				check(t, u.renew(t.Context()))
			}
			if out, code := main.operate("user", "list"); code != exitPartial || !strings.Contains(out, other.proxy.URL+" does not answer") {
				t.Errorf("user list: %d: %s", code, out)
			}
			other.add()
			l.awaitAcked(50)
		}
		// A user who comes while it is known to be away goes to another one.
		other.kill(other.nodes[0])
		if out, code := main.operate("node", "add", "self", "--capacity", "1"); code != exitDone {
			t.Fatalf("node add: %d: %s", code, out)
		}
		if out, code := main.operate("node", "list"); code != exitDone || !strings.Contains(out, "down") {
			t.Errorf("node list: %d: %s", code, out)
		}
		u := newLoadUser(t, main.proxy.URL, loadUsers)
		if code, _, _, err := u.do(t.Context(), http.MethodPut, "/storage/bookmarks/one", `{"payload":"x"}`); code != http.StatusOK {
			t.Errorf("a user at another node: %d, %v", code, err)
		}
		other.add()
	})
}

// An account is disabled, and its token ends at the node while those of others, of the same age, are good; also if the server
// was killed as soon as it had said so, and the node was killed too.
func TestFaultTokensEndAtANodeAfterKills(t *testing.T) {
	t.Parallel()
	main, other := withNode(t)
	other.join(main)
	const page = "/info/collections"
	var users []*loadUser
	for i := range 3 {
		users = append(users, newLoadUser(t, main.proxy.URL, i))
	}
	good := func(u *loadUser) bool {
		code, _, _, err := u.do(t.Context(), http.MethodGet, page, "")
		if err != nil || code != http.StatusOK && code != http.StatusUnauthorized {
			t.Fatalf("the node answers %d, %v", code, err)
		}
		return code == http.StatusOK
	}
	for i, u := range users[:2] {
		if !good(u) {
			t.Fatal("a token is refused")
		}
		if out, code := main.operate("user", "disable", fmt.Sprintf("load-%d@example.org", i)); code != exitDone {
			t.Fatalf("user disable: %d: %s", code, out)
		}
		main.kill(main.nodes[0])
		if i == 1 {
			other.kill(other.nodes[0])
			other.add()
		}
		main.add()
		for good(u) {
			continue
		}
	}
	if good(users[0]) || good(users[1]) {
		t.Error("a token that ended is good again")
	}
	if !good(users[2]) {
		t.Error("the token of another account is refused: they have expired, and nothing was shown")
	}
}

// The server that has the accounts is killed while it drains a node, at each step of a user's move. When it is there again
// it goes on; what was acknowledged is there, and the times of all users grow.
func TestFaultTheServerIsKilledInADrain(t *testing.T) {
	t.Parallel()
	main, other := withNode(t)
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
	other.join(main)
	if out, code := main.operate("node", "add", "self", "--capacity", "100"); code != exitDone {
		t.Fatalf("node add: %d: %s", code, out)
	}

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
