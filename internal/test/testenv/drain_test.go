package testenv_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server"
)

const (
	nodeA = "https://a.test"
	nodeB = "https://b.test/sync"
)

// cluster is a server whose users are on storage nodes. All are in this process.
type cluster struct {
	*testenv.Env
	mu    sync.Mutex
	nodes map[string]*server.Server // by host
	away  map[string]bool
	// toNode sees each request of the server to a node first.
	toNode func(*http.Request) error
	asked  []string // by devices at nodes
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{nodes: make(map[string]*server.Server), away: make(map[string]bool)}
	c.Env = testenv.New(t, func(cfg *server.Config) { cfg.NodeTransport = c })
	c.Net.Before(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "sync.test" {
			return nil, nil
		}
		c.mu.Lock()
		c.asked = append(c.asked, r.Method+" "+r.URL.Host+r.URL.Path)
		c.mu.Unlock()
		return c.send(r)
	})
	return c
}

// add starts a node and adds it to the server.
func (c *cluster) add(url string, capacity int64) {
	c.T.Helper()
	secret, _, err := c.Server.AddNode(c.T.Context(), url, capacity)
	c.ok(err)
	s, err := server.New(c.T.Context(), server.Config{
		Dir: filepath.Join(c.T.(*testing.T).TempDir(), "node"), PublicURL: url, Node: &server.Node{URL: url, Secret: secret},
		Now: c.Clock.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), PurgeTicks: make(chan time.Time),
	})
	c.ok(err)
	c.T.Cleanup(func() { c.ok(s.Close(context.Background())) })
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "https://"), "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[host] = s
}

func (c *cluster) ok(err error) {
	c.T.Helper()
	if err != nil {
		c.T.Fatal(err)
	}
}

func (c *cluster) send(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	s, away := c.nodes[r.URL.Host], c.away[r.URL.Host]
	c.mu.Unlock()
	if s == nil || away {
		return nil, fmt.Errorf("no route to %s", r.URL.Host)
	}
	return inproc.New(s.Handler()).RoundTrip(r)
}

// errGateway, from cluster.toNode, has a request answered with 502.
var errGateway = errors.New("a proxy answers")

// RoundTrip carries a request of the server to a node.
func (c *cluster) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	f := c.toNode
	c.mu.Unlock()
	if f != nil {
		switch err := f(r); {
		case errors.Is(err, errGateway):
			return &http.Response{StatusCode: http.StatusBadGateway, Status: "502 Bad Gateway", Body: http.NoBody, Request: r}, nil
		case err != nil:
			return nil, err
		}
	}
	return c.send(r)
}

func (c *cluster) onRequest(f func(*http.Request) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.toNode = f
}

func (c *cluster) setAway(host string, away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away[host] = away
}

// states lists the nodes, as "self 0/0 up".
func (c *cluster) states() string {
	c.T.Helper()
	all, err := c.Server.Nodes(c.T.Context())
	c.ok(err)
	var texts []string
	for _, n := range all {
		texts = append(texts, fmt.Sprintf("%s %d/%d %s", n.URL, n.Users, n.Capacity, n.State))
	}
	return strings.Join(texts, ", ")
}

func (c *cluster) expect(want string) {
	c.T.Helper()
	if got := c.states(); got != want {
		c.T.Errorf("nodes: %s\nwant:  %s", got, want)
	}
}

func (c *cluster) drain(url string, moved int) {
	c.T.Helper()
	d, err := c.Server.DrainNode(c.T.Context(), url)
	c.ok(err)
	if d.Moved != moved || d.Left != 0 || len(d.Failed) != 0 {
		c.T.Errorf("drained: %+v, want %d moved", d, moved)
	}
}

// requests lists what devices asked nodes for since the last call.
func (c *cluster) requests() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, c.asked = c.asked, nil
	return all
}

// follows syncs a device whose storage has moved: it has nothing to do, and uploads nothing.
func (c *cluster) follows(d *testenv.Device, host string) {
	c.T.Helper()
	c.requests()
	c.syncs(d)
	for _, r := range c.requests() {
		// It writes itself into the list of devices, as with each new token's storage.
		if !strings.HasPrefix(r, "GET ") && !strings.HasSuffix(r, "/storage/clients") {
			c.T.Errorf("a device that followed to %s asked %s", host, r)
		}
	}
	d.Sync()
	if all := c.requests(); len(all) != 1 || !strings.HasSuffix(all[0], "/info/collections") {
		c.T.Errorf("a device with nothing to do asked %v", all)
	}
}

// syncs syncs until it goes well: a sync that is moved ends, and the next one goes on. If the old node was not told
// of the move, writes are refused until the token has ended.
func (c *cluster) syncs(d *testenv.Device) {
	c.T.Helper()
	var r syncmanager.Result
	var err error
	for range 7 {
		if r, err = d.Manager.Sync(c.T.Context(), syncmanager.Options{}); err == nil && r.Status == syncmanager.StatusOK {
			return
		}
		c.Clock.Pass(time.Minute) // Retry-After
	}
	text, _ := r.MarshalJSON()
	c.T.Fatalf("%s does not follow: %v, %s", d.Name, err, text)
}

