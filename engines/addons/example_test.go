package addons_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/syncmanager/syncmanager/engines/addons"
)

// openExample opens the list in a new folder; close closes and removes them. An app takes the
// key from syncmanager.LocalKey.
func openExample() (e *addons.Engine, closeAll func()) {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	e, err = addons.Open(context.Background(), addons.Config{
		Path: filepath.Join(dir, "addons.sqlite"), Key: [32]byte{1}, Now: time.Now, Rand: rand.Reader,
	})
	check(err)
	return e, func() {
		check(e.Close())
		check(os.RemoveAll(dir))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func Example() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	blocker, err := e.Add(ctx, addons.Addon{
		AddonID: "blocker@example.org", ApplicationID: "{ec8030f7-c20a-464f-9b0e-13a3a9e97384}",
		Enabled: true, Source: addons.FromMozilla,
	})
	check(err)
	blocker.Enabled = false // Firefox disables it after its next sync
	_, err = e.Update(ctx, blocker)
	check(err)
	for a, err := range e.List(ctx) {
		check(err)
		fmt.Println(a.AddonID, a.Enabled)
	}
	// Output: blocker@example.org false
}
