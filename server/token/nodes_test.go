package token_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/token"
)

const (
	node1 = "https://node1.example.org"
	node2 = "https://node2.example.org"
)

// withNodes makes a token server with nodes of those capacities.
func withNodes(t *testing.T, database string, capacities map[string]int64) *env {
	t.Helper()
	w := newEnv(t, func(c *token.Config) {
		c.NodePath = "/storage"
		c.NodeSecret = func(url string) ([]byte, error) { return []byte("secret of " + url), nil }
		c.Quota = func(_ context.Context, account string) (int64, error) { return int64(len(account)), nil }
		if database != "" {
			c.Database, c.Dir = database, ""
		}
	})
	for url, capacity := range capacities {
		w.add(url, capacity)
	}
	return w
}

func (w *env) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// add adds a node, or gives it another capacity.
func (w *env) add(url string, capacity int64) {
	w.t.Helper()
	has, err := w.AddNode(w.t.Context(), url, capacity, 100)
	w.ok(err)
	if has != capacity {
		w.t.Errorf("%s has a capacity of %d, and was given %d", url, has, capacity)
	}
}

func (w *env) ended(m token.Move) {
	w.t.Helper()
	if ended, err := w.EndMove(w.t.Context(), m); err != nil || !ended {
		w.t.Errorf("given up: %v, %v", ended, err)
	}
}

// counts lists how many users the nodes have, which must not change by a new count.
func (w *env) counts() string {
	w.t.Helper()
	list := func() string {
		all, err := w.Nodes(w.t.Context())
		w.ok(err)
		var texts []string
		for _, n := range all {
			name, _, _ := strings.Cut(strings.TrimPrefix(n.URL, "https://"), ".")
			texts = append(texts, fmt.Sprintf("%s:%d", name, n.Users))
		}
		return strings.Join(texts, " ")
	}
	counted := list()
	w.ok(w.Recount(w.t.Context()))
	if exact := list(); exact != counted {
		w.t.Errorf("the counts are %s, and should be %s", counted, exact)
	}
	return counted
}

func (w *env) counted(want string) {
	w.t.Helper()
	if got := w.counts(); got != want {
		w.t.Errorf("users: %s, want %s", got, want)
	}
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, test func(t *testing.T, database string)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, "")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.Database(t))
	})
}

func TestNodesAreFilledInProportion(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := withNodes(t, database, nil)
		w.mustHave(w.ask("early", 200, 100, "key"))
		w.add(node1, 3)
		w.add(node2, 6)
		w.counted(":1 node1:0 node2:0")
		for i := range 9 {
			a := w.mustHave(w.ask(fmt.Sprint("user", i), 200, 100, "key"))
			if i == 2 {
				w.counted(":1 node1:1 node2:2")
			}
			// The token is signed for its node alone, tells the quota, and ends soon.
			url := strings.TrimSuffix(a.all["api_endpoint"].(string), fmt.Sprintf("/storage/1.5/%d", a.UID))
			g, key, err := token.NewSigner([]byte("secret of " + url)).Parse(a.ID)
			if err != nil || string(key) != a.Key || g.Quota != 5 || a.all["duration"] != 300.0 {
				t.Fatalf("%+v, %v: %v", g, a.all, err)
			}
			if _, _, err := w.signer.Parse(a.ID); err == nil {
				t.Error("the server takes the token of a node")
			}
		}
		w.counted(":1 node1:3 node2:6")

		// All are full: a clear answer, and the ones who are there stay.
		full := w.ask("late", 200, 100, "key")
		if w.mustRefuse(full, 503, "error"); full.header.Get("Retry-After") == "" || !strings.Contains(fmt.Sprint(full.all), "No storage node has room") {
			t.Errorf("full: %v, %v", full.all, full.header)
		}
		w.mustHave(w.ask("user3", 200, 100, "key"))
		if a := w.mustHave(w.ask("early", 200, 100, "key")); !strings.HasPrefix(a.all["api_endpoint"].(string), "https://sync.example.org") {
			t.Errorf("who was there before the nodes: %v", a.all)
		}

		// Room is made by a removal, or by more capacity; not on a node that is down.
		w.ok(w.Retire(t.Context(), "user0"))
		w.mustHave(w.ask("late", 200, 100, "key"))
		w.add(node1, 10)
		w.ok(w.SetNodeDown(t.Context(), node1, true))
		w.mustRefuse(w.ask("later", 200, 100, "key"), 503, "error")
		w.ok(w.SetNodeDown(t.Context(), node1, false))
		w.mustHave(w.ask("later", 200, 100, "key"))
		w.counted(":1 node1:4 node2:6")
	})
}

