package server

import (
	"context"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/server/storage/postgres"
)

const (
	// defaultBatchRoom is the default of Config.BatchRoom.
	defaultBatchRoom = 4 << 30
	// batchesEvery is how often a server asks what the batches of the others take, at most.
	batchesEvery = 10 * time.Second
	// batchesTimeout bounds the time of asking.
	batchesTimeout = 10 * time.Second
)

// sharedRoom is the room for batches in a database that other servers use too: each knows its
// own batches at once, and those of the others by the sum that it reads from time to time.
type sharedRoom struct {
	mu     sync.Mutex
	others int64
	asked  time.Time
	asking bool
}

// sharedBatchRoom returns how many bytes the batches of this server may take. It does not wait: it
// uses what the others took when it asked last.
func (s *Server) sharedBatchRoom() int64 {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	if now := s.cfg.Now(); !s.room.asking && now.Sub(s.room.asked) >= batchesEvery {
		s.room.asking, s.room.asked = true, now
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), batchesTimeout)
			defer cancel()
			if err := s.askBatches(ctx); err != nil {
				s.cfg.Log.WarnContext(ctx, "cannot read how much the uploads that wait for their commit take", "err", err)
			}
		}()
	}
	most := s.cfg.BatchRoom
	if most == 0 {
		most = defaultBatchRoom
	}
	return max(0, most-s.room.others)
}

// askBatches reads what the batches of the other servers take.
func (s *Server) askBatches(ctx context.Context) error {
	own := s.storage.BatchBytes()
	all, err := s.backend.(*postgres.Backend).BatchBytes(ctx)
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	s.room.asking = false
	if err == nil {
		s.room.others = max(0, all-own)
	}
	return err
}
