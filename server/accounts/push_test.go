package accounts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/push"
)

// outbox keeps push messages inside the test.
type outbox struct {
	messages []push.Message
	err      error
}

func (o *outbox) Send(_ context.Context, m push.Message) error {
	if o.err == nil {
		o.messages = append(o.messages, m)
	}
	return o.err
}

// take empties the outbox, and returns each message as "device command data".
func (o *outbox) take(t *testing.T) string {
	t.Helper()
	var lines []string
	for _, m := range o.messages {
		var p struct {
			Version int
			Command string
			Data    map[string]any
		}
		if err := json.Unmarshal(m.Payload, &p); err != nil || p.Version != 1 {
			t.Errorf("payload %s: %v", m.Payload, err)
		}
		lines = append(lines, fmt.Sprint(strings.TrimPrefix(m.To.Endpoint, "https://push.example.com/"), " ", p.Command, " ", p.Data, " ", m.TTL))
	}
	o.messages = nil
	return strings.Join(lines, "\n")
}

func (o *outbox) want(t *testing.T, lines ...string) {
	t.Helper()
	if got := o.take(t); got != strings.Join(lines, "\n") {
		t.Errorf("messages:\n%s\nwant:\n%s", got, strings.Join(lines, "\n"))
	}
}

func newPushEnv(t *testing.T) (*env, *outbox) {
	t.Helper()
	box := &outbox{}
	return newEnv(t, func(c *accounts.Config) { c.Push = box }), box
}

// subscribe registers a device that receives push messages, under its name.
func (w *env) subscribe(s signer, name string) string {
	w.t.Helper()
	return w.post("/auth/v1/account/device", s, map[string]any{
		"name": name, "type": "desktop", "availableCommands": map[string]string{sendTab: "bundle"},
		"pushCallback": "https://push.example.com/" + name, "pushPublicKey": "public", "pushAuthKey": "auth",
	}).text("id")
}

const notifyPath = "/auth/v1/account/devices/notify"

func TestPushToDevices(t *testing.T) {
	t.Parallel()
	w, box := newPushEnv(t)
	token := w.signUp(email)
	a, b := w.session(token), w.session(w.signIn(email, password).text("sessionToken"))
	idA := w.subscribe(a, "desk")
	box.want(t)
	idB := w.subscribe(b, "lap")
	box.want(t, "desk fxaccounts:device_connected map[deviceName:lap] 0s")
	w.subscribe(b, "lap") // it is known by now
	w.register(w.session(w.signIn(email, password).text("sessionToken")), "deaf")
	box.want(t, "desk fxaccounts:device_connected map[deviceName:deaf] 0s", "lap fxaccounts:device_connected map[deviceName:deaf] 0s")
	// Another account's device receives none of these messages.
	w.subscribe(w.session(w.signUp("bob@example.org")), "bob")

	f := w.post("/auth/v1/account/devices/invoke_command", a, map[string]any{"target": idB, "command": sendTab, "payload": 1, "ttl": 60}).ok()
	if f["notified"] != true || f["notifyError"] != nil {
		t.Errorf("the sender of a command reads %v", f)
	}
	where := root + "/auth/v1/account/device/commands?index=1&limit=1"
	box.want(t, fmt.Sprintf("lap fxaccounts:command_received map[command:%s index:1 sender:%s url:%s] 1m0s", sendTab, idA, where))
	at, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.get(at.RequestURI(), b).ok()["messages"].([]any); len(got) != 1 {
		t.Errorf("the command that it names: %v", got)
	}

	changed := `"payload":{"version":1,"command":"sync:collection_changed","data":{"collections":["clients"]}}`
	w.post(notifyPath, a, `{"to":"all","excluded":["`+idA+`"],"TTL":90,`+changed+`}`).ok()
	box.want(t, "lap sync:collection_changed map[collections:[clients]] 1m30s")
	w.post(notifyPath, b, `{"to":["`+idA+`"],"TTL":1e300,`+changed+`}`).ok()
	box.want(t, "desk sync:collection_changed map[collections:[clients]] 672h0m0s")
	w.post("/profile/v1/display_name", bearer(w.access(token, "profile:write")), map[string]string{"displayName": "Ann"}).ok()
	box.want(t, "desk fxaccounts:profile_updated map[] 0s", "lap fxaccounts:profile_updated map[] 0s")
	w.post("/auth/v1/account/device/destroy", a, map[string]string{"id": "00000000000000000000000000000000"}).refused(400, 123)
	box.want(t)
	w.post("/auth/v1/account/device/destroy", a, map[string]string{"id": idB}).ok()
	gone := "fxaccounts:device_disconnected map[id:" + idB + "] 6h0m0s"
	box.want(t, "desk "+gone, "lap "+gone)
}

