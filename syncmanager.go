// Package syncmanager syncs all the stores of an app in one call, over the
// Firefox Sync 1.5 protocol.
//
// An app registers its engines (package engine is the contract; engines/… and
// package collection hold ready ones), and calls Sync:
//
//	m, err := syncmanager.New(ctx, syncmanager.Config{Account: acct, State: state, Key: key, Device: device})
//	err = m.Register(passwords)
//	result, err := m.Sync(ctx, syncmanager.Options{})
//
// Or it lets Run sync by itself, seconds after the user's last change and each
// hour, and shows what comes from Watch:
//
//	go m.Run(ctx, syncmanager.RunOptions{})
//	for result := range m.Watch(ctx) { … }
//
// The Manager owns what all engines share: the token of the token server, the
// backoff that the service asks for, which engines the account's devices sync
// (enabled and declined), this device's record among the account's devices, and
// the commands that devices send each other. One engine's failure never hides
// another's success: Result has a line for each.
package syncmanager

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/sync15"
)

// Account is the little that the manager needs of an account. *account.Account
// fulfils it.
type Account interface {
	// AccessToken returns an OAuth access token with the oldsync scope. fresh says
	// that the one returned before was refused. An error whose SignInAgain()
	// method returns true means that the user has to sign in again.
	AccessToken(ctx context.Context, fresh bool) (string, error)
	// SyncKey returns the account's scoped key for sync, 64 bytes, and its key ID.
	SyncKey(ctx context.Context) (kid string, key []byte, err error)
	// TokenServer is the root URL of the token server: "https://host/token".
	TokenServer() string
	// DeviceID is this device's ID with the accounts server, or "".
	DeviceID() string
	// DeviceIDs lists the account's devices by their IDs with the accounts server.
	DeviceIDs(ctx context.Context) ([]string, error)
	// RenameDevice tells the accounts server this device's new name.
	RenameDevice(ctx context.Context, name string) error
	// Requests counts the requests made so far to the accounts server.
	Requests() int
}

// State keeps the manager's state between syncs; FileState is one. The bytes are opaque, sealed
// with Config.Key, and of a few kilobytes.
type State interface {
	// Load returns what was saved last, or nil when nothing was.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces it, all or nothing.
	Save(ctx context.Context, sealed []byte) error
}

// Device describes the app on this device to the account's other devices.
type Device = sync15.Device

// Config is what a Manager is made of.
type Config struct {
	Account Account
	State   State
	// Key seals the state. It never leaves the device.
	Key [32]byte
	// Device describes this device. A change of it reaches the others with the
	// next sync.
	Device Device

	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Rand is the source of randomness. Nil: crypto/rand.
	Rand io.Reader
	// Transport carries the requests. Nil: a transport of the manager's own.
	Transport http.RoundTripper
	// Log receives what a developer wants to see. Nil: nothing is logged.
	Log *slog.Logger
	// Parallel bounds how many engines sync at once. 0: four.
	Parallel int
	// Progress, if not nil, is called with each step of a sync, from several
	// goroutines at once.
	Progress func(Progress)
}

// Progress is a step of a running sync.
type Progress = sync15.Progress

// Reason says why a sync was asked for. It is reported in the telemetry document,
// and decides about backoff: a sync that the user asked for ignores the service's
// request to wait (X-Weave-Backoff), but never its order (Retry-After).
type Reason string

// The reasons that other Sync clients report.
const (
	ReasonUser         Reason = "user"
	ReasonSchedule     Reason = "schedule"
	ReasonStartup      Reason = "startup"
	ReasonEngineChange Reason = "engine-change"
)

// Options choose what one call of Sync does. The zero value syncs everything.
type Options struct {
	// Engines names the engines to sync; empty: all that are registered and
	// enabled.
	Engines []string
	// Reason is why; empty: ReasonUser.
	Reason Reason
	// Prefer says whose values win, for this sync and the engines it names.
	Prefer map[string]engine.Side
	// AcceptDeletions goes on where an engine stopped with *engine.TooManyDeletionsError.
	AcceptDeletions bool
}

var (
	// ErrBusy is returned by Sync, and what else speaks to the service, while a Sync
	// runs.
	ErrBusy = errors.New("a sync is running already")
	// ErrClosed is returned, or wrapped, by what is called after Close or was cut
	// short by it.
	ErrClosed = errors.New("the manager is closed")
	// ErrSignedOut ends Run when another device told this one to sign out. The app
	// calls Disconnect.
	ErrSignedOut = errors.New("another device signed this one out")
	// ErrUnknownEngine is wrapped by errors about an engine that is not registered.
	ErrUnknownEngine = errors.New("unknown engine")
	// ErrUnknownDevice is wrapped by errors about a device that the account does not have.
	ErrUnknownDevice = errors.New("unknown device")
	// ErrState is wrapped by errors about persisted state that cannot be opened:
	// it is damaged, or sealed with another key.
	ErrState = errors.New("the saved sync state cannot be opened")
	// ErrNewerState is wrapped when a newer version wrote the persisted state.
	ErrNewerState = errors.New("the saved sync state was written by a newer version; update the program")
)

// AuthError means that the user has to sign in again.
type AuthError = sync15.AuthError

// BackedOffError means that the service asked clients to wait.
type BackedOffError = sync15.BackedOffError
