package accounts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

const android = "a2270f727f45f648"

// TestAndroid sends what Firefox for Android sends from sign-in to sign-out, in the same order
// and form, and authenticated in the same ways: by a refresh token, or by the id of a session.
// A number that Android reads as an integer must be one.
//
// Source: fxa-client of application-services, August 2026.
func TestAndroid(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	// The page's session; the app never sees it.
	page := w.signUp(email)

	// Where the services are. Android takes the token endpoint from the auth server.
	for _, field := range []string{"auth_server_base_url", "oauth_server_base_url", "profile_server_base_url", "sync_tokenserver_base_url"} {
		w.get("/.well-known/fxa-client-configuration", nil).text(field)
	}
	for _, field := range []string{"authorization_endpoint", "introspection_endpoint", "issuer", "jwks_uri", "token_endpoint", "userinfo_endpoint"} {
		w.get("/.well-known/openid-configuration", nil).text(field)
	}

	// The page's code, without a redirection: the app hears of it by web channel.
	const scope = "profile https://identity.mozilla.com/apps/oldsync https://identity.mozilla.com/tokens/session"
	code := w.code(page, func(in map[string]any) {
		in["client_id"], in["scope"] = android, scope
		delete(in, "response_type")
	})
	if code.text("redirect"); code.text("state") != "st" {
		t.Error("the state is another")
	}
	in := w.post("/auth/v1/oauth/token", nil, map[string]any{
		"grant_type": "authorization_code", "client_id": android, "code": code.text("code"), "code_verifier": verifier,
	})
	refresh, session := in.text("refresh_token"), in.text("session_token")
	if in.text("keys_jwe"); in.text("scope") != scope || in.whole("expires_in") <= 0 {
		t.Errorf("tokens: %v", in.fields)
	}
	// It asks only for what it needs, and revokes that token.
	w.post("/oauth/v1/destroy", nil, map[string]any{"token": in.text("access_token")}).ok()
	device, byID := bearer(refresh), bearer("fxs_"+onepw.SessionToken(w.raw(session)).ID)

	access := func(scope string) answer {
		t.Helper()
		return w.post("/auth/v1/oauth/token", nil, map[string]any{
			"grant_type": "refresh_token", "client_id": android, "refresh_token": refresh, "scope": scope,
		})
	}
	for _, scope := range []string{"profile", onepw.OldSync, onepw.OldSync + " profile"} {
		if a := access(scope); a.text("scope") != scope || a.whole("expires_in") <= 0 {
			t.Errorf("a token for %s: %v", scope, a.fields)
		}
	}
	// It exchanges the token for one with more scopes, for services that only Mozilla has.
	w.post("/auth/v1/oauth/token", nil, map[string]any{
		"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": refresh,
		"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token", "scope": "https://identity.mozilla.com/apps/relay",
	}).refused(400, 107)

	profile := w.get("/profile/v1/profile", bearer(access("profile").text("access_token")))
	for _, field := range []string{"uid", "email", "avatar"} {
		profile.text(field)
	}
	if profile.ok()["avatarDefault"] != true {
		t.Errorf("profile: %v", profile.fields)
	}
	// It keeps the ETag with its quotation marks, and puts it into quotation marks again.
	again := withETag(bearer(access("profile").text("access_token")), `"`+profile.Header().Get("ETag")+`"`)
	if a := w.get("/profile/v1/profile", again); a.Code != 304 {
		t.Errorf("the profile again: %d", a.Code)
	}

	// Its device, in the steps in which it registers.
	made := w.post("/auth/v1/account/device", device, map[string]any{
		"name": "Phone", "type": "mobile", "availableCommands": map[string]string{sendTab: "bundle"},
	})
	id := made.text("id")
	w.post("/auth/v1/account/device", device, map[string]any{
		"pushCallback": "https://updates.push.services.mozilla.com/wpush/v1/x", "pushPublicKey": "BCA", "pushAuthKey": "abc",
	}).ok()
	w.post("/auth/v1/account/device", device, map[string]any{"name": nil}).ok() // which clears nothing here
	desk := w.post("/auth/v1/account/device", w.session(page), map[string]any{"name": "Desk", "type": "desktop"}).text("id")
	since := fmt.Sprint(w.clock.Now().Add(-21 * 24 * time.Hour).UnixMilli())
	list := w.get("/auth/v1/account/devices?filterIdleDevicesTimestamp="+since, device).list()
	if len(list) != 2 {
		t.Fatalf("%d devices", len(list))
	}
	for _, d := range list {
		for _, field := range []string{"id", "name", "type"} {
			if s, ok := d[field].(string); !ok || s == "" {
				t.Errorf("%s of a device is %v", field, d[field])
			}
		}
		_, hasCommands := d["availableCommands"].(map[string]any)
		_, hasLocation := d["location"].(map[string]any)
		if _, ok := d["pushEndpointExpired"].(bool); !ok || !hasCommands || !hasLocation || d["isCurrentDevice"] != (d["id"] == id) {
			t.Errorf("a device is %v", d)
		}
		whole(t, d["lastAccessTime"])
	}

	// Commands, both ways.
	w.post("/auth/v1/account/devices/invoke_command", w.session(page), map[string]any{
		"command": sendTab, "target": id, "payload": map[string]string{"encrypted": "x"}, "ttl": 60,
	}).ok()
	w.post("/auth/v1/account/devices/invoke_command", device, map[string]any{
		"command": sendTab, "target": desk, "payload": map[string]string{"encrypted": "x"},
	}).refused(400, 157)
	waiting := w.get("/auth/v1/account/device/commands?index=0", device)
	messages, _ := waiting.ok()["messages"].([]any)
	if waiting.whole("index") == 0 || len(messages) != 1 || !strings.Contains(waiting.Body.String(), `"sender":"`+desk+`"`) {
		t.Errorf("commands: %s", waiting.Body)
	}
	w.get("/auth/v1/account/device/commands?index=1&limit=10", device).ok()

	// What is signed in, by the session's id alone.
	clients := w.get("/auth/v1/account/attached_clients", byID).list()
	if !slices.ContainsFunc(clients, func(c map[string]any) bool { return c["deviceId"] == id && c["clientId"] == android }) {
		t.Errorf("the phone is not among %v", clients)
	}
	for _, c := range clients {
		if _, ok := c["userAgent"].(string); !ok {
			t.Errorf("a client has the user agent %v", c["userAgent"])
		}
		if _, ok := c["isCurrentSession"].(bool); !ok {
			t.Errorf("a client is current: %v", c["isCurrentSession"])
		}
		whole(t, c["createdTime"])
		whole(t, c["lastAccessTime"])
	}

	// It signs another program in, as a page that runs in it does.
	if data := w.post("/auth/v1/account/scoped-key-data", byID, map[string]any{"client_id": clientID, "scope": onepw.OldSync}).ok(); data[onepw.OldSync] == nil {
		t.Errorf("scoped key data: %v", data)
	}
	w.post("/auth/v1/oauth/authorization", byID, map[string]any{
		"client_id": clientID, "scope": onepw.OldSync, "state": "s", "access_type": "offline", "code_challenge": challenge(),
		"code_challenge_method": "S256", "keys_jwe": "a.b.c.d.e",
	}).text("code")

	// It gets another refresh token by the session when it needs more scopes or the password
	// changed. The old token ends, and its device with it.
	fresh := w.post("/auth/v1/oauth/token", byID, map[string]any{
		"client_id": android, "scope": scope, "grant_type": "fxa-credentials", "access_type": "offline",
	}).text("refresh_token")
	w.post("/oauth/v1/destroy", nil, map[string]any{"refresh_token": refresh}).ok()
	status := func(token string) any {
		t.Helper()
		return w.post("/oauth/v1/introspect", nil, map[string]any{"token_type_hint": "refresh_token", "token": token}).ok()["active"]
	}
	if status(refresh) != false || status(fresh) != true {
		t.Error("the old token is good, or the new one is not")
	}
	w.get("/auth/v1/account/devices", device).refused(401, 110)
	if list := w.get("/auth/v1/account/devices", bearer(fresh)).list(); len(list) != 1 {
		t.Errorf("%d devices after the token's end", len(list))
	}

	// Signing out removes the device, and the token with it.
	id = w.post("/auth/v1/account/device", bearer(fresh), map[string]any{"name": "Phone", "type": "mobile"}).text("id")
	w.post("/auth/v1/account/device/destroy", bearer(fresh), map[string]any{"id": id}).ok()
	if status(fresh) != false {
		t.Error("the token outlives its device")
	}
}

// whole returns a number that must be present and an integer.
func (a answer) whole(field string) int64 {
	a.t.Helper()
	return whole(a.t, a.ok()[field])
}

func whole(t *testing.T, v any) int64 {
	t.Helper()
	f, ok := v.(float64)
	if !ok || f != float64(int64(f)) {
		t.Errorf("%v is not a whole number", v)
	}
	return int64(f)
}
