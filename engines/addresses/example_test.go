package addresses_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/syncmanager/syncmanager/engines/addresses"
)

// openExample opens the addresses in a new folder; close closes and removes them. An app takes the
// key from syncmanager.LocalKey.
func openExample() (e *addresses.Engine, closeAll func()) {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	e, err = addresses.Open(context.Background(), addresses.Config{
		Path: filepath.Join(dir, "addresses.sqlite"), Key: [32]byte{1}, Now: time.Now, Rand: rand.Reader,
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

	home, err := e.Add(ctx, addresses.Address{Entry: addresses.Entry{
		Name: "Ann Mary Lee", StreetAddress: "12 High Street", AddressLevel2: "Bristol",
		Country: "united kingdom", Tel: "0117 496 0123",
	}})
	check(err)
	fmt.Println(home.Country, home.Tel, home.FamilyName)

	home.PostalCode = "BS1 2AW"
	_, err = e.Update(ctx, home)
	check(err)
	waiting, err := e.Changes(ctx)
	check(err)
	fmt.Println("waiting for the next sync:", waiting)
	// Output:
	// GB +441174960123 Lee
	// waiting for the next sync: 1
}

// An app that filled a form counts the use.
func ExampleEngine_Touch() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	r, err := e.Add(ctx, addresses.Address{Entry: addresses.Entry{Name: "Ann Lee", Country: "DE"}})
	check(err)
	check(e.Touch(ctx, r.ID))
	check(e.Touch(ctx, r.ID))
	r, err = e.Get(ctx, r.ID)
	check(err)
	fmt.Println(r.Name, r.TimesUsed)
	// Output: Ann Lee 2
}
