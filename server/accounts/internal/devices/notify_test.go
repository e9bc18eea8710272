package devices

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store/sqlstore"
	"github.com/syncmanager/syncmanager/server/push"
)

// env is a Notifier on an empty store, whose messages stay in the test.
type env struct {
	*Notifier
	t    *testing.T
	db   store.Store
	now  time.Time
	sent []push.Message
	err  error // of sending
	log  strings.Builder
}

func newEnv(t *testing.T) *env {
	t.Helper()
	db, err := sqlstore.OpenFile(t.Context(), filepath.Join(t.TempDir(), "accounts.sqlite"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	e := &env{t: t, db: db, now: time.Unix(1_795_372_558, 0)}
	e.Notifier = NewNotifier(Config{
		Store: db, Push: pusher{e}, Window: time.Hour, Now: func() time.Time { return e.now },
		Log: slog.New(slog.NewTextHandler(&e.log, nil)),
	})
	for _, uid := range []string{"alice", "bob"} {
		e.change(func(tx store.Tx) error {
			_, err := tx.AddAccount(&store.Account{UID: uid, Email: uid, Key: uid, Confirmed: true, Salt: []byte{1}, KA: []byte{1},
				V1: store.Password{Hash: []byte{1}, WrapWrapKB: []byte{1}}})
			return err
		})
	}
	return e
}

// pusher keeps an env's messages.
type pusher struct{ *env }

func (p pusher) Send(_ context.Context, m push.Message) error {
	if p.err == nil {
		p.sent = append(p.sent, m)
	}
	return p.err
}

func (e *env) change(f func(store.Tx) error) {
	e.t.Helper()
	if err := e.db.Update(e.t.Context(), "", f); err != nil {
		e.t.Fatal(err)
	}
}

// device adds a device that subscribed at a callback; "": it did not.
func (e *env) device(uid, id, callback string) {
	e.t.Helper()
	e.change(func(tx store.Tx) error {
		session := []byte("session of " + id)
		key := "key of " + id
		if err := errors.Join(
			tx.AddToken(&store.Token{Hash: session, Kind: store.Session, UID: uid, SealedKey: []byte{1}, Verified: true}),
			tx.AddDevice(&store.Device{ID: id, UID: uid, Session: session, Name: id, Type: "desktop", Commands: "{}"}),
		); err != nil {
			return err
		}
		_, err := tx.ChangeDevice(uid, id, store.DeviceChange{PushCallback: &callback, PushPublicKey: &key, PushAuthKey: &key})
		return err
	})
}

// heard returns the names of the devices of listeners.
func heard(all []Listener) (ids []string) {
	for _, l := range all {
		ids = append(ids, l.device)
	}
	return ids
}

// A device hears messages while its subscription lasts, and those of its account alone.
func TestListeners(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.device("alice", "desk", "https://push.example.com/desk")
	e.device("alice", "deaf", "")
	e.device("alice", "lap", "https://push.example.com/lap")
	e.device("bob", "other", "https://push.example.com/other")
	if got := heard(e.Listeners(t.Context(), "alice", Every)); !slices.Equal(got, []string{"desk", "lap"}) {
		t.Errorf("listeners: %v", got)
	}
	if got := heard(e.Listeners(t.Context(), "alice", func(id string) bool { return id != "desk" })); !slices.Equal(got, []string{"lap"}) {
		t.Errorf("listeners but one: %v", got)
	}

	// When the push service says that a subscription ended, only that subscription is marked.
	if n := e.Tell(t.Context(), e.Listeners(t.Context(), "alice", Every), ProfileUpdated); n != 2 {
		t.Fatalf("%d messages, want 2", n)
	}
	again := "https://push.example.com/again"
	e.change(func(tx store.Tx) error {
		_, err := tx.ChangeDevice("alice", "lap", store.DeviceChange{PushCallback: &again})
		return err
	})
	for _, m := range e.sent {
		e.Expired(t.Context(), m)
	}
	if got := heard(e.Listeners(t.Context(), "alice", Every)); !slices.Equal(got, []string{"lap"}) {
		t.Errorf("listeners after both old subscriptions ended: %v", got)
	}

	silent := NewNotifier(Config{Store: e.db, Log: slog.New(slog.DiscardHandler)})
	if got := silent.Listeners(t.Context(), "alice", Every); got != nil {
		t.Errorf("listeners without push: %v", got)
	}
}

// This is what Firefox reads in each message.
func TestNews(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.device("alice", "desk", "https://push.example.com/desk")
	to := e.Listeners(t.Context(), "alice", Every)
	for _, c := range []struct {
		news    News
		payload string
		ttl     time.Duration
	}{
		{ProfileUpdated, `{"command":"fxaccounts:profile_updated","version":1}`, 0},
		{PasswordChanged, `{"command":"fxaccounts:password_changed","version":1}`, goodbyeLife},
		{PasswordReset, `{"command":"fxaccounts:password_reset","version":1}`, goodbyeLife},
		{Connected("lap"), `{"command":"fxaccounts:device_connected","data":{"deviceName":"lap"},"version":1}`, 0},
		{Disconnected("1"), `{"command":"fxaccounts:device_disconnected","data":{"id":"1"},"version":1}`, goodbyeLife},
		{AccountDestroyed("alice"), `{"command":"fxaccounts:account_destroyed","data":{"uid":"alice"},"version":1}`, goodbyeLife},
		{CommandReceived("https://x", "send", 7, "1", time.Minute),
			`{"command":"fxaccounts:command_received","data":{"command":"send","index":7,"sender":"1",` +
				`"url":"https://x/auth/v1/account/device/commands?index=7\u0026limit=1"},"version":1}`, time.Minute},
	} {
		e.sent = nil
		if n := e.Tell(t.Context(), to, c.news); n != 1 {
			t.Fatalf("%s: %d messages", c.payload, n)
		}
		m := e.sent[0]
		if string(m.Payload) != c.payload || m.TTL != c.ttl {
			t.Errorf("%s for %v, want %s for %v", m.Payload, m.TTL, c.payload, c.ttl)
		}
		want := push.Subscription{Endpoint: "https://push.example.com/desk", PublicKey: "key of desk", AuthKey: "key of desk"}
		if m.To != want {
			t.Errorf("sent to %+v", m.To)
		}
	}
}

// One account cannot use up the sender's capacity, or keep another account from it.
func TestFlood(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.device("alice", "desk", "https://push.example.com/desk")
	e.device("bob", "other", "https://push.example.com/other")
	alice, bob := e.Listeners(t.Context(), "alice", Every), e.Listeners(t.Context(), "bob", Every)
	flood := func() (sent int) {
		for range maxPushes + 5 {
			sent += e.Tell(t.Context(), alice, ProfileUpdated)
		}
		return sent
	}
	if n := flood(); n != maxPushes {
		t.Errorf("%d messages, want %d", n, maxPushes)
	}
	if n := e.Tell(t.Context(), bob, ProfileUpdated); n != 1 {
		t.Error("another account's message was refused")
	}
	e.now = e.now.Add(time.Hour)
	if n := flood(); n != maxPushes {
		t.Errorf("in the next hour: %d messages, want %d", n, maxPushes)
	}
}

// A message that cannot be sent is logged as a warning, unless the device is the cause.
func TestSendFails(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.device("alice", "desk", "https://push.example.com/desk")
	to := e.Listeners(t.Context(), "alice", Every)
	for err, loud := range map[error]bool{
		push.ErrHost: false, push.ErrKeys: false, push.ErrTooLong: false, errors.New("the queue is full"): true,
	} {
		e.log.Reset()
		e.err = fmt.Errorf("send: %w", err)
		if n := e.Tell(t.Context(), to, ProfileUpdated); n != 0 {
			t.Errorf("%v: %d messages are on their way", err, n)
		}
		if got := strings.Contains(e.log.String(), "level=WARN"); got != loud {
			t.Errorf("%v: log %q", err, e.log.String())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := e.Listeners(ctx, "alice", Every); got != nil || !strings.Contains(e.log.String(), "level=ERROR") {
		t.Errorf("with a database that fails: %v, log %q", got, e.log.String())
	}
}
