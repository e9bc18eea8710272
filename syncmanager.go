// Package syncmanager syncs all the stores of an app in one call, over the
// Firefox Sync 1.5 protocol.
//
// An app registers its engines and calls Sync. Package engine is their contract; the packages
// below engines and package collection are ready-made engines:
//
//	m, err := syncmanager.New(ctx, syncmanager.Config{Account: acct, State: state, Key: key, Device: device})
//	err = m.Register(passwords)
//	result, err := m.Sync(ctx, syncmanager.Options{})
//
// Or it calls Run, which syncs soon after a change of the user, or of another device where the
// server tells, and every hour, and shows the results from Watch:
//
//	results := m.Watch(ctx) // before Run, so that its first result is among them
//	go m.Run(ctx, syncmanager.RunOptions{})
//	for result := range results { … }
//
// The [Manager] owns what all engines share: the storage token, the backoff that the service
// requests, which engines the account syncs (enabled and declined), this device's record in
// the clients collection, and the commands that devices send each other. A failure of one
// engine does not affect the others: [Result] has an entry for each.
package syncmanager

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/sync15"
)

// Account is what the manager needs from an account.
// [github.com/syncmanager/syncmanager/account.Account] implements it, and what an account may
// have besides: [Messenger], and a method SignOut(context.Context) error, which ends the session.
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

// State stores the manager's state between syncs; see [FileState]. The state is opaque,
// encrypted with [Config].Key, and has a few kilobytes.
type State interface {
	// Load returns the state that was saved last, or nil if none was saved.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces the state atomically.
	Save(ctx context.Context, sealed []byte) error
}

// Device describes the app on this device to the account's other devices.
type Device = sync15.Device

// Config configures a [Manager]. Account, State and Key must be set.
type Config struct {
	Account Account
	State   State
	// Key seals the state. It never leaves the device.
	Key [32]byte
	// Device describes this device. Other devices see a change after the next sync.
	Device Device

	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Rand is the source of randomness. Nil: crypto/rand.
	Rand io.Reader
	// Transport sends the requests. Nil: the manager's own transport.
	Transport http.RoundTripper
	// Log receives messages for developers. Nil: nothing is logged.
	Log *slog.Logger
	// Parallel bounds how many engines sync at once. 0: four.
	Parallel int
	// Wait makes Sync, Reset, Wipe and the methods of [Records] wait while a Sync runs, until their
	// context ends, instead of returning [ErrBusy]. It is for an app where Run and the user sync.
	Wait bool
	// Progress, if not nil, is called with each step of a sync, from several
	// goroutines at once.
	Progress func(Progress)
	// Received, if not nil, is called with what other devices sent to this one: pages to open
	// and pages to close. See [Manager.Receive].
	Received func(ctx context.Context, messages []message.Message) error
}

// Progress is a step of a running sync.
type Progress = sync15.Progress

// Reason says why a sync was requested. It is reported in the telemetry document. A sync with
// [ReasonUser] ignores the service's request to wait (X-Weave-Backoff), but never its order
// to wait (Retry-After).
type Reason string

// The reasons that other Sync clients report.
const (
	ReasonUser         Reason = "user"
	ReasonSchedule     Reason = "schedule"
	ReasonStartup      Reason = "startup"
	ReasonEngineChange Reason = "engine-change"
	// ReasonPush is the reason of a sync that a push message caused ([Manager.HandlePush]), or the service by telling that
	// another device changed something ([Manager.Run]).
	ReasonPush Reason = "push"
	// ReasonPreSleep is for a sync before the device sleeps, and ReasonBackgrounded for one when
	// the app leaves the foreground: what the user changed goes up while there is time. Give
	// Sync a context that ends when the system suspends the app.
	ReasonPreSleep     Reason = "pre-sleep"
	ReasonBackgrounded Reason = "backgrounded"
)

// Options configure a [Manager.Sync]. The zero value syncs everything.
type Options struct {
	// Engines names the engines to sync; empty means all that are registered and enabled.
	Engines []string
	// Reason says why the sync was requested; empty means [ReasonUser].
	Reason Reason
	// Prefer says whose values win conflicts in this sync, by engine.
	Prefer map[string]engine.Side
	// AcceptDeletions lets engines continue that would fail with
	// *[engine.TooManyDeletionsError].
	AcceptDeletions bool

	// some says that Run chose the engines, so that the others are still due.
	some bool
}

var (
	// ErrBusy means that a Sync is running. Sync and other methods that use the service
	// return it, unless [Config].Wait is set.
	ErrBusy = errors.New("a sync is running already")
	// ErrClosed means that a method was called after Close, or interrupted by it.
	ErrClosed = errors.New("the manager is closed")
	// ErrSignedOut ends Run when another device told this one to sign out. The app
	// calls [Manager.SignOut].
	ErrSignedOut = errors.New("another device signed this one out")
	// ErrUnknownEngine means that an engine is not registered.
	ErrUnknownEngine = errors.New("unknown engine")
	// ErrUnknownDevice means that the account does not have a device.
	ErrUnknownDevice = errors.New("unknown device")
	// ErrState means that the saved state is damaged or encrypted with another key.
	ErrState = errors.New("the saved sync state cannot be opened")
	// ErrNewerState means that a newer version wrote the saved state.
	ErrNewerState = errors.New("the saved sync state was written by a newer version; update the program")
)

// AuthError means that the account refuses this device: the user has to sign in again. After
// it nothing is sent until [Manager.SignIn]. It is [Result].Err with [StatusSignInAgain]. If the
// storage alone refuses this device, for example because its clock is wrong, the status is
// [StatusFailed] with [FailureRefused], and the next sync asks again.
type AuthError = sync15.AuthError

// BackedOffError means that the service asked clients to wait.
type BackedOffError = sync15.BackedOffError
