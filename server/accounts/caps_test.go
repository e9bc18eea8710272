package accounts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// A session can create a limited number of others, and those in use are not removed. A client
// that shows the password gets in, and the session that was idle longest is removed.
func TestSessionsAreFew(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	first := w.session(w.signUp(email))
	device := w.session(w.signIn(email, password).text("sessionToken"))
	for range 98 {
		w.post("/auth/v1/session/duplicate", first, nil).ok()
	}
	w.post("/auth/v1/session/duplicate", first, nil).refused(429, 114)
	w.get("/auth/v1/session/status", device).ok()

	// A day later only these two are in use.
	w.clock.Pass(25 * time.Hour)
	for _, s := range []signer{first, device} {
		w.get("/auth/v1/session/status", s).ok()
	}
	for range 30 {
		w.post("/auth/v1/session/duplicate", first, nil).ok()
		w.signIn(email, password).ok()
	}
	for _, s := range []signer{first, device} {
		w.get("/auth/v1/session/status", s).ok()
	}
	if n := len(w.get("/auth/v1/account/attached_clients", first).list()); n != 100 {
		t.Errorf("%d sessions", n)
	}
}

func TestRefreshTokensAreFew(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	in := map[string]any{"grant_type": "fxa-credentials", "client_id": clientID, "scope": onepw.OldSync, "access_type": "offline"}
	for range 100 {
		w.post("/auth/v1/oauth/token", s, in).ok()
	}
	w.post("/auth/v1/oauth/token", s, in).refused(429, 114)
	w.clock.Pass(25 * time.Hour)
	w.post("/auth/v1/oauth/token", s, in).ok()
}

// The newest codes and key fetch tokens are kept.
func TestCodesAreFew(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	old := w.code(s, nil).text("code")
	keys := w.signIn(email, password).text("keyFetchToken")
	var last string
	for range 50 {
		w.clock.Pass(time.Millisecond)
		last = w.code(s, nil).text("code")
		w.signIn(email, password).ok()
	}
	w.redeem(old, verifier, clientID, nil).refused(400, 172)
	w.redeem(last, verifier, clientID, nil).ok()
	w.get("/auth/v1/account/keys", w.hawk(onepw.KeyFetchToken(w.raw(keys)).HAWK)).refused(401, 110)
}

// All that is stored has a maximum length.
func TestStoredFieldsAreShort(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	long := strings.Repeat("x", 9<<10)
	w.code(s, func(in map[string]any) { in["keys_jwe"] = long }).refused(400, 107)
	many := map[string]string{}
	for range 17 {
		many[strings.Repeat("n", len(many)+1)] = "v"
	}
	for name, commands := range map[string]map[string]string{
		"a long name": {strings.Repeat("n", 256): "v"}, "a long value": {sendTab: long}, "many": many,
	} {
		if a := w.post("/auth/v1/account/device", w.session(s), map[string]any{"name": "Desk", "availableCommands": commands}); a.Code != 400 {
			t.Errorf("%s: %d", name, a.Code)
		}
	}
	id := w.post("/auth/v1/account/device", w.session(s), map[string]any{"name": "Desk", "availableCommands": map[string]string{sendTab: "v"}}).text("id")
	w.post("/auth/v1/account/devices/invoke_command", w.session(s), map[string]any{
		"command": sendTab, "target": id, "payload": map[string]string{"encrypted": strings.Repeat("x", 48<<10)},
	}).refused(400, 107)
	if _, _, err := w.Invite(t.Context(), long, time.Hour); err == nil {
		t.Error("an invitation has a note of 9 KiB")
	}
}

// Sessions and tokens that are idle and belong to no device end.
func TestIdleSessionsEnd(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	device := w.session(w.signIn(email, password).text("sessionToken"))
	w.post("/auth/v1/account/device", device, map[string]any{"name": "Desk"}).ok()
	w.clock.Pass(180 * 24 * time.Hour)
	if err := w.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.get("/auth/v1/session/status", s).refused(401, 110)
	w.get("/auth/v1/session/status", device).ok()
}
