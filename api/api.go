// Package api is one interface to all of a person's synced data: the verbs of the manager and
// of the engines, as requests and answers in JSON.
//
// [Verbs] is the table of all verbs. It is the only description of them: what package
// [github.com/syncmanager/syncmanager/api/door] serves over HTTP, the OpenAPI document in
// openapi.json and the clients in other languages come from it.
//
//	s, err := api.New(api.Config{Home: home})
//	answer, err := s.Call(ctx, api.All, "bookmarks.add", []byte(`{"title": "Go", "url": "https://go.dev/"}`))
//
// # Requests
//
// A request is one JSON object. A field that the verb does not have, one that is given twice,
// and a value beyond its bound are refused; the [Error] says which. Texts are bounded in
// characters. An absent field of an update is not an edit: the value stays.
//
// # Conflicts
//
// What can be edited has an etag, which changes with each edit, here or by a sync. An update
// or deletion takes the etag that was read, and returns [CodeConflict] if it is another one
// by now: nothing is overwritten that the caller did not see. Etags are valid as long as
// [Config].Key stays the same.
//
// # Streams
//
// Long lists are streams: their items are produced while the caller takes them, and nothing
// in the stores is locked meanwhile. An item that exists all the time comes once.
//
// # Rights
//
// Each call is made with [Rights]. They, and nothing else, decide what it may do.
package api

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/engines/placesfile"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

// Version is the version of the API. It grows with a change that an existing client would not
// survive; new verbs and fields do not change it.
const Version = 1

// Home is the data that a [Service] works on: a manager and its engines. Its methods may be
// called from several goroutines at once. An engine that the home does not have, or that
// cannot be opened, is an error of its method, and the other engines work.
type Home interface {
	Manager(ctx context.Context) (*syncmanager.Manager, error)

	Bookmarks(ctx context.Context) (*bookmarks.Engine, error)
	History(ctx context.Context) (*history.Engine, error)
	// Places is the file that bookmarks and history share.
	Places(ctx context.Context) (placesfile.File, error)
	Passwords(ctx context.Context) (*passwords.Engine, error)
	Tabs(ctx context.Context) (*tabs.Engine, error)
	Addresses(ctx context.Context) (*addresses.Engine, error)
	Cards(ctx context.Context) (*creditcards.Engine, error)
	Forms(ctx context.Context) (*forms.Engine, error)
	Prefs(ctx context.Context) (*prefs.Engine, error)
	Addons(ctx context.Context) (*addons.Engine, error)
	ExtensionStorage(ctx context.Context) (*extstorage.Engine, error)

	// Sync is the manager's Sync, with what the home does around it.
	Sync(ctx context.Context, o syncmanager.Options) (syncmanager.Result, error)
	// RenameDevice renames this device.
	RenameDevice(ctx context.Context, name string) error
	// Forget signs another device out of the account.
	Forget(ctx context.Context, d engine.Device) error
	// SendTab sends a page to another device.
	SendTab(ctx context.Context, d engine.Device, page message.Tab) error
	// Received lists the pages that other devices sent, in the order of their arrival.
	Received(ctx context.Context) ([]ReceivedPage, error)
	// ClearReceived deletes these pages.
	ClearReceived(ctx context.Context) error
	// SignedIn reports whether the home has an account.
	SignedIn() bool
	// Version is the version of the program.
	Version() string
}

// Config configures a Service. Home must be set.
type Config struct {
	Home Home
	// Timeline keeps the results of syncs. Nil: the service does, until the program ends.
	Timeline Timeline
	// Events receives what the service has to tell. Nil: a new one.
	Events *Events
	// Key makes etags, so that they say nothing about what they stand for. Zero: a random
	// one, and etags end with the service.
	Key [32]byte
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Rand is a source of secure random bytes. Nil: crypto/rand.
	Rand io.Reader
}

