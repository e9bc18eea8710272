package syncmanager_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/internal/ece"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server"
)

// pushed is what a push service got for a device.
type pushed struct {
	device string
	body   []byte
}

// pushService is a push service: it has an endpoint for each device, and keeps what the server
// sends there.
func pushService(t *testing.T) (w *testenv.Env, got chan pushed) {
	t.Helper()
	got = make(chan pushed, 100)
	service := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Content-Encoding") != "aes128gcm" {
			t.Errorf("%v, %v", err, r.Header)
		}
		got <- pushed{strings.TrimPrefix(r.URL.Path, "/"), body}
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(service.Close)
	return testenv.New(t, func(c *server.Config) {
		c.Push = &server.Push{Hosts: []string{"example.com"}, Transport: service.Client().Transport}
	}), got
}

// subscribed is a device whose app keeps what others send, and gets push messages.
func subscribed(t *testing.T, w *testenv.Env, name string) (*testenv.Device, *inbox) {
	t.Helper()
	d := w.Device(name, ann)
	in := withInbox(d)
	check(t, d.Account.SetPushSubscription(t.Context(), "https://example.com/"+name))
	d.Sync()
	return d, in
}

// pushKeys are the keys with which a device opens push messages.
func pushKeys(t *testing.T, d *testenv.Device) *ece.Keys {
	t.Helper()
	text, err := json.Marshal(d.Account.Session())
	check(t, err)
	var session struct {
		Push struct{ Private, Auth []byte }
	}
	check(t, json.Unmarshal(text, &session))
	keys, err := ece.NewKeys(session.Push.Private, session.Push.Auth)
	check(t, err)
	return keys
}

// handle passes the next push message to the device that it is for.
func handle(t *testing.T, got chan pushed, d *testenv.Device) (syncmanager.Push, error) {
	t.Helper()
	for {
		if m := <-got; m.device == d.Name {
			return d.Manager.HandlePush(t.Context(), m.body)
		}
	}
}

// What the server sends to the push service of a device reaches its stores.
func TestPushMessages(t *testing.T) {
	t.Parallel()
	w, got := pushService(t)
	b, in := subscribed(t, w, "b")
	a, _ := subscribed(t, w, "a")

	push, err := handle(t, got, b)
	if check(t, err); push.Command != syncmanager.PushDeviceConnected || push.DeviceName != "a" {
		t.Errorf("a device joined: %+v", push)
	}
	push, err = handle(t, got, b)
	if check(t, err); push.Command != syncmanager.PushCollectionChanged || !slices.Equal(push.Collections, []string{"clients"}) ||
		push.Result == nil || len(push.Result.Engines) != 0 {
		t.Errorf("it synced for the first time: %+v", push)
	}

	send(t, a, b, "https://sent.example/")
	push, err = handle(t, got, b)
	if check(t, err); push.Command != syncmanager.PushCommandReceived {
		t.Errorf("a page was sent: %+v", push)
	}
	arrived(t, in, "open https://sent.example/")

	a.Add("https://a.example", "ann", "p")
	a.Sync()
	check(t, a.Account.Notify(t.Context(), []string{"passwords", "bookmarks"}))
	w.Net.Asked()
	push, err = handle(t, got, b)
	if check(t, err); push.Command != syncmanager.PushCollectionChanged || !slices.Equal(push.Collections, []string{"passwords", "bookmarks"}) ||
		push.Result == nil || len(push.Result.Engines) != 1 || push.Result.Engines["passwords"].Applied != 1 || push.Result.Ping.Syncs[0].Why != "push" {
		t.Errorf("a collection changed: %+v", push)
	}
	if len(b.Logins()) != 1 {
		t.Errorf("b has %v", b.Logins())
	}

	// A collection that this app does not have costs no request, and the devices' is looked at
	// without engines.
	check(t, a.Account.Notify(t.Context(), []string{"bookmarks"}))
	w.Net.Asked()
	push, err = handle(t, got, b)
	if check(t, err); push.Result != nil || len(w.Net.Asked()) != 0 {
		t.Errorf("another app's collection: %+v", push)
	}
	check(t, a.Manager.SendCommand(t.Context(), other(t, a), "resetEngine", "passwords"))
	a.Sync()
	before := b.Manager.LastSync()
	push, err = handle(t, got, b)
	if check(t, err); push.Result == nil || len(push.Result.Engines) != 0 || len(push.Result.Commands) != 1 || !b.Manager.LastSync().Equal(before) {
		t.Errorf("a command waits: %+v", push)
	}

	// The list of devices follows who leaves.
	c := w.Device("c", ann)
	c.Sync()
	for range 2 { // it joined, and it synced
		_, err = handle(t, got, b)
		check(t, err)
	}
	b.Sync()
	id := c.Account.DeviceID()
	if n := len(b.Manager.Devices()); n != 3 {
		t.Errorf("b sees %d devices", n)
	}
	check(t, a.Account.Disconnect(t.Context(), account.Device{ID: id}))
	push, err = handle(t, got, b)
	if check(t, err); push.Command != syncmanager.PushDeviceDisconnected || push.DeviceID != id || len(b.Manager.Devices()) != 2 {
		t.Errorf("a device left: %+v, and b sees %v", push, b.Manager.Devices())
	}
}

