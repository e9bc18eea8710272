package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// cluster is servers on one database, each a process, behind a proxy.
type cluster struct {
	t        *testing.T
	database string
	// dir is the data folder of a server without a database, one after the other.
	dir string
	// program is what the next server runs; "": syncmanager. args are more arguments.
	program string
	args    []string
	// env are the settings of the servers, instead of those that most tests need.
	env   []string
	proxy *httptest.Server
	// answered, if set, is called when a server has answered a request, before its sender has the answer.
	answered func(*http.Request)
	next     atomic.Int64

	mu    sync.Mutex
	nodes []*node
}

// node is one server.
type node struct {
	cmd    *exec.Cmd
	listen string
	// invitation is for the first account, unless anyone may make one.
	invitation string
	log        bytes.Buffer
}

// newCluster starts n servers on a database.
func newCluster(t *testing.T, database string, n int) *cluster {
	t.Helper()
	c := &cluster{t: t, database: database, args: []string{"--sign-up", "open"}}
	c.listen()
	for range n {
		c.add()
	}
	return c
}

// listen starts the proxy.
func (c *cluster) listen() {
	c.proxy = httptest.NewServer(&httputil.ReverseProxy{
		Transport: c,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			r.Out.Host, r.Out.URL.Scheme = r.In.Host, "http"
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
	c.t.Cleanup(c.proxy.Close)
}

// RoundTrip sends a request to the next of the servers that takes a connection.
func (c *cluster) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	c.mu.Lock()
	nodes := append([]*node(nil), c.nodes...)
	c.mu.Unlock()
	err = errors.New("there is no server")
	for range nodes {
		r.URL.Host = nodes[int(c.next.Add(1))%len(nodes)].listen
		answer, err = http.DefaultTransport.RoundTrip(r)
		var failed *net.OpError
		if !errors.As(err, &failed) || failed.Op != "dial" {
			if c.answered != nil {
				c.answered(r)
			}
			return answer, err
		}
	}
	return nil, err
}

// add starts one more server, and waits until it serves.
func (c *cluster) add() *node {
	c.t.Helper()
	n, ready := c.begin()
	line, err := bufio.NewReader(ready).ReadBytes('\n')
	var told struct{ Listen, Invitation string }
	if err == nil {
		err = json.Unmarshal(line, &told)
	}
	if err != nil {
		_ = n.cmd.Wait()
		c.t.Fatalf("a server did not start: %v: %s", err, &n.log)
	}
	n.listen, n.invitation = told.Listen, told.Invitation
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = append(c.nodes, n)
	return n
}

// begin starts a server's process. What it prints is its address, once it serves.
func (c *cluster) begin() (*node, *os.File) {
	c.t.Helper()
	r, w, err := os.Pipe()
	check(c.t, err)
	dir := c.dir
	if dir == "" {
		dir = filepath.Join(c.t.TempDir(), "data")
	}
	args := append([]string{"serve", "--json", "--addr", "127.0.0.1:0", "--data", dir}, c.args...)
	if c.env == nil {
		args = append(args, "--public-url", c.proxy.URL, "--trusted-proxy", "127.0.0.1")
	}
	n := &node{cmd: exec.CommandContext(c.t.Context(), cmp.Or(c.program, "syncmanager"), args...)}
	n.cmd.Env = append(append(os.Environ(), "SYNCMANAGER_DATABASE="+c.database), c.env...)
	n.cmd.Stdout, n.cmd.Stderr = w, &n.log
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	check(c.t, n.cmd.Start())
	check(c.t, w.Close())
	c.t.Cleanup(func() {
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait()
		_ = r.Close()
		if c.t.Failed() {
			c.t.Logf("a server said: %s", tail(n.log.String()))
		}
	})
	return n, r
}

func tail(text string) string { return text[max(0, len(text)-4000):] }

// kill ends a server as kill -9 does.
func (c *cluster) kill(n *node) {
	c.t.Helper()
	check(c.t, n.cmd.Process.Kill())
	_ = n.cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.nodes {
		if c.nodes[i] == n {
			c.nodes = append(c.nodes[:i:i], c.nodes[i+1:]...)
			return
		}
	}
}

// health returns the statuses of all servers' heartbeats.
func (c *cluster) health() (codes []int) {
	c.t.Helper()
	for _, n := range c.nodes {
		answer, err := http.Get("http://" + n.listen + "/__heartbeat__")
		if err != nil {
			c.t.Fatal(err)
		}
		answer.Body.Close()
		codes = append(codes, answer.StatusCode)
	}
	return codes
}

// awaitHealth waits until all heartbeats have a status. Each server looks every five seconds.
func (c *cluster) awaitHealth(want int) {
	c.t.Helper()
	for {
		all := true
		for _, code := range c.health() {
			all = all && code == want
		}
		if all {
			return
		}
	}
}

// faultDevice is a device with this program, on the proxy's address.
type faultDevice struct {
	c       *cluster
	profile string
}

// device signs in one more device of an account, with more arguments for that.
func (c *cluster) device(create bool, more ...string) *faultDevice {
	c.t.Helper()
	d := &faultDevice{c, filepath.Join(c.t.TempDir(), "profile")}
	args := []string{"login", "--email", "device@example.org", "--password-stdin", "--server", c.proxy.URL}
	if create {
		args = append(args, "--create")
	}
	args = append(args, more...)
	if out, code := d.run("correct horse\n", args...); code != exitDone {
		c.t.Fatalf("signing in: %d: %s", code, out)
	}
	return d
}

func (d *faultDevice) run(stdin string, args ...string) (string, int) {
	var stdout, stderr bytes.Buffer
	code := run(d.c.t.Context(), append([]string{"--profile", d.profile}, args...), strings.NewReader(stdin), &stdout, &stderr, func(string) string { return "" })
	return stdout.String() + stderr.String(), code
}

// add bookmarks a page.
func (d *faultDevice) add(page string) {
	d.c.t.Helper()
	if out, code := d.run("", "bookmarks", "add", page); code != exitDone {
		d.c.t.Fatalf("bookmarks add: %d: %s", code, out)
	}
}

// converge syncs both devices after a fault, and compares their bookmarks.
func converge(a, b *faultDevice) {
	a.c.t.Helper()
	for _, d := range []*faultDevice{a, b, a} {
		if out, code := d.run("", "sync"); code != exitDone {
			a.c.t.Fatalf("the sync after the fault: %d: %s", code, out)
		}
	}
	const want = "https://before.example.org/ https://during.example.org/"
	if one, other := a.pages(), b.pages(); one != want || other != want {
		a.c.t.Errorf("the devices have %s and %s", one, other)
	}
}

// pages lists the bookmarked pages.
func (d *faultDevice) pages() string {
	d.c.t.Helper()
	out, _ := d.run("", "bookmarks", "list", "--json")
	var all []struct{ BmkURI string }
	check(d.c.t, json.Unmarshal([]byte(out), &all))
	var pages []string
	for _, b := range all {
		pages = append(pages, b.BmkURI)
	}
	slices.Sort(pages)
	return strings.Join(pages, " ")
}