// Service runs verbs on a home. It is safe for concurrent use.
type Service struct {
	home   Home
	events *Events
	key    [32]byte
	now    func() time.Time

	timeline Timeline
}

// New returns a service.
func New(c Config) (*Service, error) {
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // here the app's real clock comes in
	}
	if c.Rand == nil {
		c.Rand = rand.Reader //nolint:forbidigo // and its real randomness
	}
	if c.Events == nil {
		c.Events = NewEvents(c.Rand)
	}
	if c.Key == [32]byte{} {
		if _, err := io.ReadFull(c.Rand, c.Key[:]); err != nil {
			return nil, fmt.Errorf("cannot make a key for etags: %w", err)
		}
	}
	if c.Timeline == nil {
		c.Timeline = new(memory)
	}
	return &Service{home: c.Home, events: c.Events, key: c.Key, now: c.Now, timeline: c.Timeline}, nil
}

// Events are what the service tells: syncs, changes and pages of other devices.
func (s *Service) Events() *Events { return s.events }

// Answer is what a verb answers: Value, or for a verb with [Verb].Stream, Items.
type Answer struct {
	// Value is of the type [Verb].Answer.
	Value any
	// Items yields values of that type. Not looping over it has no effect.
	Items iter.Seq2[any, error]
}

// Call runs a verb. request is its request in JSON; empty means {}. The error, and those that
// Items yields, are of type *[Error].
func (s *Service) Call(ctx context.Context, r Rights, verb string, request []byte) (Answer, error) {
	v, err := Lookup(verb)
	if err != nil {
		return Answer{}, err
	}
	if err := r.permit(v); err != nil {
		return Answer{}, err
	}
	if len(request) > v.MaxRequest {
		return Answer{}, &Error{Code: CodeTooLarge, Message: fmt.Sprintf("the request has more than %d bytes", v.MaxRequest)}
	}
	answer, err := v.run(ctx, &call{Service: s, rights: r}, request)
	return answer, asError(err)
}

// Watch reports the results of syncs and the changes of engines as events, until ctx ends. A
// service has results to show while one Watch runs. After a sign-in it goes on with the home's
// new manager. It returns the cause of ctx's end, [syncmanager.ErrClosed] if the manager was
// closed and there is no other, or an error of the home.
func (s *Service) Watch(ctx context.Context) error {
	var before *syncmanager.Manager
	for {
		m, err := s.home.Manager(ctx)
		switch {
		case err != nil:
			return err
		case m == before:
			return syncmanager.ErrClosed
		}
		s.watch(ctx, m)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		before = m
	}
}

// watch is Watch of one manager, until it is closed.
func (s *Service) watch(ctx context.Context, m *syncmanager.Manager) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var changes sync.WaitGroup
	changes.Go(func() {
		for names := range m.WatchChanges(ctx) {
			for _, name := range names {
				s.events.changed(Changed{Engine: name, By: ByUser})
			}
		}
	})
	for r := range m.Watch(ctx) {
		s.ended(r)
	}
	cancel()
	changes.Wait()
}

// ended notes and reports a sync that ended.
func (s *Service) ended(r syncmanager.Result) {
	result := ResultOf(r, s.now())
	s.timeline.Add(result)
	s.events.ended(result)
}

// call is what a verb works with.
type call struct {
	*Service
	rights Rights
}

// etag names a state of an item. It is keyed, since the state may hold a secret that the
// caller is not allowed to see.
func (s *Service) etag(collection string, state any) (string, error) {
	raw, err := json.Marshal(state)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, s.key[:])
	_, _ = io.WriteString(mac, collection+"\x00") // a hash never fails
	_, _ = mac.Write(raw)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:15]), nil
}

// matches returns an error unless etag is that of state.
func (s *Service) matches(etag, collection string, state any) error {
	now, err := s.etag(collection, state)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(etag), []byte(now)) {
		return errConflict
	}
	return nil
}

var errConflict = errors.New("it was changed since it was read; read it again, and decide anew")
