package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/engines/placesfile"
	"github.com/syncmanager/syncmanager/engines/tabs"
	"github.com/syncmanager/syncmanager/internal/localkey"
)

// Device is an app on a device: a manager with the engines for passwords and
// tabs. A browser has Bookmarks and History too.
type Device struct {
	Env       *Env
	Name      string
	Dir       string
	Account   *account.Account
	Manager   *syncmanager.Manager
	Bookmarks *bookmarks.Engine
	History   *history.Engine
	Passwords *passwords.Engine
	Tabs      *tabs.Engine
	// Received is that of the manager's Config, from the next Restart on.
	Received func(context.Context, []message.Message) error
	places   placesfile.File
	progress atomic.Pointer[func(syncmanager.Progress)]
	browser  bool
	files    int // of the engines that Open opened
	key      [32]byte
}

// Device signs a new device in to an account.
func (w *Env) Device(name, email string) *Device {
	w.T.Helper()
	return w.device(name, email, false)
}

// Browser is a Device with the engines for bookmarks and history, which share a
// file.
func (w *Env) Browser(name, email string) *Device {
	w.T.Helper()
	return w.device(name, email, true)
}

func (w *Env) device(name, email string, browser bool) *Device {
	w.T.Helper()
	d := &Device{Env: w, Name: name, Dir: w.T.TempDir(), Account: w.SignIn(email), browser: browser}
	if _, err := rand.Read(d.key[:]); err != nil {
		w.T.Fatal(err)
	}
	if err := d.Account.RegisterDevice(w.T.Context(), name, "desktop"); err != nil {
		w.T.Fatal(err)
	}
	d.open()
	w.T.Cleanup(d.close)
	return d
}

func (d *Device) open() {
	t := d.Env.T
	t.Helper()
	var err error
	d.Passwords, err = passwords.Open(t.Context(), passwords.Config{
		Path: filepath.Join(d.Dir, "passwords.sqlite"), Key: d.key, Now: d.Env.Clock.Now, Rand: rand.Reader,
	})
	check(t, err)
	d.Tabs, err = tabs.Open(t.Context(), tabs.Config{Path: filepath.Join(d.Dir, "tabs.sqlite"), Now: d.Env.Clock.Now})
	check(t, err)
	d.Manager, err = syncmanager.New(t.Context(), syncmanager.Config{
		Account: d.Account, State: syncmanager.FileState(filepath.Join(d.Dir, "state")), Key: d.key,
		Device: syncmanager.Device{Name: d.Name, Type: "desktop", Application: "Test app", Version: "1"},
		Now:    d.Env.Clock.Now, Transport: d.Env.Net, Received: d.Received, Progress: d.tellProgress,
	})
	check(t, err)
	check(t, d.Manager.Register(d.Tabs))
	check(t, d.Manager.Register(d.Passwords))
	if d.browser {
		d.openPlaces()
	}
}

// OnProgress sets what is told of the steps of syncs.
func (d *Device) OnProgress(f func(syncmanager.Progress)) { d.progress.Store(&f) }

func (d *Device) tellProgress(p syncmanager.Progress) {
	if f := d.progress.Load(); f != nil {
		(*f)(p)
	}
}

// Places returns the file that a browser's bookmarks and history share.
func (d *Device) Places() placesfile.File { return d.places }

func (d *Device) openPlaces() {
	t := d.Env.T
	t.Helper()
	path := filepath.Join(d.Dir, "places.sqlite")
	var err error
	d.places, err = placesfile.Open(t.Context(), placesfile.Config{Path: path, Now: d.Env.Clock.Now, Rand: rand.Reader})
	check(t, err)
	d.Bookmarks, err = bookmarks.New(t.Context(), d.places)
	check(t, err)
	d.History, err = history.New(t.Context(), d.places)
	check(t, err)
	check(t, d.Manager.Register(d.Bookmarks))
	check(t, d.Manager.Register(d.History))
}

func (d *Device) close() {
	err := errors.Join(d.Manager.Close(), d.Passwords.Close(), d.Tabs.Close())
	if d.browser {
		err = errors.Join(err, d.Bookmarks.Close(), d.History.Close(), d.places.Close())
	}
	if err != nil {
		d.Env.T.Errorf("closing %s: %v", d.Name, err)
	}
}

// Restart closes everything and opens it again, as the app's next start does.
func (d *Device) Restart() {
	d.Env.T.Helper()
	d.close()
	d.Account = d.Env.Client().Resume(d.Account.Session())
	d.open()
}

// Sync syncs all engines, and fails the test unless that went well.
func (d *Device) Sync() syncmanager.Result {
	d.Env.T.Helper()
	r, err := d.Manager.Sync(d.Env.T.Context(), syncmanager.Options{})
	if err != nil || r.Status != syncmanager.StatusOK {
		text, _ := r.MarshalJSON()
		d.Env.T.Fatalf("%s: the sync ended with %v: %s", d.Name, err, text)
	}
	return r
}

// Add adds a login for a site, and returns it.
func (d *Device) Add(site, username, pass string) passwords.Login {
	d.Env.T.Helper()
	l, err := d.Passwords.Add(d.Env.T.Context(), passwords.Login{Hostname: site, FormSubmitURL: site, Username: username, Password: pass})
	check(d.Env.T, err)
	return l
}

// Logins maps "site username" to the password.
func (d *Device) Logins() map[string]string {
	d.Env.T.Helper()
	all := map[string]string{}
	for l, err := range d.Passwords.List(d.Env.T.Context()) {
		check(d.Env.T, err)
		all[l.Hostname+" "+l.Username] = l.Password
	}
	return all
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Key returns the device's local key.
func (d *Device) Key() [32]byte { return d.key }

// Seal seals text as the manager seals its state.
func (d *Device) Seal(text string) []byte {
	d.Env.T.Helper()
	sealed, err := localkey.Key(d.key).Sealer(rand.Reader).Seal([]byte(text), []byte("syncmanager state"))
	check(d.Env.T, err)
	return sealed
}

// Open opens a further engine on a file of its own in d's folder, and registers it
// with d's manager. It is closed with the test, and not opened again by Restart.
func Open[E interface {
	engine.Engine
	io.Closer
}](d *Device, open func(engine.StoreConfig) (E, error)) E {
	t := d.Env.T
	t.Helper()
	d.files++
	e, err := open(engine.StoreConfig{
		Path: filepath.Join(d.Dir, fmt.Sprintf("engine-%d.sqlite", d.files)), Key: d.key, Now: d.Env.Clock.Now, Rand: rand.Reader,
	})
	check(t, err)
	t.Cleanup(func() { check(t, e.Close()) })
	check(t, d.Manager.Register(e))
	return e
}
