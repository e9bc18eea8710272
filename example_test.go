package syncmanager_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/server"
)

const (
	email    = "ann@example.org"
	password = "correct horse battery staple"
)

// Note is what the app of the examples keeps.
type Note struct {
	ID   collection.ID `json:"id"`
	Text string        `json:"text"`
}

// example is a server on a free port and what is to be closed after an example.
type example struct {
	URL    string
	pushes chan []byte // what the server sent to a push service
	client *account.Client
	closes []func() error
}

func newExample() *example {
	e := &example{pushes: make(chan []byte, 100)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	e.URL = "http://" + l.Addr().String()
	dir := e.folder()
	service := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		must(err)
		e.pushes <- body
	}))
	e.closes = append(e.closes, func() error { service.Close(); return nil })
	s, err := server.New(context.Background(), server.Config{
		Dir: dir, PublicURL: e.URL, PasswordCost: 4, Now: time.Now, Rand: rand.Reader,
		Log: slog.New(slog.DiscardHandler), PurgeTicks: make(chan time.Time),
		Push: &server.Push{Hosts: []string{"example.com"}, Transport: service.Client().Transport},
	})
	must(err)
	h := &httptest.Server{Listener: l, Config: &http.Server{Handler: s.Handler()}}
	h.Start()
	e.closes = append(e.closes, func() error { return s.Close(context.Background()) }, func() error { h.Close(); return nil })
	e.client, err = account.New(account.Config{Server: e.URL})
	must(err)
	_, err = e.client.CreateAccount(context.Background(), email, password)
	must(err)
	return e
}

func (e *example) folder() string {
	dir, err := os.MkdirTemp("", "example")
	must(err)
	e.closes = append(e.closes, func() error { return os.RemoveAll(dir) })
	return dir
}

