package hawk

import (
	"sync"
	"time"
)

// maxNonces bounds the memory of a Window, to some 30 MB.
const maxNonces = 1 << 17

// Window refuses headers that are too old, too new, or used before. Its methods
// may be called concurrently.
type Window struct {
	// Skew is how far a timestamp may be from the server's time, either way.
	Skew time.Duration

	mu      sync.Mutex
	turned  time.Time
	current map[use]struct{}
	before  map[use]struct{}
}

type use struct {
	id, nonce string
	ts        int64
}

// Fresh returns [ErrStale] unless the timestamp is within skew of now. It suffices for
// services that accept a replay within the skew; others call [Window.Use].
func (h Header) Fresh(now time.Time, skew time.Duration) error {
	if d := now.Sub(time.Unix(h.TS, 0)); d > skew || d < -skew {
		return ErrStale
	}
	return nil
}

// Use accepts a header once: the error is [ErrStale] or [ErrReplay]. Call it after
// [Header.Verify], or a stranger could use up somebody's nonces and the memory.
func (w *Window) Use(h Header, now time.Time) error {
	if err := h.Fresh(now, w.Skew); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	// A header stays fresh for two skews at most. What is in before is at least
	// that old when it is dropped.
	if w.current == nil || now.Sub(w.turned) > 2*w.Skew || len(w.current) >= maxNonces {
		w.before, w.current, w.turned = w.current, make(map[use]struct{}), now
	}
	u := use{h.ID, h.Nonce, h.TS}
	if _, ok := w.current[u]; ok {
		return ErrReplay
	}
	if _, ok := w.before[u]; ok {
		return ErrReplay
	}
	w.current[u] = struct{}{}
	return nil
}