// Devices that are signed out are notified of the end of their session.
func TestPushGoodbye(t *testing.T) {
	t.Parallel()
	w, box := newPushEnv(t)
	w.subscribe(w.session(w.signUp(email)), "desk")
	started := w.post("/auth/v1/password/change/start", nil, map[string]string{"email": email, "oldAuthPW": authPW(email, password)})
	change := w.hawk(onepw.PasswordChangeToken(w.raw(started.text("passwordChangeToken"))))
	next := map[string]string{"authPW": strings.Repeat("11", 32), "wrapKb": strings.Repeat("22", 32)}
	w.post("/auth/v1/password/change/finish", change, map[string]string{}).refused(400, 108)
	box.want(t)
	s := w.session(w.post("/auth/v1/password/change/finish", change, next).text("sessionToken"))
	box.want(t, "desk fxaccounts:password_changed map[] 6h0m0s")

	w.subscribe(s, "desk")
	w.post("/auth/v1/session/reauth", s, map[string]string{"email": email, "authPW": strings.Repeat("11", 32)}).ok()
	w.storeRecoveryKey(s).ok()
	reset := w.hawk(onepw.AccountResetToken(w.raw(w.recover(email, recoveryID, "").text("accountResetToken"))))
	s = w.session(w.post("/auth/v1/account/reset", reset, next).text("sessionToken"))
	box.want(t, "desk fxaccounts:password_reset map[] 6h0m0s")

	w.subscribe(s, "desk")
	uid := w.get("/auth/v1/session/status", s).text("uid")
	w.post("/auth/v1/account/destroy", s, map[string]string{"email": email, "authPW": strings.Repeat("11", 32)}).ok()
	box.want(t, "desk fxaccounts:account_destroyed map[uid:"+uid+"] 6h0m0s")
}

// A device may say that there is something to sync; it cannot send the server's own messages.
func TestPushForgery(t *testing.T) {
	t.Parallel()
	w, box := newPushEnv(t)
	s := w.session(w.signUp(email))
	w.subscribe(s, "desk")
	for _, payload := range []string{
		`{"version":1,"command":"fxaccounts:account_destroyed","data":{"uid":"x"}}`,
		`{"version":1,"command":"fxaccounts:account_destroyed","Command":"sync:x"}`,
		`{"command":1}`, `{}`, `[]`, `"sync:x"`, `null`,
	} {
		w.post(notifyPath, s, `{"to":"all","payload":`+payload+`}`).ok()
	}
	box.want(t)
}

func TestPushEndpointExpired(t *testing.T) {
	t.Parallel()
	w, box := newPushEnv(t)
	s := w.session(w.signUp(email))
	id := w.subscribe(s, "desk")
	wake := func() {
		t.Helper()
		w.post(notifyPath, s, `{"to":"all","payload":{"version":1,"command":"sync:x"}}`).ok()
	}
	expired := func(want bool) {
		t.Helper()
		if d := w.get("/auth/v1/account/devices", s).list()[0]; d["pushEndpointExpired"] != want {
			t.Errorf("expired: %v, want %v", d["pushEndpointExpired"], want)
		}
	}
	wake()
	expired(false)
	first := box.messages[0]
	w.PushExpired(t.Context(), first)
	expired(true)
	box.take(t)
	wake()
	box.want(t) // it is not asked again
	w.post("/auth/v1/account/device", s, map[string]any{"id": id, "name": "table"}).ok()
	expired(true)
	w.post("/auth/v1/account/device", s, map[string]any{"id": id, "pushCallback": "https://push.example.com/new"}).ok()
	expired(false)
	w.PushExpired(t.Context(), first) // a late report on the old one
	expired(false)
	wake()
	box.want(t, "new sync:x map[] 0s")
}

// A request succeeds even if the message about it fails.
func TestPushFails(t *testing.T) {
	t.Parallel()
	w, box := newPushEnv(t)
	s := w.session(w.signUp(email))
	id := w.subscribe(s, "desk")
	for _, box.err = range []error{push.ErrHost, push.ErrKeys, push.ErrTooLong, push.ErrBusy, push.ErrClosed} {
		f := w.post("/auth/v1/account/devices/invoke_command", s, map[string]any{"target": id, "command": sendTab, "payload": 1}).ok()
		if f["enqueued"] != true || f["notified"] != false || f["notifyError"] == nil {
			t.Errorf("%v: %v", box.err, f)
		}
	}
	if log := w.log.String(); strings.Contains(log, "push.example.com") || !strings.Contains(log, push.ErrBusy.Error()) {
		t.Errorf("the log: %s", log)
	}
}

// One account cannot use up the capacity of the sender.
func TestPushLimit(t *testing.T) {
	t.Parallel()
	w, box := newPushEnv(t)
	s, bob := w.session(w.signUp(email)), w.session(w.signUp("bob@example.org"))
	w.subscribe(s, "desk")
	w.subscribe(bob, "bob")
	const wake = `{"to":"all","payload":{"version":1,"command":"sync:x"}}`
	for range 1001 {
		w.post(notifyPath, s, wake).ok()
	}
	if n := len(box.messages); n != 1000 {
		t.Errorf("%d messages were sent", n)
	}
	box.take(t)
	w.post(notifyPath, bob, wake).ok()
	box.want(t, "bob sync:x map[] 0s")
	w.clock.Pass(15 * time.Minute)
	w.post(notifyPath, s, wake).ok()
	box.want(t, "desk sync:x map[] 0s")
}
