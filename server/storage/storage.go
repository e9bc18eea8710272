// Package storage is the storage service of Sync 1.5: the whole SyncStorage API
// 1.5 over HTTP, on a [Backend] that keeps the records.
//
// A write is in force, durably, when its answer leaves; it checks
// X-If-Unmodified-Since and takes effect in one atomic step. The times that a
// user sees only ever grow, also when the server's clock does not.
//
// The package trusts nothing that a client sends: bodies are bounded before they
// are read, parsed without building trees, and paths are taken apart as they
// came, since IDs hold slashes and more. So the handler must not stand behind
// http.ServeMux, which would redirect such paths.
package storage

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

// Authenticator tells whose request it is.
type Authenticator interface {
	// Authenticate returns the user that r proves to come from, and whether the
	// proof has expired; such a one still reads info/collections. An error that
	// wraps ErrUnauthorized means that there is no valid proof; any other, that it
	// could not be found out. If the proof covers the body, it replaces the body by one
	// that ends with hawk.ErrPayload where that is another.
	Authenticate(r *http.Request) (uid int64, expired bool, err error)
}

// ErrUnauthorized means that a request does not prove whose it is.
var ErrUnauthorized = errors.New("not authorized")

// Config is what a Service needs.
type Config struct {
	// Backend keeps the records. Its owner purges it now and then, and closes it: requests that come
	// later are answered with 503.
	Backend Backend

	// Prefix is what stands before "/1.5/<uid>" in the path: "/storage".
	Prefix string
	// Auth tells whose request it is.
	Auth Authenticator
	// Now is the clock.
	Now func() time.Time
	// Rand makes the names of batches.
	Rand io.Reader
	// Log hears of failures that are the server's; nil: nobody does.
	Log *slog.Logger
	// Limits bound what a client may send. A zero takes the value of
	// bso.DefaultLimits.
	Limits bso.Limits
	// Full, if set, reports that the disk has no room for more than what must go on:
	// nothing is stored then, but read and deleted.
	Full func() bool
	// BatchRoom, if set, is how many bytes the batches of all users may take together
	// while they wait for their commit.
	BatchRoom func() int64
	// MaxBatches bounds their number; 0: 4096.
	MaxBatches int
	// Quota is how many bytes a user may store, as Usage counts them; 0: no quota.
	Quota int64
	// QuotaOf, if set, says what a user may store in place of Quota.
	QuotaOf func(ctx context.Context, uid int64) (int64, error)
}

// Service is the storage service, as an http.Handler.
type Service struct {
	backend Backend
	prefix  string
	auth    Authenticator
	now     func() time.Time
	rand    io.Reader
	log     *slog.Logger
	limits  bso.Limits
	quota   func(ctx context.Context, uid int64) (int64, error)
	full    func() bool
	waiting *waiting
	config  []byte // the body of info/configuration
}

// New makes a Service.
func New(c Config) *Service {
	s := &Service{
		backend: c.Backend,
		prefix:  c.Prefix,
		auth:    c.Auth,
		now:     c.Now,
		rand:    c.Rand,
		log:     c.Log,
		limits:  withDefaults(c.Limits),
		quota:   c.QuotaOf,
		full:    c.Full,
	}
	s.waiting = newWaiting(c.MaxBatches, c.BatchRoom, c.Now)
	if s.full == nil {
		s.full = func() bool { return false }
	}
	if s.quota == nil {
		s.quota = func(context.Context, int64) (int64, error) { return c.Quota, nil }
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

// DeleteUser removes all that is kept of a user, for an account that ends.
func (s *Service) DeleteUser(ctx context.Context, uid int64) error {
	s.waiting.forget(uid, "")
	return s.backend.Delete(ctx, uid)
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{w: w, started: bso.TimestampOf(s.now())}
	if err := s.serve(a, r); err != nil {
		s.fail(a, r, err)
	}
}

// handle is a method of a resource.
type handle func(*Service, *answer, *request) error

// methods are what each kind of resource can do.
var methods = map[resource]map[string]handle{
	root:          {http.MethodDelete: (*Service).deleteAll},
	store:         {http.MethodDelete: (*Service).deleteAll},
	infoTimes:     {http.MethodGet: (*Service).getTimes},
	infoCounts:    {http.MethodGet: (*Service).getCounts},
	infoUsage:     {http.MethodGet: (*Service).getUsage},
	infoQuota:     {http.MethodGet: (*Service).getQuota},
	configuration: {http.MethodGet: (*Service).getConfiguration},
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
	if method == http.MethodHead {
		method = http.MethodGet
	}
	do := methods[t.resource][method]
	if do == nil {
		return notAllowed(t.resource)
	}
	q := &request{Request: r, target: t}
	if q.condition, err = parseCondition(r.Header); err != nil {
		return err
	}
	if q.query, err = parseValues(r.URL.RawQuery); err != nil {
		return err
	}
	if method == http.MethodGet {
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