func (e *example) close() {
	for i := len(e.closes) - 1; i >= 0; i-- {
		must(e.closes[i]())
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// device is the app on a device that is signed in.
type device struct {
	account *account.Account
	notes   *collection.Engine[Note]
	manager *syncmanager.Manager
}

// device signs a device in, with what it does with messages of others, or nil.
func (e *example) device(name string, received func(context.Context, []message.Message) error) *device {
	ctx := context.Background()
	dir := e.folder()
	key, err := syncmanager.LocalKey(ctx, dir)
	must(err)
	a, err := e.client.Login(ctx, email, password)
	must(err)
	must(a.RegisterDevice(ctx, name, "desktop"))
	notes, err := collection.Open(ctx, "example-notes", collection.Options[Note]{Path: filepath.Join(dir, "notes.db"), Key: key})
	must(err)
	m, err := syncmanager.New(ctx, syncmanager.Config{
		Account: a, State: syncmanager.FileState(filepath.Join(dir, "state")), Key: key,
		Device: syncmanager.Device{Name: name, Type: "desktop", Application: "Notes", Version: "1"}, Received: received,
	})
	must(err)
	must(m.Register(notes))
	e.closes = append(e.closes, notes.Close, m.Close)
	return &device{a, notes, m}
}

// sync syncs a device.
func (d *device) sync() {
	_, err := d.manager.Sync(context.Background(), syncmanager.Options{})
	must(err)
}

// An app signs in, keeps its data in an engine, and syncs it.
func Example() {
	ctx := context.Background()
	e := newExample() // a server, on which ann@example.org has an account
	defer e.close()
	dir := e.folder()

	key, err := syncmanager.LocalKey(ctx, dir)
	must(err)
	notes, err := collection.Open(ctx, "example-notes", collection.Options[Note]{Path: filepath.Join(dir, "notes.db"), Key: key})
	must(err)
	defer notes.Close()

	// Once. Another time: file.Load, and client.Resume.
	file := account.SessionFile{Path: filepath.Join(dir, "session"), Key: key}
	client, err := account.New(account.Config{Server: e.URL, Save: file.Save})
	must(err)
	acct, err := client.Login(ctx, "ann@example.org", "correct horse battery staple")
	must(err)
	must(acct.RegisterDevice(ctx, "Ann's laptop", "desktop"))

	m, err := syncmanager.New(ctx, syncmanager.Config{
		Account: acct, State: syncmanager.FileState(filepath.Join(dir, "state")), Key: key,
		Device: syncmanager.Device{Name: "Ann's laptop", Type: "desktop", Application: "Notes", Version: "1"},
	})
	must(err)
	defer m.Close()
	must(m.Register(notes))

	_, err = notes.Add(ctx, Note{Text: "buy milk"})
	must(err)
	result, err := m.Sync(ctx, syncmanager.Options{})
	must(err)
	fmt.Println(result.Status, result.Engines["example-notes"].Uploaded)
	// Output:
	// ok 1
}

// The user's session ended elsewhere: the app asks for the password again.
func ExampleManager_SignIn() {
	ctx := context.Background()
	e := newExample()
	defer e.close()
	laptop, phone := e.device("Ann's laptop", nil), e.device("Ann's phone", nil)
	m := laptop.manager
	laptop.sync()

	devices, err := phone.account.Devices(ctx)
	must(err)
	for _, d := range devices {
		if !d.Current {
			must(phone.account.Disconnect(ctx, d)) // signs the laptop out
		}
	}

	result, _ := m.Sync(ctx, syncmanager.Options{})
	if result.Status == syncmanager.StatusSignInAgain {
		fmt.Println("sign in again")
		// Until then nothing is sent: this makes no request.
		again, _ := m.Sync(ctx, syncmanager.Options{})
		fmt.Println(again.Status, again.Requests+again.AccountRequests)

		a, err := e.client.Login(ctx, "ann@example.org", "correct horse battery staple")
		must(err)
		must(a.RegisterDevice(ctx, "Ann's laptop", "desktop"))
		must(m.SignIn(ctx, a))
	}
	result, err = m.Sync(ctx, syncmanager.Options{})
	fmt.Println(result.Status, err)
	// Output:
	// sign in again
	// auth 0
	// ok <nil>
}

// Signing out leaves the user's data on the device.
func ExampleManager_SignOut() {
	ctx := context.Background()
	e := newExample()
	defer e.close()
	laptop := e.device("Ann's laptop", nil)
	_, err := laptop.notes.Add(ctx, Note{Text: "buy milk"})
	must(err)
	laptop.sync()

	// A server that cannot be reached does not keep the user signed in.
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := laptop.manager.SignOut(ctx); err != nil {
		fmt.Println("signed out here; the server was not told:", err)
	}

	n, err := laptop.notes.Count(ctx)
	must(err)
	_, err = laptop.manager.Sync(ctx, syncmanager.Options{})
	fmt.Println(n, errors.As(err, new(*syncmanager.AuthError)), err)
	// Output:
	// 1 true this device is signed out; sign in first
}

// The user chooses what the account syncs, for all devices.
func ExampleManager_SetEnabled() {
	ctx := context.Background()
	e := newExample()
	defer e.close()
	laptop, phone := e.device("Ann's laptop", nil), e.device("Ann's phone", nil)
	laptop.sync()

	must(laptop.manager.SetEnabled(ctx, false, "example-notes"))
	laptop.sync()

	result, err := phone.manager.Sync(ctx, syncmanager.Options{})
	must(err)
	fmt.Println(result.Declined, result.Engines["example-notes"].Status)
	engines, err := phone.manager.Engines(ctx)
	must(err)
	for _, engine := range engines {
		fmt.Println(engine.Name, "enabled:", engine.Enabled)
	}
	// Output:
	// [example-notes] declined
	// example-notes enabled: false
}

// Another device sends a page to this one.
func ExampleManager_Receive() {
	ctx := context.Background()
	e := newExample()
	defer e.close()
	received := func(_ context.Context, messages []message.Message) error { // Config.Received
		for _, m := range messages {
			switch {
			case m.Err != nil:
				fmt.Println("a message cannot be used:", m.Err)
			case m.Tab != nil:
				fmt.Println("open", m.Tab.URL) // an app stores it before it returns
			default:
				fmt.Println("close", m.Close)
			}
		}
		return nil
	}
	laptop, phone := e.device("Ann's laptop", received), e.device("Ann's phone", nil)

	devices, err := phone.account.Devices(ctx)
	must(err)
	for _, d := range devices {
		if d.Name == "Ann's laptop" && d.TakesTabs {
			must(phone.account.SendTab(ctx, d.ID, account.Tab{Title: "A page", URL: "https://example.org/"}))
		}
	}

	// Run does this by itself.
	must(laptop.manager.Receive(ctx))
	// Output:
	// open https://example.org/
}

// A push message makes the app sync at once.
func ExampleManager_HandlePush() {
	ctx := context.Background()
	e := newExample()
	defer e.close()
	laptop, phone := e.device("Ann's laptop", nil), e.device("Ann's phone", nil)

	phone.sync()
	// The endpoint comes from the push service of the system.
	must(laptop.account.SetPushSubscription(ctx, "https://example.com/endpoint"))
	laptop.sync()

	_, err := phone.notes.Add(ctx, Note{Text: "buy milk"})
	must(err)
	phone.sync()
	must(phone.account.Notify(ctx, []string{"example-notes"}))

	body := <-e.pushes // the system calls the app with it
	push, err := laptop.manager.HandlePush(ctx, body)
	must(err)
	fmt.Println(push.Command, push.Collections, push.Result.Engines["example-notes"].Applied)
	// Output:
	// sync:collection_changed [example-notes] 1
}

// Everything that the account has on the server is deleted. The devices keep what they have, and
// upload it again.
func ExampleRecords_DeleteAll() {
	ctx := context.Background()
	e := newExample()
	defer e.close()
	laptop := e.device("Ann's laptop", nil)
	_, err := laptop.notes.Add(ctx, Note{Text: "buy milk"})
	must(err)
	laptop.sync()

	records := laptop.manager.Records()
	seen, err := records.Collections(ctx) // what the user is asked about
	must(err)
	if err := records.DeleteAll(ctx, seen); errors.Is(err, syncmanager.ErrChanged) {
		fmt.Println("another device wrote meanwhile; nothing was deleted")
	}
	n, err := laptop.notes.Count(ctx)
	must(err)
	result, err := laptop.manager.Sync(ctx, syncmanager.Options{})
	must(err)
	fmt.Println(n, "here,", result.Engines["example-notes"].Uploaded, "uploaded")
	// Output:
	// 1 here, 1 uploaded
}
