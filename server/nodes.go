package server

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/server/node"
	"github.com/syncmanager/syncmanager/server/storage/transfer"
	"github.com/syncmanager/syncmanager/server/token"
)

// The methods for the storage nodes of a server. The server itself is a node too, which is named Self.

// Self names the storage of the server itself among its nodes.
const Self = "self"

// Node states.
const (
	NodeUp       = "up"
	NodeDraining = "draining"
	NodeDown     = "down"
)

var (
	// ErrNoNode means that the server has no such node.
	ErrNoNode = token.ErrNoNode
	// ErrNodeUsed means that a node has users, and cannot be removed.
	ErrNodeUsed = token.ErrNodeUsed
	// ErrNoRoom means that no node takes another user.
	ErrNoRoom = token.ErrNoRoom
	// ErrNodeAway means that a node does not answer.
	ErrNodeAway = node.ErrAway
)

// NodeInfo is a storage node as the operator sees it.
type NodeInfo struct {
	// URL is its root, or [Self].
	URL string `json:"url"`
	// Capacity is the most users it is to have, and Users how many it has.
	Capacity int64 `json:"capacity"`
	Users    int64 `json:"users"`
	// State is up, draining or down. A node that is draining and down is down.
	State string `json:"state"`
	// Problem says why it is down.
	Problem string `json:"problem,omitempty"`
}

// DefaultCapacity is the capacity of a new node whose operator names none, and MaxCapacity the largest.
const (
	DefaultCapacity = 100_000
	MaxCapacity     = 1_000_000_000
)

// KeepCapacity leaves a node's capacity as it is; see [Server.AddNode].
const KeepCapacity = token.KeepCapacity

// maxNodeURL bounds the URL of a node, in bytes.
const maxNodeURL = 200

// nodeURL returns the URL of a node as the token server has it.
func (s *Server) nodeURL(text string) (string, error) {
	if s.cfg.Node != nil {
		return "", ErrIsNode
	}
	if text == Self || s.names.Has(strings.TrimRight(text, "/")) {
		return "", nil
	}
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err == nil {
		u, err = ParsePublicURL(text)
	}
	switch {
	case err != nil || len(text) > maxNodeURL:
		return "", fmt.Errorf("%.80q is not a node's URL: write it like https://node1.example.org", text)
	case u.Scheme != "https" && !isLoopback(u.Hostname()):
		return "", fmt.Errorf("%q is not encrypted: give the node a certificate, and name it with https://", text)
	}
	return u.String(), nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// AddNode adds a storage node with the root url, or changes the capacity of one, and returns the secret that it is
// started with; see [Config.Node]. With [KeepCapacity] a known node keeps its capacity, and a new one has
// [DefaultCapacity]. It returns what the capacity is. A node that is being drained takes users again.
func (s *Server) AddNode(ctx context.Context, url string, capacity int64) (secret []byte, has int64, err error) {
	if url, err = s.nodeURL(url); err != nil {
		return nil, 0, err
	}
	if capacity != KeepCapacity && (capacity < 0 || capacity > MaxCapacity) {
		return nil, 0, fmt.Errorf("a capacity of %d users is not possible: at most %d", capacity, MaxCapacity)
	}
	if secret, err = s.nodeSecret(url); err != nil {
		return nil, 0, err
	}
	has, err = s.tokens.AddNode(ctx, url, capacity, DefaultCapacity)
	return secret, has, err
}

// nodeSecret derives the secret of a node.
func (s *Server) nodeSecret(url string) ([]byte, error) {
	return hkdf.Key(sha256.New, s.nodeKey, nil, "syncmanager/node/v1/"+url, sha256.Size)
}

// quotaOfAccount returns how many bytes an account may store, for its tokens to nodes.
func (s *Server) quotaOfAccount(ctx context.Context, account string) (int64, error) {
	st, err := s.tokens.AccountStatus(ctx, account)
	return s.quota(st), err
}

// peer returns the storage of a node.
func (s *Server) peer(url string) (transfer.Peer, error) {
	if url == "" {
		return transfer.Local{Backend: s.backend}, nil
	}
	return s.nodeClient(url)
}

// nodeClient returns a client of the node with the root url.
func (s *Server) nodeClient(url string) (*node.Client, error) {
	secret, err := s.nodeSecret(url)
	if err != nil {
		return nil, err
	}
	return node.NewClient(url, secret, s.nodeTransport(), s.cfg.Now, s.cfg.Rand)
}

// dialTimeout bounds how long a connection to a node takes, and answerTimeout how long an answer takes to
// begin.
const (
	dialTimeout   = 10 * time.Second
	answerTimeout = time.Minute
)

func (s *Server) nodeTransport() http.RoundTripper {
	if s.cfg.NodeTransport != nil {
		return s.cfg.NodeTransport
	}
	s.nodeConns.Do(func() {
		s.nodeTripper = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: answerTimeout, ForceAttemptHTTP2: true, IdleConnTimeout: idleTimeout,
		}
	})
	return s.nodeTripper
}

