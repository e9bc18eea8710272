package accounts_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Another site can make a browser send requests here, and nothing else: the browser adds no
// credentials by itself, and that site cannot read the answers.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	session := w.signUp(email)
	for path, code := range map[string]int{
		"/account/login?keys=true": http.StatusOK, "/account/status": http.StatusOK, // which anyone may call
		"/session/destroy": http.StatusUnauthorized, "/totp/destroy": http.StatusUnauthorized, "/oauth/authorization": http.StatusUnauthorized,
		"/account/device/rename": http.StatusUnauthorized, "/recoveryKey": http.StatusUnauthorized, "/account/attached_client/destroy": http.StatusUnauthorized,
	} {
		for _, method := range []string{"POST", "OPTIONS"} {
			// A form, or a fetch without CORS permission, can send these.
			r := httptest.NewRequest(method, root+"/auth/v1"+path, strings.NewReader(`{"email":"`+email+`","authPW":"`+authPW(email, password)+`"}`))
			r.Header.Set("Content-Type", "text/plain")
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Cookie", "session="+session+"; sessionToken="+session)
			r.RemoteAddr = w.from
			a := w.send(r)
			for name := range a.Header() {
				if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" {
					t.Errorf("%s %s answers with %s", method, path, name)
				}
			}
			if method == "POST" && a.Code != code {
				t.Errorf("%s %s: %d, want %d", method, path, a.Code, code)
			}
		}
	}
}

// Pages and requests do not carry a session: each sign-in creates its own, so an attacker
// cannot prepare one.
func TestSessionFixation(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	prepared := w.signUp("eve@example.org")
	w.signUp(email)
	in := w.post("/auth/v1/account/login?sessionToken="+prepared, w.session(prepared), map[string]any{
		"email": email, "authPW": authPW(email, password), "sessionToken": prepared,
	})
	if got := in.text("sessionToken"); got == prepared {
		t.Error("the session is the one that was prepared")
	}
	if who := w.get("/auth/v1/recovery_email/status", w.session(prepared)).text("email"); who != "eve@example.org" {
		t.Errorf("the prepared session is %s's", who)
	}
}
