package forms_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/syncmanager/syncmanager/engines/forms"
)

// openExample opens the entries in a new folder; close closes and removes them. An app takes the
// key from syncmanager.LocalKey.
func openExample() (e *forms.Engine, closeAll func()) {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	e, err = forms.Open(context.Background(), forms.Config{
		Path: filepath.Join(dir, "forms.sqlite"), Key: [32]byte{1}, Now: time.Now, Rand: rand.Reader,
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

	_, err := e.Add(ctx, forms.Entry{Name: "email", Value: "ann@example.org"})
	check(err)
	_, err = e.Add(ctx, forms.Entry{Name: forms.SearchBar, Value: "train to Bristol"})
	check(err)
	for entry, err := range e.List(ctx) {
		check(err)
		fmt.Println(entry.Name, "=", entry.Value)
	}
	// Output:
	// email = ann@example.org
	// searchbar-history = train to Bristol
}
