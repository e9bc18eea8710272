// Package ui serves a web page on which a person looks at their synced data and acts on it: what
// synced when, devices, engines, bookmarks, passwords, and what needs attention.
//
// All that it shows comes from package api, and all that it does are verbs of it. Pages are made
// by the server and work without scripts; the script adds dragging, searching while one types,
// and updates while a sync runs.
//
// # Who gets in
//
// The server listens on 127.0.0.1, where every user and every program of the machine can connect,
// and every website that the browser shows can try to. So:
//
//   - [Server.Link] makes a one-time link, which is valid once and for a minute. Whoever opens it
//     gets a session: an address with a random part, below which alone the browser sends a cookie.
//     A server on another port of this machine does not get the cookie, because it does not know
//     the address.
//   - A request must name the server's own host and port (DNS rebinding), and one from a page of
//     another origin is refused, by the headers Origin and Sec-Fetch-Site. A form has a value of
//     the session, too.
//   - Passwords are read for one answer each, which no cache stores.
package ui

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncmanager/syncmanager/api"
)

// Config configures a [Server]. Service must be set.
type Config struct {
	Service *api.Service
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Zone is where times are shown. Nil: time.Local.
	Zone *time.Location
	// Rand is a source of secure random bytes. Nil: crypto/rand.
	Rand io.Reader
	// Log receives errors that no request explains. Nil: nothing is logged.
	Log *slog.Logger
}

const (
	// linkLife is how long a link is valid, and maxLinks how many are at once.
	linkLife = time.Minute
	maxLinks = 8
	// idleCheck is the time between two looks whether anybody uses the server.
	idleCheck = 5 * time.Minute
)

// Server serves the page. It listens from its first link until nobody uses it any more. Its
// methods may be called from several goroutines at once.
type Server struct {
	Config
	pages   pages
	assets  assets
	readers atomic.Int32

	mu       sync.Mutex
	http     *http.Server // nil while it does not listen
	host     string       // "127.0.0.1:4711"
	idle     *time.Timer
	stop     context.CancelFunc
	links    []*Link
	sessions map[string]*session // by their base
	closed   bool
}

// New returns a server that does not listen yet.
func New(c Config) (*Server, error) {
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // here the app's real clock comes in
	}
	if c.Rand == nil {
		c.Rand = rand.Reader //nolint:forbidigo // and its real randomness
	}
	if c.Zone == nil {
		c.Zone = time.Local
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	assets, err := loadAssets()
	if err != nil {
		return nil, err
	}
	s := &Server{Config: c, assets: assets, sessions: make(map[string]*session)}
	s.pages, err = s.loadPages()
	return s, err
}

// random returns a random text of 192 bits.
func (s *Server) random() (string, error) {
	var b [24]byte
	if _, err := io.ReadFull(s.Rand, b[:]); err != nil {
		return "", errors.New("cannot make a random value: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

func digest(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }

// Link is a one-time link to the page.
type Link struct {
	address, token string
	hash           [sha256.Size]byte
	until          time.Time
	done           chan struct{}
}

// URL is the link. Whoever sees it can open it, so that it does not belong on a command line.
func (l *Link) URL() string { return l.address + "/open#" + l.token }

// Done is closed when the link was used, or is too old.
func (l *Link) Done() <-chan struct{} { return l.done }

var errServerClosed = errors.New("the page is not served any more: the program ends")

// Link makes a link, and listens if the server did not.
func (s *Server) Link(ctx context.Context) (*Link, error) {
	token, err := s.random()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errServerClosed
	}
	if err := s.listen(ctx); err != nil {
		return nil, err
	}
	l := &Link{address: "http://" + s.host, token: token, hash: digest(token), until: s.Now().Add(linkLife), done: make(chan struct{})}
	s.dropLinks(func(l *Link) bool { return s.Now().After(l.until) })
	if len(s.links) == maxLinks {
		oldest := s.links[0]
		s.dropLinks(func(l *Link) bool { return l == oldest })
	}
	s.links = append(s.links, l)
	time.AfterFunc(linkLife, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dropLinks(func(old *Link) bool { return old == l })
	})
	return l, nil
}

// dropLinks ends the links that drop chooses. The lock is held.
func (s *Server) dropLinks(drop func(*Link) bool) {
	var left []*Link
	for _, l := range s.links {
		if drop(l) {
			close(l.done)
		} else {
			left = append(left, l)
		}
	}
	s.links = left
}

// listen listens, unless the server does already. The lock is held.
func (s *Server) listen(ctx context.Context) error {
	if s.http != nil {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return errors.New("cannot serve the page on this machine: " + err.Error())
	}
	running, stop := context.WithCancel(context.Background())
	s.host, s.stop = l.Addr().String(), stop
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return running },
		ErrorLog:    slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	go func(h *http.Server) { _ = h.Serve(l) }(s.http)
	s.idle = time.AfterFunc(idleCheck, s.closeIfIdle)
	return nil
}

// closeIfIdle stops to listen if there is neither a session nor a link.
func (s *Server) closeIfIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http == nil {
		return
	}
	for base, of := range s.sessions {
		if of.over(s.Now()) {
			delete(s.sessions, base)
		}
	}
	if len(s.sessions) > 0 || len(s.links) > 0 {
		s.idle = time.AfterFunc(idleCheck, s.closeIfIdle)
		return
	}
	s.shut()
}

// shut stops to listen, and ends what is in progress. The lock is held.
func (s *Server) shut() {
	s.idle.Stop()
	s.stop()
	_ = s.http.Close()
	s.http, s.host = nil, ""
	clear(s.sessions)
	s.dropLinks(func(*Link) bool { return true })
}

// Close ends the server with all its sessions and links.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.http != nil {
		s.shut()
	}
}