// A device that another one removes learns it by a push message, and sends nothing more.
func TestPushThatEndsTheSession(t *testing.T) {
	t.Parallel()
	w, got := pushService(t)
	b, _ := subscribed(t, w, "b")
	a := w.Device("a", ann)
	_, err := handle(t, got, b) // a joined
	check(t, err)
	check(t, a.Account.Disconnect(t.Context(), account.Device{ID: b.Account.DeviceID()}))
	push, err := handle(t, got, b)
	if !errors.As(err, new(*syncmanager.AuthError)) || push.DeviceID != b.Account.DeviceID() {
		t.Errorf("%+v, %v", push, err)
	}
	w.Net.Asked()
	if r, err := b.Manager.Sync(t.Context(), syncmanager.Options{}); r.Status != syncmanager.StatusSignInAgain || len(w.Net.Asked()) != 0 {
		t.Errorf("a sync after that: %v", err)
	}
	if err := b.Manager.Run(t.Context(), syncmanager.RunOptions{}); !errors.As(err, new(*syncmanager.AuthError)) {
		t.Errorf("Run ends with %v", err)
	}
	// Signed in again, it subscribes again.
	b.Account = w.SignIn(ann)
	check(t, b.Account.RegisterDevice(t.Context(), "b", "desktop"))
	check(t, b.Account.SetPushSubscription(t.Context(), "https://example.com/b"))
	check(t, b.Manager.SignIn(t.Context(), b.Account))
	check(t, a.Account.Notify(t.Context(), []string{"passwords"}))
	if push, err := handle(t, got, b); err != nil || push.Result == nil {
		t.Errorf("after that: %+v, %v", push, err)
	}
}

// A push message about the end of the session ends Run, too, without waiting for the next sync.
func TestPushEndsRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := testenv.InBubble(t)
		a, b := w.Device("a", ann), w.Device("b", ann)
		check(t, b.Account.SetPushSubscription(t.Context(), "https://example.com/b"))
		ended := make(chan error, 1)
		go func() { ended <- b.Manager.Run(t.Context(), syncmanager.RunOptions{}) }()
		time.Sleep(time.Minute)
		check(t, a.Account.Disconnect(t.Context(), account.Device{ID: b.Account.DeviceID()}))
		body := seal(t, pushKeys(t, b), `{"version":1,"command":"fxaccounts:password_changed"}`)
		if _, err := b.Manager.HandlePush(t.Context(), body); !errors.As(err, new(*syncmanager.AuthError)) {
			t.Errorf("the message: %v", err)
		}
		time.Sleep(time.Minute)
		select {
		case err := <-ended:
			if !errors.As(err, new(*syncmanager.AuthError)) {
				t.Errorf("Run ended with %v", err)
			}
		default:
			t.Error("Run goes on")
		}
	})
}

