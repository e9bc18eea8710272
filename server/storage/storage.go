// Package storage is the storage service of Sync 1.5: the whole SyncStorage API
// 1.5 over HTTP, on a [Backend] that stores the records.
//
// When the answer to a write is sent, the write is visible and on the disk. The check of
// X-If-Unmodified-Since and the write are one atomic step. The times that a user
// sees only grow, even if the server's clock goes back.
//
// Bodies are bounded before they are read, and parsed without building trees. Paths are
// parsed in their escaped form, since IDs may contain slashes. So the handler must not
// be behind [http.ServeMux], which would redirect such paths.
package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/load"
)

// Authenticator finds out which user sent a request.
type Authenticator interface {
	// Authenticate returns the user that r proves to come from, and whether the
	// proof has expired; an expired one is good for reading info/collections only. An error
	// that wraps ErrUnauthorized means that r has no valid proof; any other error, that
	// the proof could not be checked. It may leave a part of the check to the Backend, by the context of r, whose steps for
	// the user then fail with ErrUnauthorized. If the proof covers the body, Authenticate replaces the
	// body by one that returns hawk.ErrPayload at its end if the proof is for another body.
	Authenticate(r *http.Request) (uid int64, expired bool, err error)
}

// Events tells the connected devices of users which collections moved.
type Events interface {
	// Moved is called after a write that may have changed the last-modified time of a collection; "" means that the
	// whole storage was emptied. It must not block.
	Moved(uid int64, collection string, modified bso.Timestamp)
	// Listen answers an authenticated request of a user with events, and may return before they end. read reads the times that
	// info/collections has, and the storage's; it may be called as long as the events last, with the context of the call. An
	// error is returned before the answer begins, and may wrap ErrUnauthorized, ErrListeners or ErrRequest.
	Listen(w http.ResponseWriter, r *http.Request, uid int64, read func(context.Context) (map[string]bso.Timestamp, bso.Timestamp, error)) error
}

var (
	// ErrListeners means that there are as many connections for events as there may be.
	ErrListeners = errors.New("too many connections listen")
	// ErrRequest means that a request for events is malformed.
	ErrRequest = errors.New("the request is malformed")
)

// ErrUnauthorized means that a request has no valid proof of its user.
var ErrUnauthorized = errors.New("not authorized")

// Config says how a [Service] works.
type Config struct {
	// Backend stores the records. The caller purges it from time to time, and closes it;
	// later requests are answered with 503.
	Backend Backend

	// Prefix is the part of the path before "/1.5/<uid>", such as "/storage".
	Prefix string
	// Auth authenticates the requests.
	Auth Authenticator
	// Events, if set, hears of all writes, and answers requests for info/events. Then the answers to info/collections have
	// the header [EventsHeader].
	Events Events
	// Now is the clock.
	Now func() time.Time
	// Rand is the source of the tokens of batches.
	Rand io.Reader
	// Log logs the server's own failures; nil: they are not logged.
	Log *slog.Logger
	// Limits bound what a client may send. A zero takes the value of
	// [bso.DefaultLimits].
	Limits bso.Limits
	// Full, if set, reports whether the disk has no more than its reserve left. Clients can
	// then read and delete, but not store.
	Full func() bool
	// BatchRoom, if set, returns how many bytes the batches of all users together may take
	// while they wait for their commit.
	BatchRoom func() int64
	// ListingTime is how long a client may take to read a listing that does not fit into the
	// server's buffer, but for its last piece; then the connection is cut. 0: four minutes.
	ListingTime time.Duration
	// MaxWaiting bounds how many steps on the Backend are in progress or wait for their turn, of
	// which one user may have an eighth; more are refused with 503 and Retry-After. From half of it on,
	// answers ask clients to come less often, with X-Weave-Backoff. 0: 256; negative: no bound.
	MaxWaiting int
	// MaxBatches bounds the number of these batches; 0: 4096.
	MaxBatches int
	// Quota is how many bytes a user may store, as [Usage] counts them; 0: no quota.
	Quota int64
	// QuotaOf, if set, returns a user's quota, in place of Quota, while a step of the user runs. Where it fails, clients come again later.
	QuotaOf func(ctx context.Context, uid int64) (int64, error)
}

// EventsHeader is the header of answers to info/collections that tells clients that there is info/events.
const EventsHeader = "X-Sync-Events"

// listingTime is the default of Config.ListingTime.
const listingTime = 4 * time.Minute

// maxSteps is the default of Config.MaxWaiting.
const maxSteps = 256

// Service is the storage service, as an [http.Handler].
type Service struct {
	backend gated
	gate    *load.Gate // of the backend
	prefix  string
	auth    Authenticator
	events  Events
	now     func() time.Time
	rand    io.Reader
	log     *slog.Logger
	limits  bso.Limits
	quota   func(ctx context.Context, uid int64) (int64, error)
	full    func() bool
	waiting *waiting
	// listingTime bounds how long a listing keeps the storage busy.
	listingTime time.Duration
	config      []byte // the body of info/configuration
}

