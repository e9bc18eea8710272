// Command notes is an example of an app: short notes, synced with end-to-end encryption
// between all devices of a user.
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
	"path/filepath"
	"strings"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/collection"
)

// Note is the app's data type; it needs no other description.
type Note struct {
	ID   collection.ID `json:"id"`
	Text string        `json:"text"`
}

func valid(n Note) error {
	if strings.TrimSpace(n.Text) == "" {
		return errors.New("the note is empty: give it some text")
	}
	return nil
}

const usage = `usage: notes [-dir FOLDER] COMMAND
  login SERVER EMAIL    sign in with the password on the first line of the input
  create SERVER EMAIL   make the account, and sign in
  add TEXT   list   edit ID TEXT   rm ID
  sync`

var errUsage = errors.New(usage)

func main() {
	dir := flag.String("dir", "notes-data", "the folder of this device's notes")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, usage) }
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *dir, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "notes:", err)
		os.Exit(1)
	}
}

// run carries out one command on the device whose data is in dir.
func run(ctx context.Context, dir string, args []string) (err error) {
	key, err := syncmanager.LocalKey(ctx, dir)
	if err != nil {
		return err
	}
	session := account.SessionFile{Path: filepath.Join(dir, "session"), Key: key}
	notes, err := collection.Open(ctx, "example-notes", collection.Options[Note]{
		Path: filepath.Join(dir, "notes.db"), Key: key, Valid: valid,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, notes.Close()) }()

	args = append(args, "", "", "")
	switch id, text := collection.ID(args[1]), strings.TrimSpace(strings.Join(args[2:], " ")); args[0] {
	case "login", "create":
		return signIn(ctx, session, args[0] == "create", args[1], args[2], os.Stdin)
	case "add":
		note, err := notes.Add(ctx, Note{Text: strings.TrimSpace(args[1] + " " + text)})
		if err == nil {
			fmt.Println(note.ID)
		}
		return err
	case "list":
		for note, err := range notes.List(ctx) {
			if err != nil {
				return err
			}
			fmt.Println(note.ID, note.Text)
		}
		return nil
	case "edit":
		_, err := notes.Update(ctx, Note{ID: id, Text: text})
		return err
	case "rm":
		return notes.Delete(ctx, id)
	case "sync":
		return sync(ctx, dir, key, session, notes)
	}
	return errUsage
}

// signIn signs this device in to an account. The client saves the session.
func signIn(ctx context.Context, session account.SessionFile, create bool, server, email string, in io.Reader) error {
	client, err := account.New(account.Config{Server: server, Save: session.Save})
	if err != nil {
		return err
	}
	password, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	enter := client.Login
	if create {
		enter = client.CreateAccount
	}
	a, err := enter(ctx, email, strings.TrimRight(password, "\r\n"))
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	return a.RegisterDevice(ctx, "Notes on "+host, "desktop")
}

// sync syncs this device with the account.
func sync(ctx context.Context, dir string, key [32]byte, session account.SessionFile, notes *collection.Engine[Note]) error {
	s, err := session.Load()
	if err != nil {
		return err
	}
	client, err := account.New(account.Config{Server: s.Server, Save: session.Save})
	if err != nil {
		return err
	}
	manager, err := syncmanager.New(ctx, syncmanager.Config{
		Account: client.Resume(s), State: syncmanager.FileState(filepath.Join(dir, "state")), Key: key,
		Device: syncmanager.Device{Name: "Notes", Type: "desktop", Application: "Notes"},
	})
	if err != nil {
		return err
	}
	if err := manager.Register(notes); err != nil {
		return err
	}
	result, err := manager.Sync(ctx, syncmanager.Options{})
	done := result.Engines[notes.Collection()]
	fmt.Printf("%d received, %d sent\n", done.Applied, done.Uploaded)
	return errors.Join(err, done.Err, manager.Close())
}
