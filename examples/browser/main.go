// Command browser is an example of a larger app: what a browser for the terminal keeps, synced
// with end-to-end encryption between all devices of a user. It shows no pages. It has the
// history, the bookmarks, the passwords, the tabs, the addresses and cards that fill forms, and
// the storage of add-ons.
//
// Each file shows the calls of one store or of the account: profile.go opens the stores, and
// account.go signs in; read these two first.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
)

// A command is one thing that the user can ask for.
type command struct {
	// name has one or two words, and args what follows: "URL [TITLE…]".
	name, args string
	about      string
	run        func(b *browser, ctx context.Context, args []string) error
}

// commands are in the order in which the help shows them.
func commands() []command {
	return slices.Concat(accountCommands, syncCommands, pageCommands, bookmarkCommands, passwordCommands,
		tabCommands, pushCommands, formCommands, addonCommands)
}

func main() {
	dir := flag.String("dir", "browser-data", "the folder of this device's data")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, help()) }
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *dir, os.Stdin, os.Stdout, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		os.Exit(1)
	}
}

// run carries out one command on the device whose data is in dir. It asks for secrets on in.
func run(ctx context.Context, dir string, in io.Reader, out io.Writer, args []string) (err error) {
	c, args, err := find(args)
	if err != nil {
		return err
	}
	b, err := open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	b.terminal, b.in, b.out = in, bufio.NewReader(in), out
	return c.run(b, ctx, args)
}

// find returns the command that words begin with, and its arguments.
func find(words []string) (command, []string, error) {
	for _, c := range commands() {
		name := strings.Fields(c.name)
		if len(words) < len(name) || !slices.Equal(words[:len(name)], name) {
			continue
		}
		args := words[len(name):]
		if least, most := c.counts(); len(args) < least || len(args) > most {
			return c, nil, fmt.Errorf("usage: browser %s %s", c.name, c.args)
		}
		return c, args, nil
	}
	if len(words) == 0 {
		return command{}, nil, errors.New(help())
	}
	return command{}, nil, fmt.Errorf("unknown command %q: 'browser -help' lists them", strings.Join(words, " "))
}

// counts returns how many arguments the command takes.
func (c command) counts() (least, most int) {
	for word := range strings.FieldsSeq(c.args) {
		most++
		if !strings.HasPrefix(word, "[") {
			least++
		}
		if strings.Contains(word, "…") {
			most = 1 << 10
		}
	}
	return least, most
}

func help() string {
	var text strings.Builder
	text.WriteString("usage: browser [-dir FOLDER] COMMAND\n")
	for _, c := range commands() {
		fmt.Fprintf(&text, "  %-42s %s\n", c.name+" "+c.args, c.about)
	}
	return strings.TrimSuffix(text.String(), "\n")
}
