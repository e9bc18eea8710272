package accounts_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/token"
)

const phoneScope = "profile https://identity.mozilla.com/apps/oldsync https://identity.mozilla.com/tokens/session"

// phone is what Firefox on a phone holds.
type phone struct {
	refresh, session, access, device string
}

// phone signs a phone in by a page, and registers its device.
func (w *env) phone(page string) phone {
	w.t.Helper()
	code := w.code(page, func(in map[string]any) { in["client_id"], in["scope"] = android, phoneScope }).text("code")
	in := w.post("/auth/v1/oauth/token", nil, map[string]any{
		"grant_type": "authorization_code", "client_id": android, "code": code, "code_verifier": verifier,
	})
	p := phone{refresh: in.text("refresh_token"), session: in.text("session_token"), access: in.text("access_token")}
	p.device = w.post("/auth/v1/account/device", bearer(p.refresh), map[string]any{"name": "Phone", "type": "mobile"}).text("id")
	return p
}

func (w *env) bad(access string) {
	w.t.Helper()
	if _, err := w.Verify(w.t.Context(), access); !errors.Is(err, token.ErrBadAccess) {
		w.t.Errorf("the access token is still good: %v", err)
	}
}

// ended checks that nothing that a phone was given is of use.
func (w *env) ended(p phone) {
	w.t.Helper()
	w.get("/auth/v1/session/status", w.session(p.session)).refused(401, 110)
	w.post("/auth/v1/oauth/token", w.session(p.session), map[string]any{
		"grant_type": "fxa-credentials", "client_id": android, "scope": onepw.OldSync,
	}).refused(401, 110)
	w.post("/auth/v1/oauth/token", nil, map[string]any{
		"grant_type": "refresh_token", "client_id": android, "refresh_token": p.refresh,
	}).refused(401, 110)
	w.bad(p.access)
}

// Signed out, a phone is: with its refresh token goes the session that it was
// given with the same code, and the other way round.
func TestSignedOutPhone(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *env, page signer, p phone){
		"its device": func(w *env, page signer, p phone) {
			w.post("/auth/v1/account/device/destroy", page, map[string]any{"id": p.device}).ok()
		},
		"its device in the list": func(w *env, page signer, p phone) {
			w.post("/auth/v1/account/attached_client/destroy", page, map[string]any{"deviceId": p.device}).ok()
		},
		"its refresh token in the list": func(w *env, page signer, p phone) {
			w.post("/auth/v1/account/attached_client/destroy", page, map[string]any{"refreshTokenId": w.attached(page, "refreshTokenId")}).ok()
		},
		"its session": func(w *env, page signer, p phone) {
			w.post("/auth/v1/session/destroy", page, map[string]any{"customSessionToken": p.session}).ok()
		},
		"by itself": func(w *env, page signer, p phone) {
			w.post("/auth/v1/account/device/destroy", bearer(p.refresh), map[string]any{"id": p.device}).ok()
		},
		"its refresh token, which it gives back": func(w *env, page signer, p phone) {
			w.post("/oauth/v1/destroy", nil, map[string]any{"refresh_token": p.refresh}).ok()
		},
		"after it took another refresh token": func(w *env, page signer, p phone) {
			fresh := w.post("/auth/v1/oauth/token", w.session(p.session), map[string]any{
				"client_id": android, "scope": phoneScope, "grant_type": "fxa-credentials", "access_type": "offline",
			}).text("refresh_token")
			w.post("/oauth/v1/destroy", nil, map[string]any{"refresh_token": p.refresh}).ok()
			w.get("/auth/v1/session/status", w.session(p.session)).ok()
			id := w.post("/auth/v1/account/device", bearer(fresh), map[string]any{"name": "Phone"}).text("id")
			w.post("/auth/v1/account/device/destroy", page, map[string]any{"id": id}).ok()
			w.get("/auth/v1/account/devices", bearer(fresh)).refused(401, 110)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEnv(t, nil)
			token := w.signUp(email)
			page := w.session(token)
			p, other := w.phone(token), w.phone(token)
			if name == "its refresh token in the list" {
				w.post("/auth/v1/account/device/destroy", page, map[string]any{"id": other.device}).ok()
			}
			end(w, page, p)
			w.ended(p)
			w.get("/auth/v1/session/status", page).ok()
			if name != "its refresh token in the list" {
				w.get("/auth/v1/session/status", w.session(other.session)).ok()
				w.get("/auth/v1/account/devices", bearer(other.refresh)).list()
			}
		})
	}
}

