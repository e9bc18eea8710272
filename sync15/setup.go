package sync15

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/catalogue"
	"github.com/syncmanager/syncmanager/seal"
)

// Choice is what Setup applies besides making the storage ready to sync.
type Choice struct {
	// Engines are all engines of the app, synced now or not.
	Engines []engine.Engine
	// Enable holds the user's choices that are not in meta/global yet: true to
	// sync a collection, false to decline it.
	Enable map[string]bool
}

// Run is one sync of an account whose storage is in order.
type Run struct {
	c *Client
	// info tells when each collection was last written to.
	info map[string]bso.Timestamp
	// Declined names the collections that the account does not sync, sorted.
	Declined []string
	// Newer names the engines whose collection has a newer version than theirs.
	Newer []string
	// fresh says that this run started the storage afresh; founded has the collections that got
	// their sync ID in this run. founded is guarded by the client's mu.
	fresh   bool
	founded map[string]bool
}

// Setup brings the account's storage into a state that can be synced: it creates the storage if
// there is none, and writes the user's choice of engines. With a State that is up to date this
// is one request.
func (c *Client) Setup(ctx context.Context, choice Choice) (*Run, error) {
	c.progress("", "setup", 0)
	// A storage is started afresh at most once. If that was not enough, another device is doing
	// the same, and two devices could undo each other's work for ever.
	for fresh := false; ; fresh = true {
		run, err := c.setup(ctx, choice)
		var start *freshStart
		if !errors.As(err, &start) {
			if run != nil {
				run.fresh = fresh
			}
			return run, err
		}
		if fresh {
			return nil, ErrRace
		}
		if err := c.startAfresh(ctx, choice, start); err != nil {
			if isConflict(err) {
				return nil, ErrRace
			}
			return nil, err
		}
	}
}

// freshStart says that the storage does not exist, or is too old to continue with.
type freshStart struct {
	why string
	at  bso.Timestamp
}

func (e *freshStart) Error() string { return "the storage has to be started afresh: " + e.why }

func (c *Client) setup(ctx context.Context, choice Choice) (*Run, error) {
	info, at, err := c.infoCollections(ctx)
	if err != nil {
		return nil, err
	}
	run := &Run{c: c, info: info}
	s := c.state
	if s.Global == nil || s.Keys == nil || s.Limits == nil || info["meta"] != s.MetaAt || info["crypto"] != s.CryptoAt {
		if err := c.readStorage(ctx, info, at); err != nil {
			return nil, err
		}
	}
	if err := run.choose(ctx, choice); err != nil {
		return nil, err
	}
	return run, nil
}

// readStorage reads info/configuration, meta/global and crypto/keys into the
// state.
func (c *Client) readStorage(ctx context.Context, info map[string]bso.Timestamp, at bso.Timestamp) error {
	limits, err := c.limits(ctx)
	if err != nil {
		return err
	}
	if err := c.readGlobal(ctx, at); err != nil {
		return err
	}
	if err := c.readKeys(ctx, at); err != nil {
		return err
	}
	c.mu.Lock()
	c.state.Limits = &limits
	c.mu.Unlock()
	c.state.MetaAt, c.state.CryptoAt = info["meta"], info["crypto"]
	return nil
}

// maxGlobal bounds meta/global, in bytes; its engines and all that it declines are kept
// in the state.
const maxGlobal = 256 << 10

// readGlobal reads meta/global into the state.
func (c *Client) readGlobal(ctx context.Context, at bso.Timestamp) error {
	g, modified, err := c.getGlobal(ctx, at)
	if err == nil {
		c.mu.Lock()
		c.state.Global, c.state.GlobalAt = g, modified
		c.mu.Unlock()
	}
	return err
}

// getGlobal reads meta/global and its time. at is put into the error that says to start the
// storage afresh.
func (c *Client) getGlobal(ctx context.Context, at bso.Timestamp) (*global, bso.Timestamp, error) {
	payload, modified, err := c.getBSO(ctx, "meta", "global")
	switch {
	case isNotFound(err):
		return nil, 0, &freshStart{"meta/global is missing", at}
	case err != nil:
		return nil, 0, err
	}
	g, err := parseGlobal(payload, at)
	return g, modified, err
}

func parseGlobal(payload []byte, at bso.Timestamp) (*global, error) {
	if len(payload) > maxGlobal {
		return nil, fmt.Errorf("%w: it has %d bytes, and a kilobyte is due", ErrGlobal, len(payload))
	}
	var g global
	if err := json.Unmarshal(payload, &g); err != nil {
		return nil, ErrGlobal
	}
	switch {
	case g.StorageVersion > storageVersion:
		return nil, &VersionError{g.StorageVersion}
	case g.StorageVersion < storageVersion:
		return nil, &freshStart{fmt.Sprintf("its version is %d", g.StorageVersion), at}
	case g.SyncID == "":
		return nil, &freshStart{"meta/global has no sync ID", at}
	}
	return &g, nil
}

