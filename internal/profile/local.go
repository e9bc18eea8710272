package profile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"

	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/server"
)

const (
	localFolder = "server"
	// localURL is the address of the server inside the profile. No network resolves its
	// name.
	localURL   = "http://profile.invalid"
	localEmail = "local@profile.invalid"
)

// localServer is the server inside a profile, which has no port. The first request opens
// it, so that a command without requests does not wait for it.
type localServer struct {
	config server.Config

	mu     sync.Mutex
	server *server.Server
	// closing is the context for closing, which is never cancelled.
	closing context.Context
	client  http.RoundTripper
	closed  bool
}

var _ http.RoundTripper = (*localServer)(nil)

// openLocal directs requests to the server inside the profile. The caller holds mu.
func (p *Profile) openLocal() {
	if p.local == nil {
		p.local = &localServer{config: server.Config{
			Dir: p.path(localFolder), PublicURL: localURL, Version: p.config.Version,
			Now: p.config.Now, Rand: p.config.Rand, Log: p.config.Log,
		}}
	}
}

// RoundTrip implements [http.RoundTripper].
func (l *localServer) RoundTrip(r *http.Request) (*http.Response, error) {
	client, err := l.open(r.Context())
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, fmt.Errorf("the server inside the profile does not start: %w", err)
	}
	return client.RoundTrip(r)
}

func (l *localServer) open(ctx context.Context) (http.RoundTripper, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.New("it was closed with its account")
	}
	if l.client == nil {
		// The server outlives the request that opens it.
		l.closing = context.WithoutCancel(ctx)
		s, err := server.New(l.closing, l.config)
		if err != nil {
			return nil, err
		}
		l.server, l.client = s, inproc.New(s.Handler())
	}
	return l.client, nil
}

func (l *localServer) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.server == nil {
		return nil
	}
	s := l.server
	l.server, l.client = nil, nil
	// The server runs for one command, too short for its own hourly cleaning.
	return errors.Join(s.Purge(l.closing), s.Close(l.closing))
}

func (p *Profile) closeLocal() error {
	p.mu.Lock()
	l := p.local
	p.local = nil
	p.mu.Unlock()
	if l == nil {
		return nil
	}
	return l.close()
}

// removeLocal removes the server inside the profile with all its data, which cannot be
// read without its session.
func (p *Profile) removeLocal() error {
	if err := p.closeLocal(); err != nil {
		return err
	}
	if err := os.RemoveAll(p.path(localFolder)); err != nil {
		return fmt.Errorf("cannot remove the server inside the profile: %w", err)
	}
	return nil
}
