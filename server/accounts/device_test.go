package accounts_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

func withETag(sign signer, etag string) signer {
	return func(r *http.Request, body []byte) {
		sign(r, body)
		r.Header.Set("If-None-Match", etag)
	}
}

// list reads an answer that is an array.
func (a answer) list() []map[string]any {
	a.t.Helper()
	a.ok()
	var out []map[string]any
	if err := json.Unmarshal(a.Body.Bytes(), &out); err != nil {
		a.t.Fatal(err)
	}
	return out
}

const sendTab = "https://identity.mozilla.com/cmd/open-uri"

func (w *env) register(s signer, name string) string {
	w.t.Helper()
	return w.post("/auth/v1/account/device", s, map[string]any{
		"name": name, "type": "desktop", "availableCommands": map[string]string{sendTab: "bundle of " + name},
	}).text("id")
}

func TestDevices(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.session(w.signUp(email))
	b := w.session(w.signIn(email, password).text("sessionToken"))
	idA, idB := w.register(a, "desk"), w.register(b, "\u2019s lap")
	f := w.post("/auth/v1/account/device", a, map[string]any{"id": idA, "name": "table"}).ok()
	if f["id"] != idA || f["name"] != "table" || fmt.Sprint(f["availableCommands"]) != "map["+sendTab+":bundle of desk]" {
		t.Errorf("renamed: %v", f)
	}
	list := w.get("/auth/v1/account/devices", b).list()
	if len(list) != 2 || list[0]["id"] != idA || list[0]["isCurrentDevice"] != false || list[1]["isCurrentDevice"] != true {
		t.Errorf("devices: %v", list)
	}
	if _, there := list[0]["pushCallback"]; there {
		t.Error("pushCallback is there without a subscription")
	}
	if f := w.post("/auth/v1/account/device", a, map[string]any{"id": idB, "name": "x"}).refused(400, 124); f["deviceId"] != idA {
		t.Errorf("conflict: %v", f)
	}
	c := w.session(w.signIn(email, password).text("sessionToken"))
	w.post("/auth/v1/account/device", c, map[string]any{"id": idB, "name": "x"}).refused(400, 123)
	for name, in := range map[string]map[string]any{
		"id": {"id": "xx"}, "name": {"name": ""}, "control": {"name": "a\nb"}, "long": {"name": strings.Repeat("x", 256)},
		"type": {"type": strings.Repeat("x", 17)}, "push": {"pushCallback": "http://x"}, "key": {"pushAuthKey": strings.Repeat("x", 129)},
	} {
		if got := w.post("/auth/v1/account/device", c, in); got.fields["errno"] != 107.0 {
			t.Errorf("%s: %s", name, got.Body)
		}
	}
	// Another account does not see it.
	bob := w.session(w.signUp("bob@example.org"))
	if list := w.get("/auth/v1/account/devices", bob).list(); len(list) != 0 {
		t.Errorf("bob's devices: %v", list)
	}
	w.post("/auth/v1/account/device/destroy", bob, map[string]string{"id": idA}).refused(400, 123)
	// Removing a device signs it out, and signing out removes it.
	w.post("/auth/v1/account/device/destroy", b, map[string]string{"id": idA}).ok()
	w.get("/auth/v1/session/status", a).refused(401, 110)
	w.post("/auth/v1/session/destroy", b, nil).ok()
	if list := w.get("/auth/v1/account/devices", c).list(); len(list) != 0 {
		t.Errorf("devices at the end: %v", list)
	}
}