// deleteCopy deletes what a node has of a storage.
func (s *Server) deleteCopy(ctx context.Context, one token.Storage) error {
	if one.Node == "" {
		return s.storage.DeleteUser(ctx, one.UID)
	}
	p, err := s.peer(one.Node)
	if err != nil {
		return err
	}
	return p.Delete(ctx, one.UID)
}

// Nodes lists the storage nodes of the server, after it has asked each whether it is well.
func (s *Server) Nodes(ctx context.Context) ([]NodeInfo, error) {
	if s.cfg.Node != nil {
		return nil, ErrIsNode
	}
	problems, err := s.checkNodes(ctx)
	if err != nil {
		return nil, err
	}
	nodes, err := s.tokens.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]NodeInfo, 0, len(nodes))
	for _, n := range nodes {
		err := problems[n.URL]
		n.Down = err != nil
		i := NodeInfo{URL: nodeName(n.URL), Capacity: n.Capacity, Users: n.Users, State: nodeState(n)}
		if err != nil {
			i.Problem = err.Error()
		}
		all = append(all, i)
	}
	return all, nil
}

// nodeName returns a node's name for the operator.
func nodeName(url string) string { return cmp.Or(url, Self) }

// nodeState returns the state that a node was in when it was asked last.
func nodeState(n token.Node) string {
	switch {
	case n.Down:
		return NodeDown
	case n.Draining:
		return NodeDraining
	}
	return NodeUp
}

// pingTimeout bounds the wait for a node that may be down.
const pingTimeout = 5 * time.Second

// checkNodes asks all nodes whether they are well, and notes it, so that those that are down get no new users. It
// returns what is wrong, by URL.
func (s *Server) checkNodes(ctx context.Context) (map[string]error, error) {
	nodes, err := s.tokens.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	problems, noted := make(map[string]error), make([]error, len(nodes))
	var mu sync.Mutex
	var pings sync.WaitGroup
	for i, n := range nodes {
		if n.URL == "" {
			continue
		}
		pings.Go(func() {
			problem := s.ping(ctx, n.URL)
			if ctx.Err() != nil {
				return
			}
			mu.Lock()
			problems[n.URL] = problem
			mu.Unlock()
			if down := problem != nil; down != n.Down {
				s.cfg.Log.WarnContext(ctx, "a storage node changed its state", "node", n.URL, "down", down, "err", problem)
				noted[i] = s.tokens.SetNodeDown(ctx, n.URL, down)
			}
		})
	}
	pings.Wait()
	return problems, errors.Join(errors.Join(noted...), ctx.Err())
}

func (s *Server) ping(ctx context.Context, url string) error {
	c, err := s.nodeClient(url)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return c.Ping(ctx)
}

// RemoveNode forgets a node that has no users. The error is [ErrNoNode] or [ErrNodeUsed].
func (s *Server) RemoveNode(ctx context.Context, text string) error {
	url, err := s.nodeURL(text)
	if err == nil {
		err = s.tokens.RemoveNode(ctx, url)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return nil
}
