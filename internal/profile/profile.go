// Package profile is the data of one person on this device: a folder with the stores,
// the account that they sync with, and the state of the command between its runs.
//
//	settings.json      settings that are not secret, such as the device's name
//	local.key          the local key, unless the system's keyring has it
//	account.sealed     the account's session and keys, sealed with the local key
//	state.sealed       the sync manager's state, sealed with the local key
//	passwords.sqlite   a store; its secrets are sealed with the local key
//	tabs.sqlite        a store
//	forms.sqlite, prefs.sqlite, addons.sqlite, extension-storage.sqlite
//	                   stores, sealed with the local key
//	inbox.sealed       pages that other devices sent, sealed with the local key
//	timeline.sealed    the results of the last syncs, sealed with the local key
//	places.sqlite      two stores that share their URLs: bookmarks and history
//	server/            the embedded server of a local account
//
// One process at a time can open a Profile, and its goroutines can share it. Its stores
// are opened when they are needed, so that the others work if one is damaged.
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
	"sync"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/internal/localkey"
)

// Config is the configuration of [Open]. All fields except Keyring, Wait, Waiting and
// Progress must be set.
type Config struct {
	// Dir returns the profile's folder. Open makes it with mode 0700 if it does not exist.
	Dir string
	// Keyring makes a new profile keep its local key in the system's keyring. An existing
	// profile knows where its key is.
	Keyring bool
	// Hostname is the name of the device until the user names it.
	Hostname string
	// Version is the version of this program, which other devices show.
	Version string
	// Wait is how long Open waits for another process that has the profile open. Waiting is
	// called before each time that it tries again; Open returns its error.
	Wait    time.Duration
	Waiting func() error

	Now       func() time.Time
	Rand      io.Reader
	Transport http.RoundTripper
	Log       *slog.Logger
	// Progress is called with the steps of a sync, from several goroutines.
	Progress func(syncmanager.Progress)
}

// ErrLocked means that another process has the profile open.
var ErrLocked = errors.New("another syncmanager is using this profile; wait until it is done, or choose another one with --profile")

// Profile is an open profile. Its methods may be called from several goroutines at once,
// except Close, after which none may be called. After a sign-in or a sign-out, a manager that
// [Profile.Manager] returned before is closed.
type Profile struct {
	config Config
	unlock func() error
	// sealedFiles are the files that only the local key can decrypt.
	sealedFiles []string

	// turn has room for the one goroutine that makes the manager, or that signs in or out.
	turn chan struct{}
	// opening is held for reading while a store opens, and for writing while all are closed.
	opening sync.RWMutex
	// stores has each store by its name, open or not.
	stores map[string]*slot
	// inbox guards the file of what other devices sent.
	inbox sync.Mutex

	// mu guards what follows, and is never held while something waits for the network. It comes
	// after the other locks.
	mu sync.Mutex
	// key is nil once it was deleted with the data; the next use makes another.
	key      *localkey.Key
	settings settings
	// credentials is nil if the profile is not signed in, or if they cannot be read;
	// then unreadable is the reason.
	credentials *credentials
	unreadable  error
	account     *account.Account
	manager     *syncmanager.Manager
	local       *localServer
	// changed is closed when the account becomes another.
	changed chan struct{}
}

// lockEvery is the time between two attempts to lock a profile that is in use.
const lockEvery = 100 * time.Millisecond

// lock locks the profile for this process. It returns ErrLocked if another process holds
// the lock for longer than c.Wait.
func (c Config) lock(ctx context.Context) (release func() error, err error) {
	for waited := time.Duration(0); ; waited += lockEvery {
		release, err = dirlock.Acquire(c.Dir, "lock")
		switch {
		case !errors.Is(err, dirlock.ErrLocked):
			return release, err
		case waited >= c.Wait:
			return nil, ErrLocked
		}
		if c.Waiting != nil {
			if err := c.Waiting(); err != nil {
				return nil, err
			}
		}
		select {
		case <-time.After(lockEvery):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// checkFolder refuses a folder that other users can write, since they could replace the
// profile's files. Windows has no such mode.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot examine the profile's folder: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s can be written by other users, who could replace the profile's files: use 'chmod go-w %s'", dir, shellQuote(dir))
	}
	return nil
}

// shellQuote quotes a path for a shell.
func shellQuote(path string) string {
	if strings.ContainsFunc(path, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("/._-+", c))
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// Open opens the profile in c.Dir, and makes it if it does not exist.
func Open(ctx context.Context, c Config) (_ *Profile, err error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the profile's folder: %w", err)
	}
	if err := checkFolder(c.Dir); err != nil {
		return nil, err
	}
	p := &Profile{config: c, sealedFiles: sealedFiles(), turn: make(chan struct{}, 1), stores: newSlots(), changed: make(chan struct{})}
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
		p.settings.DeviceName = p.DefaultDeviceName()
		p.settings.Keyring = c.Keyring
		if err := p.saveSettings(p.settings); err != nil {
			return nil, err
		}
	}
	key, err := p.loadKey(ctx, p.settings.Keyring)
	if err != nil {
		return nil, err
	}
	p.key = &key
	p.credentials, p.unreadable = p.loadCredentials()
	return p, nil
}

// Close closes the stores and the account, and unlocks the profile.
func (p *Profile) Close() error {
	var errs []error
	errs = append(errs, p.forget())
	p.opening.Lock()
	errs = append(errs, p.closeStores())
	p.opening.Unlock()
	errs = append(errs, p.closeLocal())
	if p.unlock != nil {
		errs = append(errs, p.unlock())
	}
	return errors.Join(errs...)
}

// closeStores closes the stores. The caller holds opening.
func (p *Profile) closeStores() error {
	var errs []error
	for _, s := range p.stores {
		if s.open != nil {
			errs = append(errs, s.open.Close())
			s.open = nil
		}
	}
	return errors.Join(errs...)
}

// take waits for the turn until ctx ends.
func (p *Profile) take(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *Profile) giveBack() { <-p.turn }

// Dir returns the profile's folder.
func (p *Profile) Dir() string { return p.config.Dir }

func (p *Profile) path(name string) string { return filepath.Join(p.config.Dir, name) }