func TestUsersMoveToNodesAndBetweenThem(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	laptop, phone := c.Device("laptop", "ann@example.org"), c.Device("phone", "ann@example.org")
	laptop.Add("https://one.example", "ann", "first")
	laptop.Sync()
	phone.Sync()
	c.expect("")

	c.add(nodeA, 10)
	c.expect("self 1/0 up, " + nodeA + " 0/10 up")
	other := c.Device("other", "bob@example.org")
	other.Add("https://bob.example", "bob", "his")
	other.Sync()
	c.expect("self 1/0 up, " + nodeA + " 1/10 up")

	c.drain(server.Self, 1)
	c.expect("self 0/0 draining, " + nodeA + " 2/10 up")
	c.follows(laptop, "a.test")
	phone.Add("https://two.example", "ann", "second")
	c.syncs(phone)
	laptop.Sync()
	want := map[string]string{"https://one.example ann": "first", "https://two.example ann": "second"}
	for _, d := range []*testenv.Device{laptop, phone, c.Device("new", "ann@example.org")} {
		d.Sync()
		if got := d.Logins(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s has %v", d.Name, got)
		}
	}

	c.add(nodeB, 10)
	c.drain(nodeA, 2)
	c.expect("self 0/0 draining, " + nodeA + " 0/10 draining, " + nodeB + " 2/10 up")
	c.follows(laptop, "b.test")
	c.follows(other, "b.test")

	// After an hour the old copies go, and then the node may.
	if err := c.Server.RemoveNode(t.Context(), nodeB); !errors.Is(err, server.ErrNodeUsed) {
		t.Errorf("removed with users: %v", err)
	}
	c.Clock.Pass(2 * time.Hour)
	c.ok(c.Server.Purge(t.Context()))
	c.setAway("a.test", true)
	c.ok(c.Server.Purge(t.Context())) // nothing is left to do there
	c.ok(c.Server.RemoveNode(t.Context(), nodeA))
	c.expect("self 0/0 draining, " + nodeB + " 2/10 up")
	c.ok(c.Server.RemoveUser(t.Context(), "bob@example.org"))
	c.expect("self 0/0 draining, " + nodeB + " 1/10 up")
	laptop.Sync()
}

// A device writes while its storage is copied: it is told to wait, loses nothing, and follows.
func TestADeviceSyncsWhileItsNodeIsDrained(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.add(nodeA, 10)
	d := c.Device("laptop", "ann@example.org")
	d.Add("https://one.example", "ann", "first")
	d.Sync()
	c.add(nodeB, 10)
	refused, late := 0, false
	c.onRequest(func(r *http.Request) error {
		if !strings.HasSuffix(r.URL.Path, "/import") || late {
			return nil
		}
		late = true
		d.Add("https://two.example", "ann", "second")
		res, err := d.Manager.Sync(t.Context(), syncmanager.Options{})
		if err == nil && res.Status == syncmanager.StatusOK {
			t.Error("a write went through the fence")
		} else {
			refused++
		}
		// Who signs up meanwhile is not put where the node is being emptied.
		c.Device("his", "bob@example.org").Sync()
		return nil
	})
	c.drain(nodeA, 1)
	c.expect("self 0/0 up, " + nodeA + " 0/10 draining, " + nodeB + " 2/10 up")
	c.Clock.Pass(time.Minute)
	c.syncs(d)
	fresh := c.Device("phone", "ann@example.org")
	fresh.Sync()
	if got := fresh.Logins(); refused != 1 || len(got) != 2 {
		t.Errorf("%d syncs were refused, and a new device has %v", refused, got)
	}
}

// Each request of a drain fails once, with and without effect; then the drain is begun again.
func TestADrainThatBreaksAnywhere(t *testing.T) {
	t.Parallel()
	breakDrains(t, errors.New("cut"), true)
}

// A proxy before a node answers each request of a drain once with 502, with and without effect: the drain goes on by itself.
func TestADrainWaitsForANode(t *testing.T) {
	t.Parallel()
	breakDrains(t, errGateway, false)
}

