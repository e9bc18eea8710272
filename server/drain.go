package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/node"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/transfer"
	"github.com/syncmanager/syncmanager/server/token"
)

// Drained is the result of [Server.DrainNode].
type Drained struct {
	// Moved is how many users are on other nodes now, and Left how many still are on this one.
	Moved int   `json:"moved"`
	Left  int64 `json:"left"`
	// Failed are users whose storage could not be copied. They stay where they are.
	Failed []FailedMove `json:"failed,omitempty"`
}

// FailedMove is a user whose storage could not be copied.
type FailedMove struct {
	// Storage is the number of the storage.
	Storage int64  `json:"storage"`
	Error   string `json:"error"`
}

// ErrDraining means that another drain is under way.
var ErrDraining = errors.New("a drain is under way: wait until it has ended")

// drainPage is how many users are listed at once.
const drainPage = 100

// DrainNode moves all users of a node to the others, one after the other. A user's devices read on meanwhile, and
// their writes are answered with 503 for as long as the copy takes; then they get a token for the other node. What a drain
// that was killed left is put in order by the next one, which begins with the server. The old copies are
// deleted by a purge an hour later.
func (s *Server) DrainNode(ctx context.Context, text string) (d Drained, err error) {
	url, err := s.nodeURL(text)
	if err != nil {
		return d, err
	}
	end, err := s.beginDrain(ctx)
	if err != nil {
		return d, err
	}
	defer end()
	if err := s.tokens.DrainNode(ctx, url); err != nil {
		return d, fmt.Errorf("%s: %w", text, err)
	}
	return s.drain(ctx, url)
}

// beginDrain makes this the only drain of all servers on the token database, and puts in order what one that was
// killed left.
func (s *Server) beginDrain(ctx context.Context) (end func(), err error) {
	if !s.drains.TryLock() {
		return nil, ErrDraining
	}
	unlock, err := s.tokens.LockMoves(ctx)
	if errors.Is(err, token.ErrLocked) {
		err = ErrDraining
	}
	if err != nil {
		s.drains.Unlock()
		return nil, err
	}
	end = func() {
		unlock()
		s.drains.Unlock()
	}
	if err := s.giveUpLeft(ctx); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// giveUpLeft puts in order what moves left that broke.
func (s *Server) giveUpLeft(ctx context.Context) error {
	left, err := s.tokens.Moves(ctx)
	for _, m := range left {
		if err == nil {
			_, err = s.giveUp(ctx, m)
		}
	}
	return err
}

func (s *Server) drain(ctx context.Context, url string) (d Drained, err error) {
	for after := int64(0); err == nil; {
		var uids []int64
		uids, err = s.tokens.OnNode(ctx, url, after, drainPage)
		if len(uids) == 0 {
			break
		}
		for _, uid := range uids {
			after = uid
			var broken *transfer.SourceError
			switch err = s.movePatiently(ctx, uid); {
			case err == nil:
				d.Moved++
				s.metrics.drained.Set(float64(s.cfg.Now().Unix()))
			case errors.Is(err, token.ErrMoveOver): // the user was removed, or has another storage
				err = nil
			case errors.As(err, &broken) && errors.Is(err, storage.ErrDamaged):
				s.cfg.Log.ErrorContext(ctx, "a user's storage cannot be moved", "storage", uid, "err", err)
				d.Failed = append(d.Failed, FailedMove{uid, err.Error()})
				err = nil
			}
			if err != nil {
				break
			}
		}
	}
	nodes, listErr := s.tokens.Nodes(context.WithoutCancel(ctx))
	for _, n := range nodes {
		if n.URL == url {
			d.Left = n.Users
		}
	}
	return d, errors.Join(err, listErr)
}

// A drain tries a move drainTries times, of which the first two are drainWait apart, and each later one twice as far from the
// one before as that was: 13 seconds in all, in which a node restarts.
const (
	drainTries = 8
	drainWait  = 100 * time.Millisecond
)

// movePatiently is move that waits and tries again when a node, or the proxy before it, answers that it is not there for
// now: one such answer must not end the drain of thousands of users.
func (s *Server) movePatiently(ctx context.Context, uid int64) error {
	err := s.move(ctx, uid)
	for n, wait := 1, drainWait; n < drainTries && errors.Is(err, node.ErrLater); n, wait = n+1, 2*wait {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
		if err = s.giveUpLeft(ctx); err == nil {
			err = s.move(ctx, uid)
		}
	}
	return err
}

// move moves one user's storage to another node. Nothing of it is left if it fails.
func (s *Server) move(ctx context.Context, uid int64) error {
	_, err := s.moveBy(ctx, uid, true, func(from transfer.Peer, fromUID int64, to transfer.Peer, toUID int64) error {
		_, err := transfer.Copy(ctx, bso.TimestampOf(s.cfg.Now()), from, fromUID, to, toUID)
		return err
	})
	return err
}

// copying makes the storage toUID from the storage fromUID, which nobody writes meanwhile.
type copying func(from transfer.Peer, fromUID int64, to transfer.Peer, toUID int64) error

// moveBy moves one user's storage by what copied does, with away to another node than it is on. It returns the number of the new
// one.
func (s *Server) moveBy(ctx context.Context, uid int64, away bool, copied copying) (int64, error) {
	done, err := s.Writing()
	if err != nil {
		return 0, err
	}
	defer done()
	m, err := s.tokens.BeginMove(ctx, uid, away)
	if err != nil {
		return 0, err
	}
	if err := s.copyAndSwitch(ctx, m, copied); err != nil {
		// The user's devices must not wait, also if the caller no longer does.
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveUpTimeout)
		defer cancel()
		if switched, upErr := s.giveUp(clean, m); upErr != nil || !switched {
			return 0, errors.Join(err, upErr)
		}
	}
	if from, err := s.peer(m.From.Node); err == nil {
		if old, ok := from.(interface {
			Moved(ctx context.Context, uid int64) error
		}); ok {
			if err := old.Moved(ctx, m.From.UID); err != nil {
				// Its tokens are good for reads for some minutes; writes are refused.
				s.cfg.Log.WarnContext(ctx, "a node was not told that a user moved away", "err", err)
			}
		}
	}
	return m.To.UID, nil
}