// Who names no capacity gives a new node the usual one, and leaves a known node's as it is. A draining one takes users again.
func TestANodeKeepsItsCapacity(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := withNodes(t, database, map[string]int64{node1: 7})
		w.ok(w.DrainNode(t.Context(), node1))
		for url, want := range map[string]int64{node1: 7, node2: 100, "": 0} {
			if has, err := w.AddNode(t.Context(), url, token.KeepCapacity, 100); err != nil || has != want {
				t.Errorf("%q: a capacity of %d, want %d: %v", url, has, want, err)
			}
		}
		all, err := w.Nodes(t.Context())
		if want := []token.Node{{URL: ""}, {URL: node1, Capacity: 7}, {URL: node2, Capacity: 100}}; err != nil || !slices.Equal(all, want) {
			t.Errorf("%+v, want %+v: %v", all, want, err)
		}
	})
}

func TestANewKeyStaysOnItsNode(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := withNodes(t, database, map[string]int64{node1: 9})
		old := w.mustHave(w.ask("ann", 200, 100, "key-1"))
		w.add(node2, 900)
		second := w.mustHave(w.ask("ann", 300, 250, "key-2"))
		w.counted(":0 node1:1 node2:0")
		w.Pass(2 * time.Hour)
		if all, err := w.Replaced(t.Context()); err != nil || !slices.Equal(all, []token.Storage{{UID: old.UID, Node: node1}}) {
			t.Errorf("replaced: %v, %v", all, err)
		}
		if _, _, err := w.Reassign(t.Context(), second.UID); err != nil {
			t.Error(err)
		}
		w.counted(":0 node1:1 node2:0")
		w.ok(w.DrainNode(t.Context(), node1))
		w.mustHave(w.ask("ann", 400, 350, "key-3"))
		w.counted(":0 node1:0 node2:1")
	})
}

// Many accounts sign up at two servers at once: the counts are right, and no node is over its capacity.
func TestRacesForNodes(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	both := [2]*env{withNodes(t, database, map[string]int64{node1: 7, node2: 20}), withNodes(t, database, nil)}
	var all sync.WaitGroup
	codes := make(chan int, 40)
	for i := range 40 {
		all.Go(func() { codes <- both[i%2].ask(fmt.Sprint("user", i), 200, 100, "key").code })
	}
	all.Wait()
	close(codes)
	got := map[int]int{}
	for code := range codes {
		got[code]++
	}
	if got[200] != 27 || got[503] != 13 {
		t.Errorf("answers by status: %v, want 27 of 200 and 13 of 503", got)
	}
	both[0].counted(":0 node1:7 node2:20")
}

