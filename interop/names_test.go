package interop_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server"
)

// TestTwoNamesInFirefox: a server has two names. One Firefox signs up under the first, another
// signs in under the second. Each stores under the name that it signed in at.
func TestTwoNamesInFirefox(t *testing.T) {
	t.Parallel()
	var away string
	home, _ := serve(t, func(c *server.Config) {
		away = strings.Replace(c.PublicURL, "127.0.0.1", "localhost", 1)
		c.OtherURLs = []string{away}
	})
	start := func(root string) person {
		return person{t, firefoxsync.Start(t, firefoxsync.Options{Root: root})}
	}
	one := start(home)
	one.signsUp(ann, testenv.Password)
	one.sees(onStep("engines"), "Choose what to sync")
	one.click("#engines-form button")
	one.sees(onStep("done"), "You are signed in")
	addToFirefox(t, one.Firefox, "https://home.example", "ann", "made at home")
	syncFirefox(t, one.Firefox)

	two := start(away)
	two.signsIn(ann, testenv.Password)
	two.sees(onStep("done"), "You are signed in")
	addToFirefox(t, two.Firefox, "https://away.example", "ann", "made away")
	syncFirefox(t, two.Firefox)
	syncFirefox(t, one.Firefox)
	want := map[string]string{"https://home.example ann": "made at home", "https://away.example ann": "made away"}
	for name, p := range map[string]person{home: one, away: two} {
		if got := loginsOf(t, p.Firefox); !maps.Equal(got, want) {
			t.Errorf("the Firefox at %s has %v, not %v", name, got, want)
		}
		endpoint, err := p.StorageURL(t.Context())
		check(t, err)
		if !strings.HasPrefix(endpoint, name+"/") {
			t.Errorf("the Firefox that signed in at %s stores at %s", name, endpoint)
		}
	}
}
