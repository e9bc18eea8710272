package interop_test

import (
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server"
)

// newNode starts a storage node of the server of w.
func newNode(t *testing.T, w *testenv.Env) *counted {
	t.Helper()
	return count(t, func(root string) server.Config {
		secret, _, err := w.Server.AddNode(t.Context(), root, 10)
		check(t, err)
		return server.Config{Node: &server.Node{URL: root, Secret: secret}, Now: w.Clock.Now}
	})
}

// TestFirefoxAfterADrain: a Firefox that runs while its user is moved to another node goes on there. It keeps its data,
// and uploads none of it again.
func TestFirefoxAfterADrain(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	one := newNode(t, w)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	p.signsUp(ann, testenv.Password)
	p.click(onStep("engines") + "form button")
	p.sees(onStep("done"), "You are signed in")
	addToFirefox(t, p.Firefox, "https://before.example", "ann", "at the first node")
	addBookmark(t, p.Firefox, firefoxsync.Bookmark{Kind: firefoxsync.PlainBookmark, Parent: firefoxsync.Unfiled, Title: "before", URL: "https://before.example/"})
	syncFirefox(t, p.Firefox)
	syncsWith := func(n *counted) {
		t.Helper()
		if url, err := p.StorageURL(t.Context()); err != nil || !strings.HasPrefix(url, n.root) {
			t.Fatalf("Firefox syncs with %s, %v", url, err)
		}
	}
	syncsWith(one)
	if got := one.uploads("passwords"); len(got) == 0 {
		t.Fatal("nothing was uploaded to the first node")
	}

	two := newNode(t, w)
	if d, err := w.Server.DrainNode(t.Context(), one.root); err != nil || d.Moved != 1 || d.Left != 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	// Its token is refused, which ends the sync; Firefox gets another token for the next one.
	if _, err := p.Sync(t.Context()); err != nil {
		t.Logf("the sync with the old token: %v", err)
	}
	syncFirefox(t, p.Firefox)
	syncsWith(two)
	stored := []string{"passwords", "bookmarks", "forms", "crypto", "meta"}
	if got := append(one.uploads(stored...), two.uploads(stored...)...); len(got) != 0 {
		t.Errorf("it uploaded what is there: %v", got)
	}
	addToFirefox(t, p.Firefox, "https://after.example", "ann", "at the second node")
	syncFirefox(t, p.Firefox)
	if got := two.uploads("passwords"); len(got) != 1 {
		t.Errorf("for one login: %v", got)
	}

	// A new device gets all of it from the second node.
	d := w.Browser("our device", ann)
	d.Sync()
	agree(t, d, p.Firefox, map[string]string{"https://before.example ann": "at the first node", "https://after.example ann": "at the second node"})
	if got := one.uploads(data...); len(got) != 0 {
		t.Errorf("uploads to the first node: %v", got)
	}
}