func TestIdleDevicesAreLeftOut(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.session(w.signUp(email))
	w.register(a, "idle")
	w.clock.Pass(30 * 24 * time.Hour)
	b := w.session(w.signIn(email, password).text("sessionToken"))
	w.register(b, "new")
	since := fmt.Sprint("/auth/v1/account/devices?filterIdleDevicesTimestamp=", w.clock.Now().Add(-21*24*time.Hour).UnixMilli())
	if list := w.get(since, b).list(); len(list) != 1 || list[0]["name"] != "new" {
		t.Errorf("devices: %v", list)
	}
	w.get("/auth/v1/session/status", a).ok()
	if list := w.get(since, b).list(); len(list) != 2 {
		t.Errorf("after it came back: %v", list)
	}
	w.get("/auth/v1/account/devices?filterIdleDevicesTimestamp=x", b).refused(400, 107)
}

func TestCommands(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.session(w.signUp(email))
	b := w.session(w.signIn(email, password).text("sessionToken"))
	idA, idB := w.register(a, "desk"), w.register(b, "lap")
	send := func(payload string) answer {
		t.Helper()
		return w.post("/auth/v1/account/devices/invoke_command", a, map[string]any{
			"target": idB, "command": sendTab, "payload": map[string]string{"encrypted": payload}, "ttl": 60,
		})
	}
	if f := send("one").ok(); f["enqueued"] != true || f["notified"] != false {
		t.Errorf("sent: %v", f)
	}
	send("two").ok()
	read := func(query string) (index float64, payloads []string, last bool) {
		t.Helper()
		f := w.get("/auth/v1/account/device/commands?"+query, b).ok()
		for _, m := range f["messages"].([]any) {
			data := m.(map[string]any)["data"].(map[string]any)
			if data["sender"] != idA || data["command"] != sendTab {
				t.Errorf("command: %v", data)
			}
			payloads = append(payloads, data["payload"].(map[string]any)["encrypted"].(string))
		}
		return f["index"].(float64), payloads, f["last"].(bool)
	}
	index, got, last := read("limit=1")
	if fmt.Sprint(got) != "[one]" || last {
		t.Errorf("the first: %v, last %v", got, last)
	}
	index, got, last = read(fmt.Sprint("index=", index+1))
	if fmt.Sprint(got) != "[two]" || !last {
		t.Errorf("the second: %v, last %v", got, last)
	}
	if again, got, last := read(fmt.Sprint("index=", index+1)); again != index || len(got) != 0 || !last {
		t.Errorf("nothing new: %v, %v", again, got)
	}
	w.clock.Pass(time.Minute)
	if _, got, _ := read("index=0"); len(got) != 0 {
		t.Errorf("expired, and there: %v", got)
	}
	if err := w.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	try := func(errno int, in map[string]any) {
		t.Helper()
		w.post("/auth/v1/account/devices/invoke_command", a, in).refused(400, errno)
	}
	try(123, map[string]any{"target": "00", "command": sendTab, "payload": map[string]string{}})
	try(157, map[string]any{"target": idB, "command": "unknown", "payload": map[string]string{}})
	try(108, map[string]any{"target": idB, "command": sendTab})
	bob := w.session(w.signUp("bob@example.org"))
	w.post("/auth/v1/account/devices/invoke_command", bob, map[string]any{"target": idB, "command": sendTab, "payload": 1}).refused(400, 123)
	w.get("/auth/v1/account/device/commands", bob).refused(400, 123)
	w.get("/auth/v1/account/device/commands?index=x", b).refused(400, 107)
}

func TestNotify(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	const path = "/auth/v1/account/devices/notify"
	// Firefox's own.
	w.post(path, s, `{"to":"all","payload":{"version":1,"command":"sync:collection_changed","data":{"collections":["clients"],"reason":"firstsync"}},`+
		`"TTL":0,"excluded":["dddddddddddddddddddddddddddddddd"]}`).ok()
	w.post(path, s, `{"to":["dddddddddddddddddddddddddddddddd"],"payload":{}}`).ok()
	w.post(path, s, `{}`).refused(400, 108)
	w.post(path, s, `{"to":"me"}`).refused(400, 107)
	w.post(path, nil, `{"to":"all"}`).refused(401, 110)
}

