package accounts_test

import "testing"

// This file tests what PyFxA requests and browsers do not. The test with PyFxA itself is in
// interop.
func TestPyFxA(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	// It knows one OAuth server, and looks there for all of it.
	code := w.post("/oauth/v1/oauth/authorization", w.session(s), map[string]any{
		"client_id": clientID, "state": "st", "scope": "profile", "code_challenge": challenge(), "code_challenge_method": "S256",
	}).text("code")
	access := w.post("/oauth/v1/token", nil, map[string]any{"client_id": clientID, "code": code, "code_verifier": verifier}).text("access_token")
	if f := w.get("/oauth/v1/client/"+clientID, nil).ok(); f["id"] != clientID || f["name"] != "Firefox" {
		t.Errorf("the client is %v", f)
	}
	w.get("/oauth/v1/client/0000000000000000", nil).refused(400, 162)
	if to := w.get("/profile/v1/avatar", bearer(access)).text("url"); to != root+"/profile/v1/avatar/default" {
		t.Errorf("the picture is at %s", to)
	}
	first, second := w.post("/auth/v1/get_random_bytes", nil, nil).text("data"), w.post("/auth/v1/get_random_bytes", nil, nil).text("data")
	if len(first) != 64 || first == second {
		t.Errorf("random bytes: %s and %s", first, second)
	}
}
