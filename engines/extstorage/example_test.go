package extstorage_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// An add-on reads some keys, with what to take where it never set them.
func ExampleArea_Pick() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	area := e.Of("notes@example.org")
	_, err := area.Set(ctx, map[string]json.RawMessage{"theme": json.RawMessage(`"dark"`)})
	check(err)
	d, err := area.Pick(ctx, map[string]json.RawMessage{"theme": json.RawMessage(`"light"`), "size": json.RawMessage(`12`)})
	check(err)
	fmt.Println(string(d["theme"]), string(d["size"]))
	// Output:
	// "dark" 12
}

// An app tells its add-ons what a sync changed, and which quota they reached.
func ExampleEngine_SyncedChanges() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	// After a sync, of which Watch tells:
	all, more := e.SyncedChanges()
	for _, addon := range all {
		for _, k := range addon.Keys {
			fmt.Println(addon.ExtID, k.Key, string(k.Old), string(k.New))
		}
	}
	fmt.Println(len(all), more)

	value, err := json.Marshal(strings.Repeat("x", 9000))
	check(err)
	_, err = e.Of("notes@example.org").Set(ctx, map[string]json.RawMessage{"note": value})
	if quota, ok := errors.AsType[*extstorage.QuotaError](err); ok {
		fmt.Println(quota.Quota, quota.Limit, quota.Size)
	}
	// Output:
	// 0 false
	// QUOTA_BYTES_PER_ITEM 8192 9006
}