func TestMove(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := withNodes(t, database, map[string]int64{node1: 9})
		ctx := t.Context()
		ann := w.mustHave(w.ask("ann", 200, 100, "key"))
		w.add(node2, 9)
		w.ok(w.DrainNode(ctx, node1))
		if uids, err := w.OnNode(ctx, node1, 0, 10); err != nil || !slices.Equal(uids, []int64{ann.UID}) {
			t.Fatalf("%v, %v", uids, err)
		}
		m, err := w.BeginMove(ctx, ann.UID, true)
		if w.ok(err); m.From != (token.Storage{UID: ann.UID, Node: node1}) || m.To.Node != node2 || m.To.UID == ann.UID {
			t.Fatalf("%+v", m)
		}
		w.counted(":0 node1:1 node2:1") // the room is taken
		if a := w.mustHave(w.ask("ann", 210, 100, "key")); a.UID != ann.UID {
			t.Errorf("before the switch: %v", a.all)
		}
		w.Pass(2 * time.Hour)
		if all, err := w.Replaced(ctx); err != nil || len(all) != 0 {
			t.Errorf("a storage that is being copied is deleted: %v, %v", all, err)
		}
		if err := w.RemoveNode(ctx, node1); !errors.Is(err, token.ErrNodeUsed) {
			t.Errorf("removed with a user: %v", err)
		}

		// Given up, it cannot be switched any more.
		w.ended(m)
		if err := w.Switch(ctx, m); !errors.Is(err, token.ErrMoveOver) {
			t.Errorf("a move that was given up: %v", err)
		}
		if all, err := w.Moves(ctx); err != nil || !slices.Equal(all, []token.Move{m}) {
			t.Errorf("%v, %v", all, err)
		}
		w.ok(w.ForgetMove(ctx, m))
		w.ok(w.ForgetMove(ctx, m))
		w.counted(":0 node1:1 node2:0")
		if all, err := w.Replaced(ctx); err != nil || !slices.Equal(all, []token.Storage{m.To}) {
			t.Errorf("what the move left: %v, %v", all, err)
		}

		again, err := w.BeginMove(ctx, ann.UID, true)
		w.ok(err)
		w.ok(w.Switch(ctx, again))
		w.counted(":0 node1:0 node2:1")
		if err := w.Switch(ctx, again); !errors.Is(err, token.ErrMoveOver) {
			t.Errorf("switched twice: %v", err)
		}
		if ended, err := w.EndMove(ctx, again); err != nil || ended {
			t.Errorf("a move that was switched is given up: %v, %v", ended, err)
		}
		a := w.mustHave(w.ask("ann", 210, 100, "key"))
		if a.UID != again.To.UID || !strings.HasPrefix(a.all["api_endpoint"].(string), node2) {
			t.Errorf("after the switch: %v", a.all)
		}
		w.mustRefuse(w.ask("ann", 200, 100, "key"), 401, "invalid-generation") // it moved along
		if _, err := w.Admit(ctx, token.Grant{UID: ann.UID, Account: "ann"}); !errors.Is(err, token.ErrToken) {
			t.Errorf("an old token: %v", err)
		}
		w.Pass(2 * time.Hour)
		if all, err := w.Replaced(ctx); err != nil || !slices.Contains(all, again.From) {
			t.Errorf("the old copy is not deleted: %v, %v", all, err)
		}
		if _, err := w.BeginMove(ctx, ann.UID, true); !errors.Is(err, token.ErrMoveOver) {
			t.Errorf("the old copy is moved: %v", err)
		}
		w.ok(w.RemoveNode(ctx, node1))
		if err := w.RemoveNode(ctx, node1); !errors.Is(err, token.ErrNoNode) {
			t.Errorf("removed twice: %v", err)
		}
		w.counted(":0 node2:1")
		if all, err := w.Replaced(ctx); err != nil || !slices.Equal(all, []token.Storage{m.To}) {
			t.Errorf("left for deletion: %v, %v", all, err)
		}
	})
}

// A storage that is replaced or removed while it is copied does not come back by the switch.
func TestASwitchOfAnotherState(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := withNodes(t, database, map[string]int64{node1: 9, node2: 9})
		ctx := t.Context()
		for name, meanwhile := range map[string]func(account string){
			"another key": func(account string) { w.mustHave(w.ask(account, 300, 250, "key-2")) },
			"a removal":   func(account string) { w.ok(w.Retire(ctx, account)) },
		} {
			a := w.mustHave(w.ask(name, 200, 100, "key-1"))
			m, err := w.BeginMove(ctx, a.UID, true)
			w.ok(err)
			meanwhile(name)
			if err := w.Switch(ctx, m); !errors.Is(err, token.ErrMoveOver) {
				t.Errorf("%s: %v", name, err)
			}
			w.ended(m)
			w.ok(w.ForgetMove(ctx, m))
		}
		w.mustRefuse(w.ask("a removal", 200, 100, "key-1"), 401, "invalid-credentials")
		w.counts()
		// Only the first node is there for those that the second has to give up.
		w.ok(w.SetNodeDown(ctx, node1, true))
		w.ok(w.SetNodeDown(ctx, node2, true))
		uids, err := w.OnNode(ctx, node1, 0, 9)
		w.ok(err)
		more, err := w.OnNode(ctx, node2, 0, 9)
		w.ok(err)
		for _, uid := range append(uids, more...) {
			if _, err := w.BeginMove(ctx, uid, true); !errors.Is(err, token.ErrNoRoom) {
				t.Errorf("moved to a node that is down: %v", err)
			}
		}
		w.counts()
	})
}

func TestLastNodeRemoved(t *testing.T) {
	t.Parallel()
	w := withNodes(t, "", map[string]int64{node1: 9})
	w.ok(w.RemoveNode(t.Context(), node1))
	w.counted("")
	if a := w.mustHave(w.ask("ann", 200, 100, "key")); !strings.HasPrefix(a.all["api_endpoint"].(string), "https://sync.example.org") {
		t.Errorf("%v", a.all)
	}
}
