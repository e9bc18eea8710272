package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/engines/placesfile"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

// browser is one device: the stores in its folder, and the user at its terminal.
type browser struct {
	dir     string
	key     [32]byte // encrypts what is secret on this device; it never leaves it
	session account.SessionFile

	places    placesfile.File // has the history and the bookmarks
	history   *history.Engine
	bookmarks *bookmarks.Engine
	passwords *passwords.Engine
	tabs      *tabs.Engine
	addresses *addresses.Engine
	cards     *creditcards.Engine
	addons    *extstorage.Engine
	closers   []io.Closer // in the order in which they were opened

	terminal io.Reader
	in       *bufio.Reader // the same, buffered
	out      io.Writer
}

// open opens the stores of the device whose data is in dir. It makes those that are missing.
func open(ctx context.Context, dir string) (*browser, error) {
	key, err := syncmanager.LocalKey(ctx, dir)
	if err != nil {
		return nil, err
	}
	b := &browser{dir: dir, key: key, session: account.SessionFile{Path: filepath.Join(dir, "session"), Key: key}}
	plain := func(name string) engine.StoreConfig { return engine.StoreConfig{Path: filepath.Join(dir, name)} }
	encrypted := func(name string) engine.StoreConfig {
		return engine.StoreConfig{Path: filepath.Join(dir, name), Key: key}
	}
	for _, store := range []func() (io.Closer, error){
		func() (_ io.Closer, err error) {
			b.places, err = placesfile.Open(ctx, plain("places.sqlite"))
			return b.places, err
		},
		func() (_ io.Closer, err error) { b.history, err = history.New(ctx, b.places); return b.history, err },
		func() (_ io.Closer, err error) {
			b.bookmarks, err = bookmarks.New(ctx, b.places)
			return b.bookmarks, err
		},
		func() (_ io.Closer, err error) { b.tabs, err = tabs.Open(ctx, plain("tabs.db")); return b.tabs, err },
		func() (_ io.Closer, err error) {
			b.passwords, err = passwords.Open(ctx, encrypted("passwords.db"))
			return b.passwords, err
		},
		func() (_ io.Closer, err error) {
			b.addresses, err = addresses.Open(ctx, encrypted("addresses.db"))
			return b.addresses, err
		},
		func() (_ io.Closer, err error) {
			b.cards, err = creditcards.Open(ctx, encrypted("cards.db"))
			return b.cards, err
		},
		func() (_ io.Closer, err error) {
			b.addons, err = extstorage.Open(ctx, encrypted("addons.db"))
			return b.addons, err
		},
	} {
		opened, err := store()
		if err != nil {
			return nil, errors.Join(err, b.close())
		}
		b.closers = append(b.closers, opened)
	}
	return b, nil
}

// close closes the engines, and then the file that two of them share.
func (b *browser) close() (err error) {
	for _, c := range slices.Backward(b.closers) {
		err = errors.Join(err, c.Close())
	}
	return err
}

// engines are all stores that are synced. Each is an [engine.Engine].
func (b *browser) engines() []engine.Engine {
	return []engine.Engine{b.history, b.bookmarks, b.passwords, b.tabs, b.addresses, b.cards, b.addons}
}

func (b *browser) printf(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }

// ask reads a line that the user may see.
func (b *browser) ask(question string) (string, error) {
	if _, ok := b.terminalFD(); ok {
		fmt.Fprintf(os.Stderr, "%s: ", question)
	}
	line, err := b.in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// askSecret reads a line that nobody may see. It never comes from the arguments, which other
// users of the computer can read.
func (b *browser) askSecret(question string) (string, error) {
	fd, ok := b.terminalFD()
	if !ok {
		return b.ask(question)
	}
	fmt.Fprintf(os.Stderr, "%s: ", question)
	secret, err := term.ReadPassword(fd)
	fmt.Fprintln(os.Stderr)
	return string(secret), err
}

// terminalFD returns the terminal's file descriptor; ok is false if the input is a file or a pipe.
func (b *browser) terminalFD() (fd int, ok bool) {
	file, ok := b.terminal.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(file.Fd())
	return fd, term.IsTerminal(fd)
}