// seal encrypts a push message.
func seal(t *testing.T, k *ece.Keys, text string) []byte {
	t.Helper()
	r, err := ece.NewReceiver(k.Public(), k.Auth())
	check(t, err)
	body, err := r.Seal([]byte(text), rand.Reader)
	check(t, err)
	return body
}

// A push message is a reason to ask, and not a fact: whoever can send one cannot sign a device
// out. What cannot be read has no effect.
func TestHostilePushMessages(t *testing.T) {
	t.Parallel()
	w, got := pushService(t)
	b, in := subscribed(t, w, "b")
	a := w.Device("a", ann)
	_, err := handle(t, got, b) // a joined
	check(t, err)
	send(t, a, b, "https://sent.example/")
	m := <-got
	other, err := ece.GenerateKeys(rand.Reader)
	check(t, err)
	sealed := func(k *ece.Keys, text string) []byte { return seal(t, k, text) }
	mine := pushKeys(t, b)
	changed := bytes.Clone(m.body)
	changed[len(changed)-1] ^= 1
	w.Net.Asked()
	for name, body := range map[string][]byte{
		"nothing": nil, "text": []byte(`{"command":"fxaccounts:command_received"}`), "cut off": m.body[:len(m.body)-1], "only a header": m.body[:86],
		"changed": changed, "for other keys": sealed(other, `{"command":"fxaccounts:password_reset"}`),
		"longer than a push service delivers": sealed(mine, `{"command":"fxaccounts:password_reset","x":"`+strings.Repeat("x", 4096)+`"}`),
		"huge":                                make([]byte, 50<<20),
		"not JSON":                            sealed(mine, "<html>"), "a list": sealed(mine, "[]"), "without a command": sealed(mine, `{"data":{}}`),
		"a long command":                 sealed(mine, fmt.Sprintf(`{"command":%q}`, strings.Repeat("x", 101))),
		"collections that are a number":  sealed(mine, `{"command":"sync:collection_changed","data":{"collections":7}}`),
		"collections that are not there": sealed(mine, `{"command":"sync:collection_changed"}`),
	} {
		if push, err := b.Manager.HandlePush(t.Context(), body); !errors.Is(err, message.ErrPush) || push.Result != nil {
			t.Errorf("%s: %+v, %v", name, push, err)
		}
	}
	if asked := w.Net.Asked(); len(asked) != 0 {
		t.Errorf("the requests were %v", asked)
	}
	for _, forged := range []string{
		`{"command":"fxaccounts:password_reset"}`, `{"command":"fxaccounts:account_destroyed","data":{"uid":"x"}}`, `{"command":"fxaccounts:password_changed"}`,
		`{"command":"fxaccounts:device_disconnected","data":{"id":"` + b.Account.DeviceID() + `"}}`,
		`{"command":"fxaccounts:profile_updated"}`, `{"command":"fxaccounts:dance","data":[1]}`,
	} {
		_, err := b.Manager.HandlePush(t.Context(), sealed(mine, forged))
		check(t, err)
	}
	b.Sync() // it is still signed in

	// The real one counts, once.
	_, err = b.Manager.HandlePush(t.Context(), m.body)
	check(t, err)
	arrived(t, in, "open https://sent.example/")
	w.Net.Asked()
	if _, err := b.Manager.HandlePush(t.Context(), m.body); !errors.Is(err, message.ErrPush) || !strings.Contains(err.Error(), "came before") || len(w.Net.Asked()) != 0 {
		t.Errorf("replayed: %v", err)
	}
	// After a restart it comes to nothing.
	b.Restart()
	_, err = b.Manager.HandlePush(t.Context(), m.body)
	check(t, err)
	arrived(t, in)

	check(t, b.Manager.Close())
	if _, err := b.Manager.HandlePush(t.Context(), m.body); !errors.Is(err, syncmanager.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
