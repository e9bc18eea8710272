// Package sync15 implements the Sync 1.5 protocol for one account: it gets a token, brings the
// account's storage into a state that can be synced (Setup), keeps this device's record among
// the account's devices and carries commands between them (SyncClients), and syncs one
// collection after another with the engine that owns it (SyncEngine). The caller decides which
// engines sync, in what order, and what the app is told.
//
// A Client serves one account. Its State outlives the process: with it, a sync
// that finds nothing to do makes one request.
//
// Source: the SyncStorage API 1.5, the token server's API, the Sync storage
// formats 5; and what Firefox 153 was seen doing, where they are silent.
package sync15

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

// storageVersion is the version of the storage formats that this package implements, as in
// meta/global.
const storageVersion = 5

// Account is what a Client needs to know of the account.
type Account interface {
	// AccessToken returns an OAuth access token with the oldsync scope; fresh says
	// that the one returned before was refused.
	AccessToken(ctx context.Context, fresh bool) (string, error)
	// SyncKey returns the 64-byte scoped key for sync and its key ID.
	SyncKey(ctx context.Context) (kid string, key []byte, err error)
	// TokenServer is the root URL of the token server.
	TokenServer() string
	// DeviceID is this device's ID with the accounts server, or "".
	DeviceID() string
	// DeviceIDs lists the account's devices by those IDs.
	DeviceIDs(ctx context.Context) ([]string, error)
}

// Config configures a [Client].
type Config struct {
	Account Account
	// Now is the clock, Rand a source of secure random bytes; both must be set.
	Now  func() time.Time
	Rand io.Reader
	// Transport carries the requests. Nil: a transport of the package's own.
	Transport http.RoundTripper
	// Log receives messages for developers. Nil: nothing is logged.
	Log *slog.Logger
	// UserAgent is sent with every request. "": "syncmanager".
	UserAgent string
	// Progress, if not nil, is called with each step, from several goroutines.
	Progress func(Progress)
}

// Progress is a step of a running sync.
type Progress struct {
	// Engine is the collection; "" for the account as a whole.
	Engine string
	// Phase is "setup" or "clients" for the account, and "download", "merge",
	// "upload" and at last "done" for an engine.
	Phase string
	// Records counts those that went through this phase so far.
	Records int
}

// Client is a client for one account. Its methods may be called from several goroutines at
// once, except Setup and SyncClients.
type Client struct {
	cfg  Config
	http *http.Client

	// One engine at a time fetches a token, reads crypto/keys again, or writes meta/global; the
	// others use the result.
	fetching, rereading, renewing turn

	// mu guards what engines share while they sync: state, except Clients; renewed; and
	// Run.founded. It is never held during a request.
	mu    sync.Mutex
	state *state
	// renewed says that a token was renewed in this run because the service
	// refused it; the next refusal is final.
	renewed bool

	// bounds is the most that a server may send.
	bounds bounds
	// page is how many records are asked for at once.
	page int

	requests, tokenRequests atomic.Int64
	// tells says that the service's last answer offered events.
	tells atomic.Bool
	// seen holds, for each collection, up to what time this Client's last runs have brought its records here. It is guarded
	// by mu.
	seen map[string]bso.Timestamp
	// events is the client that listens: its connection is one that does nothing for hours.
	events *http.Client
	// idle, if not nil, closes the connections that wait in a transport of our own.
	idle func()
}

// bounds are the most that a Client accepts from a server: records and bytes of one download,
// and devices of an account.
type bounds struct {
	records int
	bytes   int64
	clients int
}

// SetAccount sets the account that the user signed in to, the same or another one. The next
// request asks for a token with it. No other method may run at the same time.
func (c *Client) SetAccount(a Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cfg.Account = a
	if old := c.state.Token; old != nil {
		// The old token is no longer valid. What stays shows whether the new one is for the
		// same account.
		c.state.Token = &token{UID: old.UID, Endpoint: old.Endpoint, HashedUID: old.HashedUID, KeyID: old.KeyID}
	}
}

// New makes a Client that continues from state, which it changes as it goes. A zero State is
// empty.
func New(cfg Config, state *State) *Client {
	var idle func()
	listening := cfg.Transport
	if cfg.Transport == nil {
		own := newTransport()
		cfg.Transport, idle = own, own.CloseIdleConnections
		listening = newListeningTransport(own)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "syncmanager")
	// A redirect would send a signed request to a URL that it was not signed for.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{
		cfg:   cfg,
		state: &state.s,
		seen:  map[string]bso.Timestamp{},

		fetching: newTurn(), rereading: newTurn(), renewing: newTurn(),

		bounds: bounds{records: maxRecords, bytes: maxBytes, clients: maxClients},
		page:   pageSize,
		idle:   idle,
		http:   &http.Client{Transport: cfg.Transport, CheckRedirect: stay},
		events: &http.Client{Transport: listening, CheckRedirect: stay},
	}
}

// Close closes the connections that no request uses. A transport from [Config] belongs to its
// owner and stays open.
func (c *Client) Close() {
	if c.idle != nil {
		c.idle()
	}
}

// Requests counts the requests made to the storage service since the last call
// of StartRun.
func (c *Client) Requests() int { return int(c.requests.Load()) }

// TokenRequests counts the requests made to the token server since the last call of
// [Client.StartRun].
func (c *Client) TokenRequests() int { return int(c.tokenRequests.Load()) }

// StartRun sets the counts of requests to zero, and allows one more renewal of a
// refused token.
func (c *Client) StartRun() {
	c.requests.Store(0)
	c.tokenRequests.Store(0)
	c.mu.Lock()
	c.renewed = false
	c.mu.Unlock()
}

func (c *Client) progress(engine, phase string, records int) {
	// The clients collection is synced like any other, but is not an engine.
	if c.cfg.Progress != nil && engine != clientsCollection {
		c.cfg.Progress(Progress{engine, phase, records})
	}
}

func (c *Client) newID() string { return string(bso.NewGUID(c.cfg.Rand)) }
