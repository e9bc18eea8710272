package ui

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/api"
)

const (
	cookieName = "syncmanager"
	// A session ends after sessionIdle without a request, and after sessionLife anyway.
	sessionIdle = time.Hour
	sessionLife = 12 * time.Hour
	maxSessions = 8
	// maxUndo is how many acts can be undone, and maxUndoItems how many items they bring back.
	maxUndo      = 20
	maxUndoItems = 20_000
)

// session is a browser that opened a link.
type session struct {
	// base is the part of the address that only this browser knows, hash what its cookie is
	// checked with, and csrf what its forms have.
	base, csrf string
	hash       [sha256.Size]byte
	until      time.Time

	mu     sync.Mutex
	seen   time.Time
	notice *notice
	undo   []undo
	upload *upload
}

// notice is what the next page says first.
type notice struct {
	Text string
	Bad  bool
	// Undo names an act that can be undone, or is "".
	Undo string
}

// undo is how to take an act back.
type undo struct {
	id    string
	said  string // what is said then
	verb  string
	ask   any // the verb's request
	after string
	// weight is how many items it brings back.
	weight int
}

// over reports whether the session ended.
func (of *session) over(now time.Time) bool {
	of.mu.Lock()
	defer of.mu.Unlock()
	return now.After(of.until) || now.After(of.seen.Add(sessionIdle))
}

func (of *session) use(now time.Time) {
	of.mu.Lock()
	defer of.mu.Unlock()
	of.seen = now
}

// say sets what the next page says first.
func (of *session) say(n notice) {
	of.mu.Lock()
	defer of.mu.Unlock()
	of.notice = &n
}

// said returns what a page is to say first, once.
func (of *session) said() *notice {
	of.mu.Lock()
	defer of.mu.Unlock()
	n := of.notice
	of.notice = nil
	return n
}

// canUndo notes how to take an act back.
func (of *session) canUndo(u undo) {
	of.mu.Lock()
	defer of.mu.Unlock()
	of.undo = append(of.undo, u)
	weight, first := 0, max(0, len(of.undo)-maxUndo)
	for i := len(of.undo) - 1; i >= first; i-- {
		if weight += of.undo[i].weight; weight > maxUndoItems {
			first = i + 1
		}
	}
	of.undo = slices.Delete(of.undo, 0, first)
}

// takeUndo returns how to take an act back, once.
func (of *session) takeUndo(id string) (undo, bool) {
	of.mu.Lock()
	defer of.mu.Unlock()
	i := slices.IndexFunc(of.undo, func(u undo) bool { return u.id == id })
	if i < 0 {
		return undo{}, false
	}
	u := of.undo[i]
	of.undo = slices.Delete(of.undo, i, i+1)
	return u, true
}

// enter exchanges a token for a session, and returns the session's cookie.
func (s *Server) enter(token string) (*session, *http.Cookie, error) {
	base, err := s.random()
	if err != nil {
		return nil, nil, err
	}
	secret, err := s.random()
	if err != nil {
		return nil, nil, err
	}
	csrf, err := s.random()
	if err != nil {
		return nil, nil, err
	}
	given, now := digest(token), s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	right := func(l *Link) bool { return subtle.ConstantTimeCompare(l.hash[:], given[:]) == 1 }
	i := slices.IndexFunc(s.links, right)
	if i < 0 || now.After(s.links[i].until) {
		return nil, nil, errLink
	}
	s.dropLinks(right)
	of := &session{base: base, csrf: csrf, hash: digest(secret), until: now.Add(sessionLife), seen: now}
	s.dropSessions(now)
	s.sessions[base] = of
	return of, &http.Cookie{
		Name: cookieName, Value: secret, Path: of.path(), HttpOnly: true, SameSite: http.SameSiteStrictMode,
		MaxAge: int(sessionLife / time.Second),
	}, nil
}

var errLink = &api.Error{Code: api.CodeForbidden, Message: "this link was used already, or is older than a minute: run 'syncmanager ui' again"}

// dropSessions removes those that ended, and the one unused for longest if there are too many.
// The lock is held.
func (s *Server) dropSessions(now time.Time) {
	oldest := ""
	for base, of := range s.sessions {
		if of.over(now) {
			delete(s.sessions, base)
		} else if oldest == "" || of.lastSeen().Before(s.sessions[oldest].lastSeen()) {
			oldest = base
		}
	}
	if len(s.sessions) >= maxSessions {
		delete(s.sessions, oldest)
	}
}

func (of *session) lastSeen() time.Time {
	of.mu.Lock()
	defer of.mu.Unlock()
	return of.seen
}

// path is the address below which the session's pages are.
func (of *session) path() string { return sessionPrefix + of.base + "/" }

const sessionPrefix = "/s/"

var errSession = &api.Error{Code: api.CodeUnauthorized, Message: "this page has ended, or was opened in another browser: run 'syncmanager ui' again"}

// identify returns the session that a request belongs to, and the name of the page that it
// asks for. This is the only place that decides who may see a page.
func (s *Server) identify(r *http.Request) (of *session, page string, err error) {
	base, page, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, sessionPrefix), "/")
	if !ok {
		return nil, "", errSession
	}
	s.mu.Lock()
	of = s.sessions[base]
	s.mu.Unlock()
	now := s.Now()
	if of == nil || of.over(now) {
		return nil, "", errSession
	}
	for _, c := range r.CookiesNamed(cookieName) {
		given := digest(c.Value)
		if subtle.ConstantTimeCompare(given[:], of.hash[:]) == 1 {
			of.use(now)
			return of, page, nil
		}
	}
	return nil, "", errSession
}

// leave ends a session.
func (s *Server) leave(of *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, of.base)
}
