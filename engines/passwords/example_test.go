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
