package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/server/node"
	"github.com/syncmanager/syncmanager/server/storage/transfer"
	"github.com/syncmanager/syncmanager/server/token"
)

// A storage node: a server that keeps records for another one, which has the accounts.

var (
	// ErrNodeFolder means that Config.Node is not set for the data folder of a storage node.
	ErrNodeFolder = errors.New("the folder belongs to a storage node: start it with the node's secret")
	// ErrAccountsHere means that Config.Node is set for a data folder that has accounts.
	ErrAccountsHere = errors.New("the folder has the accounts of a server, and a storage node has none: name another folder")
	// ErrIsNode means that what was asked for is a matter of the server that the node belongs to.
	ErrIsNode = errors.New("this is a storage node: ask the server that it belongs to")
)

// checkNodeFolder refuses a data folder of the other kind, and marks that of a node.
func (s *Server) checkNodeFolder() error {
	marker := filepath.Join(s.cfg.Dir, node.Marker)
	switch {
	case s.cfg.Node == nil && exists(marker):
		return fmt.Errorf("%s: %w", s.cfg.Dir, ErrNodeFolder)
	case s.cfg.Node == nil:
		return nil
	case exists(filepath.Join(s.cfg.Dir, "token-secret")) || exists(filepath.Join(s.cfg.Dir, "accounts.sqlite")):
		return fmt.Errorf("%s: %w", s.cfg.Dir, ErrAccountsHere)
	}
	return os.WriteFile(marker, []byte(s.cfg.Node.URL+"\n"), 0o600)
}

// openNode opens what serves the records of a storage node. Of the token database it uses the operator's
// settings.
func (s *Server) openNode(ctx context.Context) (err error) {
	s.tokens, err = token.Open(ctx, token.Config{
		Database: s.cfg.Database, Dir: s.cfg.Dir, Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log, Telemetry: s.telemetry,
	})
	if err != nil {
		return err
	}
	auth := &hawkAuth{signer: token.NewSigner(s.cfg.Node.Secret), admit: s.admitToNode, names: s.names, now: s.cfg.Now}
	if err := s.openStorage(ctx, auth); err != nil {
		return err
	}
	boot := make([]byte, 16)
	if _, err := io.ReadFull(s.cfg.Rand, boot); err != nil {
		return err
	}
	s.nodeHandler, err = node.NewHandler(node.Config{
		Secret: s.cfg.Node.Secret, URL: func(ctx context.Context) *url.URL { return s.names.Of(ctx) }, Peer: nodePeer{transfer.Local{Backend: s.backend}, s}, Storages: ownStorages{s},
		Moved: s.moved, Now: s.cfg.Now, Log: s.cfg.Log, Ended: s.heardEndings, Boot: hex.EncodeToString(boot),
	})
	if err == nil && s.cfg.Database != "" {
		err = s.askBatches(ctx)
	}
	return err
}

// nodePeer deletes a user's uploads that wait for their commit along with the records.
type nodePeer struct {
	transfer.Local
	s *Server
}

func (p nodePeer) Delete(ctx context.Context, uid int64) error {
	return p.s.storage.DeleteUser(ctx, uid)
}

type quotaKey struct{}

// admitToNode refuses a token that has expired, one for a storage that moved away, and one that ended, if the node was told
// so. What it was not told ends after five minutes.
func (s *Server) admitToNode(r *http.Request, g token.Grant) error {
	switch now := s.cfg.Now(); {
	case !now.Before(g.Expires):
		return fmt.Errorf("%w any more: it has expired", token.ErrToken)
	case s.movedAway.has(g.UID, now):
		return fmt.Errorf("%w any more: its storage is on another node", token.ErrToken)
	case s.endings.has(g):
		return fmt.Errorf("%w any more: the device was signed out, or the account disabled or removed", token.ErrToken)
	}
	if g.Quota > 0 {
		*r = *r.WithContext(context.WithValue(r.Context(), quotaKey{}, g.Quota))
	}
	return nil
}

// quotaInToken returns the quota that the token of a request to a node tells, or else the node's own.
func (s *Server) quotaInToken(ctx context.Context) int64 {
	if quota, ok := ctx.Value(quotaKey{}).(int64); ok {
		return quota
	}
	return s.defaultQuota.Load()
}

// moved notes that a storage moved away.
func (s *Server) moved(uid int64) {
	s.movedAway.add(uid, s.cfg.Now())
	s.events.hub.EndUser(uid)
}

// heardEndings notes which tokens ended.
func (s *Server) heardEndings(all []node.Ending) error {
	err := s.endings.add(all, s.cfg.Now())
	s.events.hub.Check(context.Background(), func(account string) bool {
		return slices.ContainsFunc(all, func(e node.Ending) bool { return e.Account == account })
	})
	return err
}

// movedFor is how long a node refuses the tokens for a storage that moved away: longer than any is valid. It
// matters for reads: the storage is fenced until it is deleted.
const movedFor = time.Hour

// movedAway are the storages that moved to another node lately.
type movedAway struct {
	mu    sync.Mutex
	since map[int64]time.Time
}

func (m *movedAway) add(uid int64, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for other, at := range m.since {
		if now.Sub(at) > movedFor {
			delete(m.since, other)
		}
	}
	if m.since == nil {
		m.since = make(map[int64]time.Time)
	}
	m.since[uid] = now
}

func (m *movedAway) has(uid int64, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.since[uid]
	return ok && now.Sub(at) <= movedFor
}