// giveUpTimeout bounds how long the end of a move that failed takes.
const giveUpTimeout = 30 * time.Second

func (s *Server) copyAndSwitch(ctx context.Context, m token.Move, copied copying) error {
	from, err := s.peer(m.From.Node)
	if err != nil {
		return err
	}
	to, err := s.peer(m.To.Node)
	if err != nil {
		return err
	}
	if err := from.Fence(ctx, m.From.UID, true); err != nil {
		return &transfer.SourceError{Err: err}
	}
	if err := copied(from, m.From.UID, to, m.To.UID); err != nil {
		return err
	}
	return s.tokens.Switch(ctx, m)
}

// giveUp ends a move that failed, or says that it was switched after all. Only when it can no longer be switched
// may the storage be written again.
func (s *Server) giveUp(ctx context.Context, m token.Move) (switched bool, err error) {
	ended, err := s.tokens.EndMove(ctx, m)
	if err != nil || !ended {
		return err == nil, err
	}
	from, err := s.peer(m.From.Node)
	if err == nil {
		err = from.Fence(ctx, m.From.UID, false)
	}
	if err != nil && !errors.Is(err, storage.ErrDamaged) { // nothing can be written to a damaged one
		return false, fmt.Errorf("the storage %d takes no writes until its move is given up: %w", m.From.UID, err)
	}
	return false, s.tokens.ForgetMove(ctx, m)
}

// nodesEvery is the time between two checks of the nodes.
const nodesEvery = 30 * time.Second

// watchNodes goes on with the drains that were interrupted, and asks the nodes from time to time whether
// they are well, until ctx ends.
func (s *Server) watchNodes(ctx context.Context) {
	if s.cfg.Node != nil {
		return
	}
	ticker := time.NewTicker(nodesEvery)
	defer ticker.Stop()
	for {
		if _, err := s.checkNodes(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.ErrorContext(ctx, "the storage nodes cannot be checked", "err", err)
		}
		if err := s.resumeDrains(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ErrDraining) {
			s.cfg.Log.ErrorContext(ctx, "a storage node cannot be drained; the server tries again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// resumeDrains goes on with drains that were interrupted.
func (s *Server) resumeDrains(ctx context.Context) error {
	nodes, err := s.tokens.Nodes(ctx)
	if err != nil {
		return err
	}
	moves, err := s.tokens.Moves(ctx)
	if err != nil {
		return err
	}
	work := len(moves) > 0
	for _, n := range nodes {
		work = work || n.Draining && n.Users > 0
	}
	if !work {
		return nil
	}
	end, err := s.beginDrain(ctx)
	if err != nil {
		return err
	}
	defer end()
	for _, n := range nodes {
		if n.Draining && n.Users > 0 {
			if _, err := s.drain(ctx, n.URL); err != nil {
				return err
			}
		}
	}
	return nil
}
