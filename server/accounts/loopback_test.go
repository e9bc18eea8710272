package accounts_test

import (
	"net/url"
	"strings"
	"testing"
)

// native is the client that the server names to programs that listen on their
// user's computer.
func (w *env) native() string {
	w.t.Helper()
	return w.get("/.well-known/fxa-client-configuration", nil).text("loopback_client_id")
}

// codeTo asks for a code that the browser takes to the URL redirect.
func (w *env) codeTo(session, client, redirect string) answer {
	w.t.Helper()
	return w.code(session, func(in map[string]any) { in["client_id"], in["redirect_uri"] = client, redirect })
}

// A program receives its code on a port of its user's computer.
func TestLoopbackRedirect(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	for _, to := range []string{"http://127.0.0.1:1/callback", "http://127.0.0.1:65535/callback", "http://[::1]:49152/callback"} {
		a := w.codeTo(s, w.native(), to)
		code := a.text("code")
		if want := to + "?" + (url.Values{"code": {code}, "state": {"st"}}).Encode(); a.text("redirect") != want {
			t.Errorf("%s: to %s", to, a.text("redirect"))
		}
		if a.Header().Get("Location") != "" {
			t.Error("the server redirects by itself")
		}
		// It needs the verifier, which another program on the port does not have.
		w.redeem(code, "guessed", w.native(), nil).refused(400, 175)
	}
	code := w.codeTo(s, w.native(), "http://127.0.0.1:8765/callback").text("code")
	w.get("/auth/v1/session/status", w.session(s)).ok()
	w.redeem(code, verifier, w.native(), nil).ok()
	// The page's session ends once it has served its purpose, or it would be listed for ever.
	w.get("/auth/v1/session/status", w.session(s)).refused(401, 110)
}

// A code is sent only to the loopback interface, spelled in one way, and no other client is
// redirected there.
func TestRedirectConfusion(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	native := w.native()
	for _, to := range []string{
		"https://evil.example/callback", "https://127.0.0.1:8765/callback", "//127.0.0.1:8765/callback", "HTTP://127.0.0.1:8765/callback",
		"javascript:alert(1)", "data:text/html,x", "http:127.0.0.1:8765/callback", "http:///127.0.0.1:8765/callback", `http:\\127.0.0.1:8765/callback`,
		// other hosts, and other spellings of the same
		"http://localhost:8765/callback", "http://127.0.0.1.evil.example:8765/callback", "http://127.0.0.1evil.example:8765/callback",
		"http://127.0.0.2:8765/callback", "http://127.1:8765/callback", "http://2130706433:8765/callback", "http://0x7f.0.0.1:8765/callback",
		"http://0177.0.0.1:8765/callback", "http://%31%32%37.0.0.1:8765/callback", "http://127.0.0.1。:8765/callback", "http://127.0.0.1.:8765/callback",
		"http://0.0.0.0:8765/callback", "http://[::]:8765/callback", "http://[0:0:0:0:0:0:0:1]:8765/callback", "http://[::1%25lo]:8765/callback",
		"http://[::ffff:127.0.0.1]:8765/callback", "http://[::1].evil.example:8765/callback",
		// userinfo
		"http://127.0.0.1:8765@evil.example/callback", "http://127.0.0.1:8765%40evil.example/callback", "http://evil.example@127.0.0.1:8765/callback",
		`http://127.0.0.1:8765\@evil.example/callback`, "http://127.0.0.1:80:80@evil.example/callback",
		// ports
		"http://127.0.0.1/callback", "http://127.0.0.1:/callback", "http://127.0.0.1:0/callback", "http://127.0.0.1:65536/callback",
		"http://127.0.0.1:08765/callback", "http://127.0.0.1:+8765/callback", "http://127.0.0.1:-1/callback", "http://127.0.0.1:8765 /callback",
		"http://127.0.0.1:٨٧٦٥/callback", "http://127.0.0.1:87_65/callback", "http://127.0.0.1:99999999999999999999/callback",
		// paths, queries and fragments
		"http://127.0.0.1:8765", "http://127.0.0.1:8765/", "http://127.0.0.1:8765/callback/", "http://127.0.0.1:8765/x/../callback",
		"http://127.0.0.1:8765//callback", "http://127.0.0.1:8765/Callback", "http://127.0.0.1:8765/%63allback", "http://127.0.0.1:8765/callback?code=1",
		"http://127.0.0.1:8765/callback#", "http://127.0.0.1:8765/callback%23", "http://127.0.0.1:8765/callback\r\nLocation: https://evil.example",
		"http://127.0.0.1:8765/x?/callback", "http://127.0.0.1:8765#/callback", "http://127.0.0.1:8765?/callback", " http://127.0.0.1:8765/callback",
		"http://127.0.0.1:8765/callback ", "http://127.0.0.1:8765/callback\x00", "http://[::1]:8765@evil.example/callback",
		strings.Repeat("http://127.0.0.1:8765/callback", 500),
		// the server's own page, of another client and of another host
		root + "/oauth/success/" + clientID, root + "/oauth/success/" + native + "/", root + ".evil.example/oauth/success/" + native,
	} {
		if a := w.codeTo(s, native, to); a.Code != 400 || a.fields["errno"] != 107.0 {
			t.Errorf("a code goes to %q: %d %s", to, a.Code, a.Body)
		}
	}
	for _, client := range []string{clientID, "a2270f727f45f648"} {
		w.codeTo(s, client, "http://127.0.0.1:8765/callback").refused(400, 107)
	}
	w.codeTo(s, native, root+"/oauth/success/"+native).ok()
}