// breakDrains drains a node again and again, and breaks one more request each time. ends says whether a drain may fail.
func breakDrains(t *testing.T, cut error, ends bool) {
	t.Helper()
	c := newCluster(t)
	c.add(nodeA, 100)
	d := c.Device("laptop", "ann@example.org")
	d.Add("https://one.example", "ann", "first")
	d.Sync()
	c.add(nodeB, 100)
	from, to := nodeA, nodeB
	for broken, more := 0, true; more; broken++ {
		for _, lost := range []string{"the request", "its answer"} {
			n := 0
			c.onRequest(func(r *http.Request) error {
				if strings.HasSuffix(r.URL.Path, "/ping") {
					return nil
				}
				if n++; n-1 != broken {
					return nil
				}
				if lost == "its answer" {
					if res, err := c.send(r); err == nil {
						res.Body.Close()
					}
				}
				return cut
			})
			_, err := c.Server.DrainNode(t.Context(), from)
			more = n > broken
			c.onRequest(nil)
			if err != nil && !ends {
				t.Fatalf("request %d, %s was lost: %v", broken, lost, err)
			}
			if err != nil { // the user goes on where they were
				d.Add(fmt.Sprintf("https://during-%d-%d.example", broken, len(lost)), "ann", "x")
				c.syncs(d)
				if _, err := c.Server.DrainNode(t.Context(), from); err != nil {
					t.Fatalf("request %d, %s was lost; again: %v", broken, lost, err)
				}
			}
			d.Add(fmt.Sprintf("https://after-%d-%d.example", broken, len(lost)), "ann", "x")
			c.syncs(d)
			_, _, err = c.Server.AddNode(t.Context(), from, 100)
			c.ok(err)
			from, to = to, from
			if got := c.states(); !strings.Contains(got, from+" 1/100 up") || !strings.Contains(got, to+" 0/100 up") {
				t.Fatalf("request %d, %s was lost: %s", broken, lost, got)
			}
		}
	}
	fresh := c.Device("phone", "ann@example.org")
	fresh.Sync()
	if got, want := len(fresh.Logins()), len(d.Logins()); got != want || want < 10 {
		t.Errorf("a new device has %d logins of %d", got, want)
	}
	// Nothing is left of the moves that broke.
	c.Clock.Pass(3 * time.Hour)
	c.ok(c.Server.Purge(t.Context()))
}

func TestANodeThatIsAway(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.add(nodeA, 10)
	d := c.Device("laptop", "ann@example.org")
	d.Sync()
	c.add(nodeB, 10)
	c.setAway("b.test", true)
	c.expect("self 0/0 up, " + nodeA + " 1/10 up, " + nodeB + " 0/10 down")
	if _, err := c.Server.DrainNode(t.Context(), nodeA); !errors.Is(err, server.ErrNoRoom) {
		t.Errorf("drained to a node that is away: %v", err)
	}
	if err := c.signUp("bob@example.org"); err == nil || !strings.Contains(err.Error(), "asked to wait") {
		t.Errorf("a new user without a node: %v", err)
	}
	d.Sync()

	// Away without notice: the user stays.
	c.setAway("b.test", false)
	c.expect("self 0/0 up, " + nodeA + " 1/10 draining, " + nodeB + " 0/10 up")
	c.setAway("b.test", true)
	if _, err := c.Server.DrainNode(t.Context(), nodeA); !errors.Is(err, server.ErrNodeAway) {
		t.Errorf("drained to a node that does not answer: %v", err)
	}
	d.Add("https://one.example", "ann", "first")
	d.Sync()

	// The node to drain is away: as soon as it is back, its user moves.
	c.setAway("b.test", false)
	c.setAway("a.test", true)
	if _, err := c.Server.DrainNode(t.Context(), nodeA); !errors.Is(err, server.ErrNodeAway) {
		t.Errorf("drained a node that does not answer: %v", err)
	}
	c.setAway("a.test", false)
	c.drain(nodeA, 1)
	c.follows(d, "b.test")
}

// signUp makes an account and syncs.
func (c *cluster) signUp(email string) error {
	c.T.Helper()
	d := c.Device("new", email)
	r, err := d.Manager.Sync(c.T.Context(), syncmanager.Options{})
	if err == nil && r.Status != syncmanager.StatusOK {
		text, _ := r.MarshalJSON()
		err = errors.New(string(text))
	}
	return err
}

func TestURLsOfNodes(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for _, url := range []string{
		"", "node1", "http://node1.example.org", "ftp://node1.example.org", "https://", "https://user:pw@node1.example.org",
		"https://node1.example.org/?a=b", "https://node1.example.org/../x", "https://node1.example.org/%2e", "https://no de", "https://x\x00y",
		"https://" + strings.Repeat("x", 300) + ".example.org", "javascript:alert(1)", "//node1.example.org",
	} {
		if _, _, err := c.Server.AddNode(t.Context(), url, 1); err == nil {
			t.Errorf("%q is a node", url)
		}
	}
	for _, capacity := range []int64{-1, 1 << 60} {
		if _, _, err := c.Server.AddNode(t.Context(), nodeA, capacity); err == nil {
			t.Errorf("a node for %d users", capacity)
		}
	}
	c.expect("")
	_, _, err := c.Server.AddNode(t.Context(), "https://Node1.example.org/", 1)
	c.ok(err)
	if _, err := c.Server.DrainNode(t.Context(), nodeB); !errors.Is(err, server.ErrNoNode) {
		t.Errorf("drained no node: %v", err)
	}
	if err := c.Server.RemoveNode(t.Context(), nodeB); !errors.Is(err, server.ErrNoNode) {
		t.Errorf("removed no node: %v", err)
	}
}
