package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/server/node"
	"github.com/syncmanager/syncmanager/server/token"
)

// What ended at the server that has the accounts, ends at its storage nodes: the server tells them every two seconds. What was
// not told for long enough has expired.

// tellEvery is the time between two rounds of [Server.TellNodes].
const tellEvery = 2 * time.Second

// tellTimeout bounds a round, so that a node that does not answer does not keep others from the next one.
const tellTimeout = 5 * time.Second

// told is what the processes of nodes were told, by the nodes' URLs.
type told struct {
	mu    sync.Mutex
	nodes map[string]*toldNode
}

// toldNode is what a node was told. busy is held by the round that tells it.
type toldNode struct {
	busy     sync.Mutex
	boot     string               // names its process
	accounts map[string]time.Time // what was told of each account, by the time at which it ended
}

func (t *told) node(url string) *toldNode {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.nodes == nil {
		t.nodes = make(map[string]*toldNode)
	}
	if t.nodes[url] == nil {
		t.nodes[url] = &toldNode{accounts: make(map[string]time.Time)}
	}
	return t.nodes[url]
}

// TellNodes tells the storage nodes which tokens ended since they were told last, so that they refuse them: because a device was
// signed out, a password was changed, or an account was disabled or removed. [Server.Serve] calls it every two
// seconds. A node that does not answer refuses them when they expire. After a node was restarted, it is told again.
func (s *Server) TellNodes(ctx context.Context) error {
	nodes, err := s.tokens.Nodes(ctx)
	if err != nil || !slices.ContainsFunc(nodes, func(n token.Node) bool { return n.URL != "" }) {
		return err
	}
	ended, err := s.ended(ctx)
	if err != nil {
		return err
	}
	errs := make([]error, len(nodes))
	var tell sync.WaitGroup
	for i, n := range nodes {
		if n.URL != "" {
			tell.Go(func() { errs[i] = s.tellNode(ctx, n.URL, ended) })
		}
	}
	tell.Wait()
	return errors.Join(errs...)
}

// ended lists the accounts of which tokens ended lately, by when that was noticed.
func (s *Server) ended(ctx context.Context) (map[string]time.Time, error) {
	ended, err := s.tokens.Ended(ctx)
	if err != nil || s.accounts == nil {
		return ended, err
	}
	more, err := s.accounts.Ended(ctx)
	if err != nil {
		return nil, err
	}
	for account, at := range more {
		if at.After(ended[account]) {
			ended[account] = at
		}
	}
	return ended, nil
}

// tellNode tells one node what it was not told of what ended.
func (s *Server) tellNode(ctx context.Context, url string, ended map[string]time.Time) error {
	has := s.told.node(url)
	if !has.busy.TryLock() {
		return nil // the round before this one is at it
	}
	defer has.busy.Unlock()
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	c, err := s.nodeClient(url)
	if err != nil {
		return err
	}
	maps.DeleteFunc(has.accounts, func(account string, _ time.Time) bool { return ended[account].IsZero() })
	for restarted, tries := true, 0; restarted && tries < 3; tries++ {
		if restarted, err = s.tellFresh(ctx, c, url, ended, has); err != nil {
			return err
		}
	}
	return nil
}

// tellFresh tells a node what it was not told. restarted says that it forgot what it was told before.
func (s *Server) tellFresh(ctx context.Context, c *node.Client, url string, ended map[string]time.Time, has *toldNode) (restarted bool, err error) {
	var fresh []string
	for _, account := range slices.Sorted(maps.Keys(ended)) {
		if !has.accounts[account].Equal(ended[account]) {
			fresh = append(fresh, account)
		}
	}
	for first := true; first || len(fresh) > 0; first = false { // with nothing to tell too: the node may have been restarted
		some := fresh[:min(len(fresh), node.MaxEndings)]
		fresh = fresh[len(some):]
		var all []node.Ending
		for _, account := range some {
			e, here, err := s.ending(ctx, account, url)
			if err != nil {
				return false, err
			}
			if here {
				all = append(all, e)
			}
		}
		boot, err := c.Ended(ctx, all)
		if err != nil {
			return false, err
		}
		if boot != has.boot {
			has.boot = boot
			clear(has.accounts)
			return true, nil
		}
		for _, account := range some {
			has.accounts[account] = ended[account]
		}
	}
	return false, nil
}

// ending returns which of an account's tokens are good at a node. here is false if it never had a storage there.
func (s *Server) ending(ctx context.Context, account, url string) (e node.Ending, here bool, err error) {
	e = node.Ending{Account: account, Before: s.cfg.Now()} // before anything is read
	if here, err = s.wasOn(ctx, account, url); err != nil || !here {
		return e, false, err
	}
	one, err := s.tokens.Current(ctx, account)
	if err != nil || one.Node != url {
		return e, true, err
	}
	e.UID = one.UID
	if s.accounts == nil {
		e.Live = []string{""} // nothing is known of devices
		return e, true, nil
	}
	e.Live, err = s.accounts.AllLive(ctx, account)
	return e, true, err
}

// wasOn reports whether an account has or had a storage on a node. A storage that was given up without a trace
// was on the node of the one that followed.
func (s *Server) wasOn(ctx context.Context, account, url string) (bool, error) {
	all, err := s.tokens.Storages(ctx, account)
	return slices.ContainsFunc(all, func(one token.Storage) bool { return one.Node == url }), err
}

// watchEnded tells the nodes what ended, until ctx ends.
func (s *Server) watchEnded(ctx context.Context) {
	if s.cfg.Node != nil {
		return
	}
	ticker := time.NewTicker(tellEvery)
	defer ticker.Stop()
	var rounds sync.WaitGroup
	defer rounds.Wait()
	for {
		// A node that does not answer must not keep the others from the next round.
		rounds.Go(func() {
			if err := s.TellNodes(ctx); err != nil && ctx.Err() == nil {
				s.cfg.Log.DebugContext(ctx, "a storage node could not be told which tokens ended", "err", err)
			}
		})
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// endings are what a node was told of tokens that ended.
type endings struct {
	mu       sync.Mutex
	accounts map[string]heard
}

// heard is what a node was told of an account, and when.
type heard struct {
	node.Ending
	at time.Time
}

// heardFor is how long a node keeps what it was told: longer than any token is valid, whatever the server's clock.
const heardFor = 2 * token.NodeTokenLife

// maxHeard bounds the number of accounts that a node keeps.
const maxHeard = 100_000

var errHeard = fmt.Errorf("of more than %d accounts tokens ended in %v: the rest is refused when it expires", maxHeard, heardFor)

func (h *endings) add(all []node.Ending, now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.accounts, func(_ string, one heard) bool { return now.Sub(one.at) > heardFor })
	if h.accounts == nil {
		h.accounts = make(map[string]heard)
	}
	for _, e := range all {
		before, known := h.accounts[e.Account]
		if !known && len(h.accounts) >= maxHeard {
			return errHeard
		}
		if !known || e.Before.After(before.Before) {
			h.accounts[e.Account] = heard{e, now}
		}
	}
	return nil
}

// has reports whether a token ended.
func (h *endings) has(g token.Grant) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	e, ok := h.accounts[g.Account]
	return ok && !g.Issued.After(e.Before) && (e.UID != g.UID || !slices.Contains(e.Live, g.Bound))
}
