package server

import (
	"context"
	"errors"

	"github.com/syncmanager/syncmanager/server/storage/transfer"
	"github.com/syncmanager/syncmanager/server/takeover"
)

// ErrOwnAccounts means that a server with accounts of its own cannot take over another server's
// users, whose accounts are elsewhere.
var ErrOwnAccounts = errors.New("the server has accounts of its own, and the users of the other one have theirs at another accounts server")

// TakeOver copies the users of another server, with their keys and records, into this one, which
// must have [Config.External] set. [takeover.Run] says what is copied, and what a second
// run does. Devices may use this server meanwhile.
func (s *Server) TakeOver(ctx context.Context, src takeover.Source, o takeover.Options) (_ takeover.Report, err error) {
	if s.accounts != nil {
		return takeover.Report{}, ErrOwnAccounts
	}
	state, err := takeover.OpenState(ctx, s.cfg.Database, s.cfg.Dir)
	if err != nil {
		return takeover.Report{}, err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	// Nodes that do not answer get nobody, and no drain runs meanwhile.
	if _, err := s.checkNodes(ctx); err != nil {
		return takeover.Report{}, err
	}
	end, err := s.beginDrain(ctx)
	if err != nil {
		return takeover.Report{}, err
	}
	defer end()
	o.Now = s.cfg.Now
	return takeover.Run(ctx, src, &takeover.Target{Tokens: s.tokens, Backend: s.backend, State: state, Nodes: ownNodes{s}}, o)
}

// ownNodes are the storage nodes of this server.
type ownNodes struct{ s *Server }

// Peer implements [takeover.Nodes].
func (n ownNodes) Peer(url string) (transfer.Peer, error) { return n.s.peer(url) }

// Move implements [takeover.Nodes].
func (n ownNodes) Move(ctx context.Context, uid int64, copied func(from transfer.Peer, fromUID int64, to transfer.Peer, toUID int64) error) (int64, error) {
	return n.s.moveBy(ctx, uid, false, copied)
}
