package prefs_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/syncmanager/syncmanager/engines/prefs"
)

// openExample opens the preferences in a new folder; close closes and removes them. An app takes the
// key from syncmanager.LocalKey.
func openExample() (e *prefs.Engine, closeAll func()) {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	e, err = prefs.Open(context.Background(), prefs.Config{
		Path: filepath.Join(dir, "prefs.sqlite"), Key: [32]byte{1}, Now: time.Now, Rand: rand.Reader,
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

	firefox := e.Of(prefs.Firefox)
	value, err := prefs.Parse("true", prefs.Bool)
	check(err)
	_, err = firefox.Add(ctx, prefs.Pref{Name: "browser.startup.page", Value: value})
	check(err)
	check(firefox.Delete(ctx, "browser.startup.page")) // each browser takes its default
	p, err := firefox.Get(ctx, "browser.startup.page")
	check(err)
	fmt.Println(p.Name, prefs.TypeOf(p.Value))
	// Output: browser.startup.page null
}