// attached is a field of the first client in the list that has it.
func (w *env) attached(s signer, field string) string {
	w.t.Helper()
	for _, c := range w.get("/auth/v1/account/attached_clients", s).list() {
		if id, ok := c[field].(string); ok {
			return id
		}
	}
	w.t.Fatalf("no client has a %s", field)
	return ""
}

// An access token ends with the session that it came from, and no client makes one
// that lives for a day.
func TestAccessEndsWithItsSession(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	a := w.post("/auth/v1/oauth/token", w.session(s), map[string]any{
		"grant_type": "fxa-credentials", "client_id": clientID, "scope": onepw.OldSync, "ttl": 24 * 60 * 60,
	})
	if got := a.whole("expires_in"); got > 6*60*60 {
		t.Errorf("an access token lives for %d s", got)
	}
	other := w.access(w.signIn(email, password).text("sessionToken"), onepw.OldSync)
	w.post("/auth/v1/session/destroy", w.session(s), nil).ok()
	w.bad(a.text("access_token"))
	w.get("/profile/v1/profile", bearer(a.text("access_token"))).refused(401, 110)
	if _, err := w.Verify(t.Context(), other); err != nil {
		t.Errorf("another session's access token: %v", err)
	}
}

// Whatever forty clients do while the password changes, nothing of before it is
// of use after it.
func TestNothingSlipsPastANewPassword(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *accounts.Config) { c.Limits = accounts.Limits{PerAccount: 1 << 20, PerAddress: 1 << 20} })
	s := w.signUp(email)
	refresh := w.post("/auth/v1/oauth/token", w.session(s), map[string]any{
		"grant_type": "fxa-credentials", "client_id": clientID, "scope": onepw.OldSync, "access_type": "offline",
	}).text("refresh_token")
	started := w.post("/auth/v1/password/change/start", nil, map[string]any{"email": email, "oldAuthPW": authPW(email, password)})

	var mu sync.Mutex
	var sessions, access, changes []string
	keep := func(list *[]string, a answer, field string) {
		if text, ok := a.fields[field].(string); a.Code == 200 && ok {
			mu.Lock()
			defer mu.Unlock()
			*list = append(*list, text)
		}
	}
	const many = 40
	tried, done := make(chan struct{}, many), make(chan struct{})
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			for first := true; ; first = false {
				switch i % 5 {
				case 0:
					keep(&sessions, w.post("/auth/v1/session/duplicate", w.session(s), nil), "sessionToken")
				case 1:
					keep(&sessions, w.post("/auth/v1/account/login", nil, map[string]any{"email": email, "authPW": authPW(email, password)}), "sessionToken")
				case 2:
					keep(&access, w.post("/auth/v1/oauth/token", w.session(s), map[string]any{
						"grant_type": "fxa-credentials", "client_id": clientID, "scope": onepw.OldSync,
					}), "access_token")
				case 3:
					keep(&access, w.post("/auth/v1/oauth/token", nil, map[string]any{
						"grant_type": "refresh_token", "client_id": clientID, "refresh_token": refresh, "scope": onepw.OldSync,
					}), "access_token")
				case 4:
					keep(&changes, w.post("/auth/v1/password/change/start", nil, map[string]any{
						"email": email, "oldAuthPW": authPW(email, password),
					}), "passwordChangeToken")
				}
				if first {
					tried <- struct{}{}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for range many {
		<-tried // each asks for more while the password changes
	}
	fresh := w.finishPassword(started, "another")
	close(done)
	wg.Wait()
	fresh.ok()
	if len(sessions)+len(access)+len(changes) == 0 {
		t.Fatal("nobody got anything before the change")
	}
	for _, token := range sessions {
		w.get("/auth/v1/session/status", w.session(token)).refused(401, 110)
	}
	for _, text := range access {
		w.bad(text)
	}
	for _, text := range changes {
		w.post("/auth/v1/password/change/finish", w.hawk(onepw.PasswordChangeToken(w.raw(text))), map[string]any{
			"authPW": authPW(email, "thief"), "wrapKb": fmt.Sprintf("%064x", 1),
		}).refused(401, 110)
	}
	if list := w.get("/auth/v1/account/attached_clients", w.session(fresh.text("sessionToken"))).list(); len(list) != 1 {
		t.Errorf("%d clients are signed in after the change", len(list))
	}
}
