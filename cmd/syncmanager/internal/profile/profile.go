// Package profile is one person's data on this device: a folder with the stores,
// the account they sync with, and what the command remembers between its runs.
//
//	settings.json      what is not secret: the device's name, the account's address
//	local.key          the local key, unless the system's keyring has it
//	account.sealed     the account's session and keys, sealed with the local key
//	state.sealed       the sync manager's state, sealed with the local key
//	passwords.sqlite   a store; its secrets are sealed with the local key
//	tabs.sqlite        a store
//	forms.sqlite, prefs.sqlite, addons.sqlite, extension-storage.sqlite
//	                   stores, sealed with the local key
//	inbox.sealed       pages that other devices sent, sealed with the local key
//	places.sqlite      two stores that share their URLs: bookmarks and history
//	server/            the embedded server of a local account
//
// A Profile is opened by one process at a time. Its stores are opened when they
// are needed, so that a damaged one stands in the way of nothing else.
package profile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/internal/localkey"
)

// Config says where the profile is and what it runs on. All fields but Keyring,
// Wait, Waiting and Progress must be set.
type Config struct {
	// Dir is the profile's folder. It is made, 0700, when it is not there.
	Dir string
	// Keyring lets a new profile keep its local key in the system's keyring. An
	// existing one remembers where its key is.
	Keyring bool
	// Hostname names the device until the user does.
	Hostname string
	// Version is this program's, as other devices show it.
	Version string
	// Wait is how long Open waits for another process that has the profile open, and
	// Waiting is called when it begins to.
	Wait    time.Duration
	Waiting func()

	Now       func() time.Time
	Rand      io.Reader
	Transport http.RoundTripper
	Log       *slog.Logger
	// Progress is told the steps of a sync, from several goroutines.
	Progress func(syncmanager.Progress)
}

// ErrLocked means that another process has the profile open.
var ErrLocked = errors.New("another syncmanager is using this profile; wait until it is done, or choose another one with --profile")

// Profile is an open profile. Its methods are for one goroutine.
type Profile struct {
	config   Config
	unlock   func() error
	key      localkey.Key
	settings settings

	// stores are those that were opened, by their names.
	stores map[string]io.Closer
	// credentials is nil when the profile is not signed in, or when unreadable says
	// why that cannot be told.
	credentials *credentials
	unreadable  error
	account     *account.Account
	manager     *syncmanager.Manager
	local       *localServer
}

// lockEvery is how often a profile that is in use is tried again.
const lockEvery = 100 * time.Millisecond

// lock makes the profile this process's own. It is ErrLocked when another one
// keeps it for longer than c.Wait.
func (c Config) lock(ctx context.Context) (release func() error, err error) {
	for waited := time.Duration(0); ; waited += lockEvery {
		release, err = dirlock.Acquire(c.Dir, "lock")
		switch {
		case !errors.Is(err, dirlock.ErrLocked):
			return release, err
		case waited >= c.Wait:
			return nil, ErrLocked
		case waited == 0 && c.Waiting != nil:
			c.Waiting()
		}
		select {
		case <-time.After(lockEvery):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// checkFolder refuses a folder that others can write: they could put files of their own
// in the place of the profile's. Windows has no such bits.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot look at the profile's folder: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s can be written by other users, who could exchange the profile's files: 'chmod go-w %s'", dir, shellQuote(dir))
	}
	return nil
}

// shellQuote is a path as a shell takes it.
func shellQuote(path string) string {
	if strings.ContainsFunc(path, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("/._-+", c))
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// Open opens the profile in c.Dir, and makes it when it is not there.
func Open(ctx context.Context, c Config) (_ *Profile, err error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the profile's folder: %w", err)
	}
	if err := checkFolder(c.Dir); err != nil {
		return nil, err
	}
	p := &Profile{config: c, stores: make(map[string]io.Closer)}
	if p.unlock, err = c.lock(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = p.Close()
		}
	}()
	if p.settings, err = loadSettings(p.path(settingsFile)); err != nil {
		return nil, err
	}
	if p.settings.DeviceName == "" {
		p.settings.DeviceName = "Sync Manager on " + c.Hostname
		p.settings.Keyring = c.Keyring
		if err := p.saveSettings(); err != nil {
			return nil, err
		}
	}
	if p.key, err = p.loadKey(ctx); err != nil {
		return nil, err
	}
	p.credentials, p.unreadable = p.loadCredentials()
	return p, nil
}

// Close closes what was opened.
func (p *Profile) Close() error {
	var errs []error
	if p.manager != nil {
		errs = append(errs, p.manager.Close())
	}
	errs = append(errs, p.closeStores(), p.closeLocal())
	if p.unlock != nil {
		errs = append(errs, p.unlock())
	}
	return errors.Join(errs...)
}

func (p *Profile) closeStores() error {
	var errs []error
	for _, e := range p.stores {
		errs = append(errs, e.Close())
	}
	clear(p.stores)
	return errors.Join(errs...)
}

// Dir is the profile's folder.
func (p *Profile) Dir() string { return p.config.Dir }

func (p *Profile) path(name string) string { return filepath.Join(p.config.Dir, name) }
