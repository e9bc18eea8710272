package extstorage_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/syncmanager/syncmanager/engines/extstorage"
)

// openExample opens the storage in a new folder; close closes and removes them. An app takes the
// key from syncmanager.LocalKey.
func openExample() (e *extstorage.Engine, closeAll func()) {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	e, err = extstorage.Open(context.Background(), extstorage.Config{
		Path: filepath.Join(dir, "extstorage.sqlite"), Key: [32]byte{1}, Now: time.Now, Rand: rand.Reader,
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

	area := e.Of("notes@example.org")
	_, err := area.Set(ctx, map[string]json.RawMessage{"theme": json.RawMessage(`"dark"`), "size": json.RawMessage(`12`)})
	check(err)
	changed, err := area.Remove(ctx, "size")
	check(err)
	for _, c := range changed {
		fmt.Println(c.Key, "was", string(c.Old))
	}
	n, err := area.BytesInUse(ctx)
	check(err)
	fmt.Println(n, "bytes")
	for item, err := range e.Items().List(ctx) {
		check(err)
		fmt.Println(item.ExtID, item.Key, string(item.Value))
	}
	// Output:
	// size was 12
	// 11 bytes
	// notes@example.org theme "dark"
}