// New returns a Service.
func New(c Config) *Service {
	s := &Service{
		backend: gated{Backend: c.Backend},
		prefix:  c.Prefix,
		auth:    c.Auth,
		events:  c.Events,
		now:     c.Now,
		rand:    c.Rand,
		log:     c.Log,
		limits:  withDefaults(c.Limits),
		full:    c.Full,
	}
	if c.MaxWaiting >= 0 {
		s.gate = load.NewGate(cmp.Or(c.MaxWaiting, maxSteps))
		s.backend.gate = s.gate
	}
	s.listingTime = cmp.Or(c.ListingTime, listingTime)
	s.waiting = newWaiting(c.MaxBatches, c.BatchRoom, c.Now)
	if s.full == nil {
		s.full = func() bool { return false }
	}
	s.quota = func(ctx context.Context, uid int64) (int64, error) {
		if c.QuotaOf == nil {
			return c.Quota, nil
		}
		quota, err := c.QuotaOf(ctx, uid)
		if err != nil {
			err = fmt.Errorf("%w: the user's quota: %w", ErrUnreachable, err)
		}
		return quota, err
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.config = appendLimits(nil, s.limits)
	return s
}

// withDefaults fills in the limits that are zero.
func withDefaults(l bso.Limits) bso.Limits {
	d := bso.DefaultLimits()
	for _, p := range [][2]*int{
		{&l.MaxPostRecords, &d.MaxPostRecords},
		{&l.MaxPostBytes, &d.MaxPostBytes},
		{&l.MaxTotalRecords, &d.MaxTotalRecords},
		{&l.MaxTotalBytes, &d.MaxTotalBytes},
		{&l.MaxRecordPayloadBytes, &d.MaxRecordPayloadBytes},
		{&l.MaxRequestBytes, &d.MaxRequestBytes},
	} {
		if *p[0] == 0 {
			*p[0] = *p[1]
		}
	}
	return l
}

// DeleteUser deletes everything stored of a user, whose account has ended.
func (s *Service) DeleteUser(ctx context.Context, uid int64) error {
	s.waiting.forget(uid, "")
	return s.backend.Delete(ctx, uid)
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{w: w, started: bso.TimestampOf(s.now())}
	refuse, backoff := s.Load()
	if refuse { // before the proof is checked, which is work too
		s.fail(a, r, ErrOverloaded)
		return
	}
	a.backoff = backoff
	if err := s.serve(a, r); err != nil {
		s.fail(a, r, err)
	}
}

// handle answers a request for a resource.
type handle func(*Service, *answer, *request) error

// methods are the handlers of each kind of resource, by HTTP method.
var methods = map[resource]map[string]handle{
	root:          {http.MethodDelete: (*Service).deleteAll},
	store:         {http.MethodDelete: (*Service).deleteAll},
	infoTimes:     {http.MethodGet: (*Service).getTimes},
	infoCounts:    {http.MethodGet: (*Service).getCounts},
	infoUsage:     {http.MethodGet: (*Service).getUsage},
	infoQuota:     {http.MethodGet: (*Service).getQuota},
	configuration: {http.MethodGet: (*Service).getConfiguration},
	infoEvents:    {http.MethodGet: (*Service).getEvents},
	collection: {
		http.MethodGet:    (*Service).getCollection,
		http.MethodPost:   (*Service).post,
		http.MethodDelete: (*Service).deleteCollection,
	},
	record: {
		http.MethodGet:    (*Service).getRecord,
		http.MethodPut:    (*Service).put,
		http.MethodDelete: (*Service).deleteRecord,
	},
}

func (s *Service) serve(a *answer, r *http.Request) error {
	t, err := parsePath(s.prefix, r.URL.EscapedPath())
	if err != nil {
		return err
	}
	if err := s.authorize(r, t); err != nil {
		return err
	}
	method := r.Method
	if method == http.MethodHead && t.resource != infoEvents {
		method = http.MethodGet
	}
	do := methods[t.resource][method]
	switch {
	case t.resource == infoEvents && s.events == nil:
		return notFound
	case do == nil:
		return notAllowed(t.resource)
	}
	q := &request{Request: r, target: t}
	if q.condition, err = parseCondition(r.Header); err != nil {
		return err
	}
	if q.query, err = parseValues(r.URL.RawQuery); err != nil {
		return err
	}
	if method == http.MethodGet && t.resource != infoEvents {
		if a.lines, err = acceptsLines(r.Header.Values("Accept"), t.resource == collection); err != nil {
			return err
		}
	}
	return do(s, a, q)
}

// authorize fails unless r comes from the user whose storage it names.
func (s *Service) authorize(r *http.Request, t target) error {
	uid, expired, err := s.auth.Authenticate(r)
	switch {
	case errors.Is(err, ErrUnauthorized):
		return unauthorized
	case err != nil:
		return err
	case uid != t.uid:
		return unauthorized
	case expired && (t.resource != infoTimes || r.Method != http.MethodGet):
		return unauthorized
	}
	return nil
}