// readKeys reads crypto/keys into the state.
func (c *Client) readKeys(ctx context.Context, at bso.Timestamp) error {
	payload, _, err := c.getBSO(ctx, "crypto", "keys")
	switch {
	case isNotFound(err):
		return &freshStart{"crypto/keys is missing", at}
	case err != nil:
		return err
	}
	sync, err := c.syncBundle(ctx)
	if err != nil {
		return err
	}
	keys, err := seal.OpenKeys(payload, sync)
	if err != nil {
		return ErrKeys
	}
	c.mu.Lock()
	c.state.Keys = &keys
	c.mu.Unlock()
	return nil
}

func (c *Client) syncBundle(ctx context.Context) (*seal.Bundle, error) {
	_, key, err := c.cfg.Account.SyncKey(ctx)
	if err != nil {
		return nil, accountError(err)
	}
	return seal.SyncBundle(key)
}

// startAfresh wipes the storage and writes meta/global and crypto/keys. Both writes fail if
// somebody else wrote them after the wipe.
func (c *Client) startAfresh(ctx context.Context, choice Choice, start *freshStart) error {
	c.cfg.Log.Info("the account's storage is started afresh", "why", start.why)
	resp, err := c.do(ctx, request{method: http.MethodDelete, path: "/storage", doing: "wipe the storage", unmodifiedSince: &start.at})
	if err != nil {
		return err
	}
	drain(resp)

	declined := c.state.Declined
	if g := c.state.Global; g != nil && g.HasDeclined {
		declined = g.Declined
	}
	g := c.freshGlobal(choice, declined)
	keys, err := seal.NewKeys(c.cfg.Rand)
	if err != nil {
		return err
	}
	sync, err := c.syncBundle(ctx)
	if err != nil {
		return err
	}
	sealed, err := seal.SealKeys(keys, sync, c.cfg.Rand)
	if err != nil {
		return err
	}
	text, err := json.Marshal(g)
	if err != nil {
		return err
	}
	var never bso.Timestamp
	if _, err := c.putBSO(ctx, "meta", "global", text, never); err != nil {
		return err
	}
	_, err = c.putBSO(ctx, "crypto", "keys", sealed, never)
	c.state.forgetNode()
	return err
}

func (c *Client) freshGlobal(choice Choice, declined []string) global {
	g := global{SyncID: c.newID(), StorageVersion: storageVersion, Engines: map[string]engineEntry{}, HasDeclined: true}
	for _, name := range declined {
		if !choice.Enable[name] {
			g.Declined = append(g.Declined, name)
		}
	}
	versions := map[string]int{}
	for _, known := range catalogue.All() {
		if known.Default {
			versions[known.Name] = known.Version
		}
	}
	for _, e := range choice.Engines {
		versions[e.Collection()] = e.Version()
	}
	for name, v := range versions {
		on, chosen := choice.Enable[name]
		if chosen && !on && !slices.Contains(g.Declined, name) {
			g.Declined = append(g.Declined, name)
		}
		if !slices.Contains(g.Declined, name) {
			g.Engines[name] = engineEntry{Version: v, SyncID: c.newID()}
		}
	}
	slices.Sort(g.Declined)
	return g
}

func (c *Client) infoCollections(ctx context.Context) (map[string]bso.Timestamp, bso.Timestamp, error) {
	const doing = "look what is new"
	resp, err := c.do(ctx, request{method: http.MethodGet, path: "/info/collections", doing: doing})
	if err != nil {
		return nil, 0, err
	}
	body, err := small(doing, resp, maxSmall)
	if err != nil {
		return nil, 0, err
	}
	var info map[string]bso.Timestamp
	if err := json.Unmarshal(body, &info); err != nil || info == nil {
		return nil, 0, protocolError(doing, "it is not a list of collections")
	}
	c.tells.Store(resp.Header.Get(eventsHeader) != "")
	// The header covers deletions too; without it, the time of the newest collection is the
	// best substitute.
	var at bso.Timestamp
	for _, t := range info {
		at = max(at, t)
	}
	if t, err := bso.ParseTimestamp(resp.Header.Get("X-Last-Modified")); err == nil {
		at = max(at, t)
	}
	return info, at, nil
}

// limits reads info/configuration; an old server has none.
func (c *Client) limits(ctx context.Context) (bso.Limits, error) {
	const doing = "read the server's limits"
	resp, err := c.do(ctx, request{method: http.MethodGet, path: "/info/configuration", doing: doing})
	if isNotFound(err) {
		return bso.SilentLimits(), nil
	}
	if err != nil {
		return bso.Limits{}, err
	}
	body, err := small(doing, resp, maxSmall)
	if err != nil {
		return bso.Limits{}, err
	}
	l, err := bso.ParseLimits(body)
	if err != nil {
		return l, protocolError(doing, err.Error())
	}
	return l, nil
}

func isNotFound(err error) bool {
	var se *ServerError
	return errors.As(err, &se) && se.Code == http.StatusNotFound && !se.Page
}
