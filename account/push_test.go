package account_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/ece"
	"github.com/syncmanager/syncmanager/server"
)

// pushEnv is an env whose server sends to a push service, which answers with code.
func pushEnv(t *testing.T, code int) (w *env, endpoints chan string) {
	t.Helper()
	endpoints = make(chan string, 100)
	service := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		endpoints <- r.URL.Path
	}))
	t.Cleanup(service.Close)
	return newEnv(t, func(c *server.Config) {
		c.Push = &server.Push{Hosts: []string{"example.com"}, Transport: service.Client().Transport}
	}), endpoints
}

func TestWhatIsNoSubscription(t *testing.T) {
	t.Parallel()
	w, _ := pushEnv(t, http.StatusCreated)
	a := w.create()
	if err := a.SetPushSubscription(t.Context(), "https://example.com/a"); !errors.Is(err, account.ErrNotRegistered) {
		t.Errorf("of a device that is not registered: %v", err)
	}
	if err := a.RegisterDevice(t.Context(), "desk", "desktop"); err != nil {
		t.Fatal(err)
	}
	before := a.Requests()
	for _, endpoint := range []string{"http://example.com/a", "example.com", "https:", "https://me:secret@example.com/", "https:///a", "https://example.com/" + strings.Repeat("x", 255), "\n"} {
		if err := a.SetPushSubscription(t.Context(), endpoint); !errors.Is(err, account.ErrEndpoint) || strings.Contains(err.Error(), "example.com") {
			t.Errorf("%.30q: %v", endpoint, err)
		}
	}
	if _, _, err := a.OpenPush([]byte("x")); !errors.Is(err, account.ErrPush) || !strings.Contains(err.Error(), "no push subscription") {
		t.Errorf("a message without a subscription: %v", err)
	}
	if a.Requests() != before {
		t.Errorf("%d requests", a.Requests()-before)
	}
}

// The subscription outlives the process, follows the endpoint, and ends.
func TestPushSubscription(t *testing.T) {
	t.Parallel()
	w, endpoints := pushEnv(t, http.StatusCreated)
	a, b, _ := two(t, w)
	notified := func() (to []string) {
		t.Helper()
		if err := a.Notify(t.Context(), []string{"tabs"}); err != nil {
			t.Fatal(err)
		}
		return append(to, <-endpoints)
	}
	for _, endpoint := range []string{"/1", "/2"} {
		if err := b.SetPushSubscription(t.Context(), "https://example.com"+endpoint); err != nil {
			t.Fatal(err)
		}
		if to := notified(); len(to) != 1 || to[0] != endpoint {
			t.Errorf("the server sent to %v, want %s", to, endpoint)
		}
	}
	b = w.client(nil).Resume(b.Session())
	if err := b.SetPushSubscription(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if s := b.Session(); s.Kept().Push != nil {
		t.Error("the keys are kept after the end of the subscription")
	}
	if err := a.Notify(t.Context(), []string{"tabs"}); err != nil {
		t.Fatal(err)
	}
	if err := b.SetPushSubscription(t.Context(), "https://example.com/3"); err != nil {
		t.Fatal(err)
	}
	if to := notified(); to[0] != "/3" || len(endpoints) != 0 {
		t.Errorf("after its end, the server sent to %v", to)
	}
}

// A subscription that the push service ended is seen in the list of devices.
func TestPushSubscriptionThatExpired(t *testing.T) {
	t.Parallel()
	w, endpoints := pushEnv(t, http.StatusGone)
	a, b, _ := two(t, w)
	if err := b.SetPushSubscription(t.Context(), "https://example.com/b"); err != nil {
		t.Fatal(err)
	}
	if other(t, a).PushExpired {
		t.Error("it expired before a message")
	}
	if err := a.Notify(t.Context(), []string{"tabs"}); err != nil {
		t.Fatal(err)
	}
	<-endpoints
	// The server notes it after the answer.
	for tries := 0; !other(t, a).PushExpired; tries++ {
		if tries == 1000 {
			t.Fatal("it is not marked")
		}
	}
	if err := b.SetPushSubscription(t.Context(), "https://example.com/b"); err != nil {
		t.Fatal(err)
	}
	if other(t, a).PushExpired {
		t.Error("it is expired after a new subscription")
	}
}

// A device whose entry is gone registers with all that it had, whatever it changes.
func TestRegisteredAgainAfterARemoval(t *testing.T) {
	t.Parallel()
	w, endpoints := pushEnv(t, http.StatusCreated)
	a, b, _ := two(t, w)
	if err := b.SetPushSubscription(t.Context(), "https://example.com/b"); err != nil {
		t.Fatal(err)
	}
	had, s := b.Session(), w.login().Session()
	s.Kept().DeviceID, s.Kept().Commands, s.Kept().Push = strings.Repeat("0", 32), had.Kept().Commands, had.Kept().Push
	c := w.client(nil).Resume(s)
	if err := b.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.RenameDevice(t.Context(), "renamed"); err != nil {
		t.Fatal(err)
	}
	if d := other(t, a); d.Name != "renamed" || !d.TakesTabs {
		t.Errorf("a sees %+v", d)
	}
	if err := a.Notify(t.Context(), []string{"tabs"}); err != nil {
		t.Fatal(err)
	}
	<-endpoints
}

// Whatever somebody encrypts for this device is a message with a command, or refused.
func FuzzOpenPush(f *testing.F) {
	for _, text := range []string{`{"version":1,"command":"fxaccounts:command_received","data":{"index":1}}`, `{"command":""}`, `{"command":{}}`, "[]", ""} {
		f.Add([]byte(text))
	}
	k, err := ece.GenerateKeys(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	to, err := ece.NewReceiver(k.Public(), k.Auth())
	if err != nil {
		f.Fatal(err)
	}
	c, err := account.New(account.Config{Server: root})
	if err != nil {
		f.Fatal(err)
	}
	var s account.Session
	text, err := json.Marshal(map[string]any{"push": map[string]any{"private": k.Private(), "auth": k.Auth()}})
	if err != nil {
		f.Fatal(err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		f.Fatal(err)
	}
	a := c.Resume(s)
	f.Fuzz(func(t *testing.T, text []byte) {
		body, err := to.Seal(text, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		command, data, err := a.OpenPush(body)
		if err != nil && (!errors.Is(err, account.ErrPush) || command != "" || data != nil) || err == nil && (command == "" || len(command) > 100) {
			t.Errorf("%.100q %.100q %v", command, data, err)
		}
	})
}
