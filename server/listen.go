package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/capacity"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/server/events"
	"github.com/syncmanager/syncmanager/server/storage"
)

// listenerBytes is about how much memory a connection for events takes, without the collector's reserve; see bench/README.md. leastListeners and mostListeners bound their number, for any size of memory.
const (
	listenerBytes                 = 4 << 10
	leastListeners, mostListeners = 1024, 100_000
)

// spareDescriptors are for what is none of files, connections and listeners: databases, the journal, requests to others.
const spareDescriptors = 256

// maxListeners returns how many devices may listen: a quarter of the memory, and what is left of the descriptors that
// the process may have by the users' files and other connections; 0: unknown.
func maxListeners(memory int64, descriptors int) int {
	most := int(min(max(memory/4/listenerBytes, leastListeners), mostListeners))
	if descriptors > 0 {
		left := descriptors - openFiles(memory, descriptors)*fileDescriptors - maxConnections(memory) - spareDescriptors
		most = min(most, max(left, descriptors/8))
	}
	return most
}

// listening implements [storage.Events].
type listening struct {
	hub   *events.Hub
	relay *events.Relay // of servers that share a database; nil: none
	auth  *hawkAuth
}

// openEvents makes what tells devices which collections moved.
func (s *Server) openEvents(ctx context.Context, auth *hawkAuth) error {
	sent := prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "events_sent_total", Help: "Events sent to connected devices.",
	})
	ended := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "event_listeners_ended_total", Help: "Connections for events that ended, by reason.",
	}, []string{"reason"})
	for _, why := range events.Ends() {
		ended.WithLabelValues(string(why)) // export a zero before the first
	}
	hub := events.New(events.Config{
		Now: s.cfg.Now, Max: maxListeners(s.cfg.Memory, capacity.Descriptors()),
		Refused: func(err error) bool { return errors.Is(err, storage.ErrUnauthorized) },
		Sent:    sent.Inc, Ended: func(why events.End) { ended.WithLabelValues(string(why)).Inc() },
	})
	s.metrics.registry.MustRegister(sent, ended, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: metricsNamespace, Name: "event_listeners", Help: "Connected devices that hear which collections moved.",
	}, func() float64 { return float64(hub.Count()) }))
	s.events = &listening{hub: hub, auth: auth}
	if s.cfg.Database == "" {
		return nil
	}
	relay, err := events.OpenRelay(ctx, events.RelayConfig{Database: s.cfg.Database, Hub: hub, Rand: s.cfg.Rand, Log: s.cfg.Log})
	if err != nil {
		return err
	}
	s.events.relay = relay
	return nil
}

// Moved implements [storage.Events].
func (l *listening) Moved(uid int64, collection string, modified bso.Timestamp) {
	l.hub.Moved(uid, collection, modified)
	if l.relay != nil {
		l.relay.Moved(uid, collection, modified)
	}
}

// Listen implements [storage.Events]. The proof of the request was checked.
func (l *listening) Listen(w http.ResponseWriter, r *http.Request, uid int64, read func(context.Context) (map[string]bso.Timestamp, bso.Timestamp, error)) error {
	h, err := hawk.Parse(r.Header.Get("Authorization"))
	if err != nil {
		return fmt.Errorf("%w: %w", storage.ErrUnauthorized, err)
	}
	grant, _, err := l.auth.signer.Parse(h.ID)
	if err != nil {
		return fmt.Errorf("%w: %w", storage.ErrUnauthorized, err)
	}
	admit, from := l.auth.refuse, r.RemoteAddr
	var opened atomic.Bool // a token that ends later is no attack, which the security log would tell by the address
	err = l.hub.Serve(w, r, events.Listener{
		UID: uid, Account: grant.Account, Device: grant.Bound, Expires: grant.Expires,
		Read: func(ctx context.Context) (map[string]bso.Timestamp, bso.Timestamp, error) {
			again := (&http.Request{}).WithContext(ctx)
			if !opened.Swap(true) {
				again.RemoteAddr = from
			}
			if err := admit(again, grant); err != nil {
				return nil, 0, err
			}
			return read(again.Context())
		},
	})
	switch {
	case errors.Is(err, events.ErrTooMany), errors.Is(err, events.ErrClosed):
		err = fmt.Errorf("%w: %w", storage.ErrListeners, err)
	case errors.Is(err, events.ErrRequest):
		err = fmt.Errorf("%w: %w", storage.ErrRequest, err)
	}
	return err
}

// close ends all connections.
func (l *listening) close() {
	l.hub.Close()
	if l.relay != nil {
		l.relay.Close()
	}
}

// checked is what the last round of [Server.CheckListeners] found to have ended.
type checked struct {
	sync.Mutex
	ended map[string]time.Time
}

// checkEvery is the time between two calls of [Server.CheckListeners].
const checkEvery = 2 * time.Second

// CheckListeners ends the events of devices whose tokens ended since the last call: because a device was signed out, a password was
// changed, or an account was disabled, removed or moved. [Server.Serve] calls it every two seconds. Without
// devices that listen, it does nothing.
func (s *Server) CheckListeners(ctx context.Context) error {
	if s.cfg.Node != nil || s.events.hub.Count() == 0 {
		return nil // a node is told
	}
	ended, err := s.ended(ctx)
	if err != nil {
		return err
	}
	s.checked.Lock()
	defer s.checked.Unlock()
	s.events.hub.Check(ctx, func(account string) bool {
		at, there := ended[account]
		return there && !s.checked.ended[account].Equal(at)
	})
	if ctx.Err() == nil {
		s.checked.ended = ended
	}
	return nil
}

// watchListeners calls CheckListeners until ctx ends.
func (s *Server) watchListeners(ctx context.Context) {
	ticker := time.NewTicker(checkEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := s.CheckListeners(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.DebugContext(ctx, "it is not known which devices may still listen; the next round asks again", "err", err)
		}
	}
}
