package creditcards_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/creditcards"
)

// openExample opens the cards in a new folder; close closes and removes them. An app takes the
// key from syncmanager.LocalKey.
func openExample() (e *creditcards.Engine, closeAll func()) {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	e, err = creditcards.Open(context.Background(), creditcards.Config{
		Path: filepath.Join(dir, "creditcards.sqlite"), Key: [32]byte{1}, Now: time.Now, Rand: rand.Reader,
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

	card, err := e.Add(ctx, creditcards.Card{Entry: creditcards.Entry{
		Name: "Ann Lee", Number: "4111 1111 1111 1111", ExpMonth: 4, ExpYear: 2031,
	}})
	check(err)
	fmt.Println(card.Masked(), card.Network, card.Expires())

	_, err = e.Add(ctx, creditcards.Card{Entry: creditcards.Entry{Number: "4111111111111111"}})
	var duplicate *engine.DuplicateError
	fmt.Println(errors.As(err, &duplicate) && duplicate.ID == card.ID)
	// Output:
	// •••• 1111 visa 04/2031
	// true
}

// An app that filled a form counts the use.
func ExampleEngine_Touch() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	r, err := e.Add(ctx, creditcards.Card{Entry: creditcards.Entry{Name: "Ann Lee", Number: "4111111111111111"}})
	check(err)
	check(e.Touch(ctx, r.ID))
	check(e.Touch(ctx, r.ID))
	r, err = e.Get(ctx, r.ID)
	check(err)
	fmt.Println(r.Name, r.TimesUsed)
	// Output: Ann Lee 2
}
