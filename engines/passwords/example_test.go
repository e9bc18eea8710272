package passwords_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

// openExample opens the logins in a new folder; close closes and removes them. An app takes the
// key from syncmanager.LocalKey.
func openExample() (e *passwords.Engine, closeAll func()) {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	e, err = passwords.Open(context.Background(), passwords.Config{
		Path: filepath.Join(dir, "passwords.sqlite"), Key: [32]byte{1}, Now: time.Now, Rand: rand.Reader,
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

	login, err := e.Add(ctx, passwords.Login{Hostname: "https://www.example.org/sign-in", Username: "ann", Password: "correct horse"})
	check(err)
	login.Password = "battery staple"
	_, err = e.Update(ctx, login)
	check(err)
	for l, err := range e.Find(ctx, "example.org") {
		check(err)
		fmt.Println(l.Hostname, l.Username)
	}

	check(e.Delete(ctx, login.ID))
	_, err = e.Get(ctx, login.ID)
	fmt.Println(errors.Is(err, engine.ErrNotFound))
	// Output:
	// https://www.example.org ann
	// true
}

// A browser fills in what it has for a page, and saves what the user submits.
func ExampleEngine_AddOrUpdate() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	form := passwords.Login{Hostname: "https://www.example.org", FormSubmitURL: "https://www.example.org", Username: "ann", Password: "correct horse"}
	if _, err := e.FindLoginToUpdate(ctx, form); errors.Is(err, engine.ErrNotFound) {
		fmt.Println("Save this login?")
	}
	_, err := e.AddOrUpdate(ctx, form)
	check(err)
	form.Password = "battery staple"
	_, err = e.AddOrUpdate(ctx, form)
	check(err)
	for l, err := range e.ByOrigin(ctx, "https://www.example.org/sign-in") {
		check(err)
		fmt.Println(l.Username, l.Password)
	}
	// Output:
	// Save this login?
	// ann battery staple
}

func ExampleEngine_BySite() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	_, err := e.AddMany(ctx, []passwords.Login{
		{Hostname: "https://www.example.co.uk", Username: "ann", Password: "one"},
		{Hostname: "https://shop.example.co.uk", Username: "ann", Password: "two"},
		{Hostname: "https://other.co.uk", Username: "ann", Password: "three"},
	})
	check(err)
	for l, err := range e.BySite(ctx, "https://www.example.co.uk/basket") {
		check(err)
		fmt.Println(l.Hostname)
	}
	n, err := e.CountByOrigin(ctx, "https://www.example.co.uk")
	check(err)
	fmt.Println(n)
	// Output:
	// https://shop.example.co.uk
	// https://www.example.co.uk
	// 1
}

func ExampleEngine_Breaches() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	login, err := e.Add(ctx, passwords.Login{Hostname: "https://www.example.org", Username: "ann", Password: "correct horse"})
	check(err)
	check(e.RecordBreach(ctx, login.ID, time.Now().Add(time.Minute)))
	for l, err := range e.Breaches(ctx) {
		check(err)
		fmt.Println("Change the password of", l.Username, "at", l.Hostname, "dismissed:", l.BreachDismissed())
	}
	// Output:
	// Change the password of ann at https://www.example.org dismissed: false
}

// A password that was breached at one site is not safe at another.
func ExampleEngine_Vulnerable() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	_, err := e.AddMany(ctx, []passwords.Login{
		{Hostname: "https://www.example.org", Username: "ann", Password: "correct horse"},
		{Hostname: "https://shop.example", Username: "ann", Password: "hunter2"},
	})
	check(err)
	check(e.RecordBreachedPasswords(ctx, []string{"hunter2"}))
	for l, err := range e.Vulnerable(ctx) {
		check(err)
		fmt.Println("Change the password of", l.Username, "at", l.Hostname)
	}
	// Output:
	// Change the password of ann at https://shop.example
}

// An app whose local key is lost asks the user, and starts over with a new key.
func ExampleOpen_keyLost() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer func() { check(os.RemoveAll(dir)) }()
	config := passwords.Config{Path: filepath.Join(dir, "passwords.sqlite"), Key: [32]byte{1}}
	e, err := passwords.Open(ctx, config)
	check(err)
	check(e.Close())

	config.Key = [32]byte{2}
	_, err = passwords.Open(ctx, config)
	fmt.Println(errors.Is(err, engine.ErrKey))
	config.KeyLost = func(aside string) bool {
		fmt.Println("Keep the old file, and fetch the passwords again?")
		return true
	}
	e, err = passwords.Open(ctx, config)
	check(err)
	check(e.Close())
	// Output:
	// true
	// Keep the old file, and fetch the passwords again?
}

// An app that cannot decrypt a login drops it, and has the next sync fetch the server's.
func ExampleEngine_Scrub() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	for _, err := range e.List(ctx) {
		if errors.Is(err, engine.ErrUndecryptable) {
			done, err := e.Scrub(ctx)
			check(err)
			fmt.Println(done.Again, "come again,", done.Lost, "are lost")
		}
	}
	// Output:
}