func TestAttachedClients(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	token := w.signUp(email)
	a := w.session(token)
	id := w.register(a, "desk")
	refresh := w.redeem(w.code(token, nil).text("code"), verifier, clientID, nil).text("refresh_token")
	other := w.signIn(email, password).text("sessionToken")
	all := w.get("/auth/v1/account/attached_clients", a)
	if got := all.Header().Get("X-Timestamp"); got != fmt.Sprint(w.clock.Now().UnixMilli()) {
		t.Errorf("X-Timestamp: %s", got)
	}
	list := all.list()
	if len(list) != 3 {
		t.Fatalf("clients: %v", list)
	}
	if strings.Contains(all.Body.String(), onepw.SessionToken(w.raw(other)).ID) || strings.Contains(all.Body.String(), refresh) {
		t.Error("a client learns another's secrets")
	}
	destroy := func(in map[string]any) answer {
		t.Helper()
		return w.post("/auth/v1/account/attached_client/destroy", a, in)
	}
	for _, c := range list {
		switch {
		case c["isCurrentSession"] == true:
			if c["deviceId"] != id || c["name"] != "desk" || c["lastAccessTime"] != float64(w.clock.Now().UnixMilli()) {
				t.Errorf("this session: %v", c)
			}
		case c["refreshTokenId"] != nil:
			if c["clientId"] != clientID || c["name"] != "Firefox" || fmt.Sprint(c["scope"]) != "[profile "+onepw.OldSync+"]" {
				t.Errorf("the OAuth client: %v", c)
			}
			destroy(map[string]any{"clientId": clientID, "refreshTokenId": c["refreshTokenId"]}).ok()
		default:
			destroy(map[string]any{"sessionTokenId": c["sessionTokenId"]}).ok()
		}
	}
	if n := len(w.get("/auth/v1/account/attached_clients", a).list()); n != 1 {
		t.Errorf("%d clients are left, want this one", n)
	}
	w.get("/auth/v1/session/status", w.session(other)).refused(401, 110)
	destroy(nil).refused(400, 108)
	destroy(map[string]any{"deviceId": id}).ok()
	w.get("/auth/v1/session/status", a).refused(401, 110)
}

// A mobile client has a refresh token instead of a session.
func TestDeviceOfARefreshToken(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	token := w.signUp(email)
	refresh := w.redeem(w.code(token, nil).text("code"), verifier, clientID, nil).text("refresh_token")
	id := w.register(bearer(refresh), "phone")
	list := w.get("/auth/v1/account/devices", bearer(refresh)).list()
	if len(list) != 1 || list[0]["id"] != id || list[0]["isCurrentDevice"] != true {
		t.Errorf("devices: %v", list)
	}
	w.post("/oauth/v1/destroy", nil, map[string]string{"refresh_token": refresh}).ok()
	if list := w.get("/auth/v1/account/devices", w.session(token)).list(); len(list) != 0 {
		t.Errorf("after revoking: %v", list)
	}
}

// The settings page is not a device, and renames those of its own account.
func TestRenameDevice(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	page := w.session(w.signUp(email))
	id := w.register(w.session(w.signIn(email, password).text("sessionToken")), "before")
	rename := func(s signer, in map[string]any) answer { return w.post("/auth/v1/account/device/rename", s, in) }
	rename(page, map[string]any{"id": id, "name": "after"}).ok()
	rename(w.session(w.signUp("eve@example.org")), map[string]any{"id": id, "name": "Eve's"}).refused(400, 123)
	rename(page, map[string]any{"id": id, "name": ""}).refused(400, 107)
	rename(page, map[string]any{"id": id, "name": "two\nlines"}).refused(400, 107)
	rename(page, map[string]any{"id": id}).refused(400, 108)
	rename(nil, map[string]any{"id": id, "name": "nobody's"}).refused(401, 110)
	if list := w.get("/auth/v1/account/devices", page).list(); len(list) != 1 || list[0]["name"] != "after" {
		t.Errorf("the devices are %v", list)
	}
}
