package grants

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/authtest"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

const (
	firefox = "5882386c6d801776"
	oldSync = "https://identity.mozilla.com/apps/oldsync"
	// The pair of RFC 7636, appendix B.
	verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

type env struct {
	*authtest.Env
	*Handlers
	clock *testclock.Clock
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{clock: testclock.At(time.Unix(1_795_372_558, 0))}
	e.Env = authtest.New(t, e.clock.Now)
	e.Handlers = &Handlers{DB: e.Env.DB, Auth: e.Env.Auth, Keys: e.Env.Auth.Keys, URLs: e.Env.URLs, Now: e.clock.Now, Rand: rand.Reader}
	return e
}

// add stores a code that Firefox may redeem for profile, changed by change.
func (e *env) add(code string, change func(*store.Code)) {
	c := &store.Code{
		Hash: store.Hash(code), UID: authtest.UID, ClientID: firefox, Scope: oauth.Profile, Challenge: challenge, AuthAt: 7, Session: e.Session,
		ExpiresAt: e.clock.Now().Add(codeLife).UnixMilli(),
	}
	if change != nil {
		change(c)
	}
	e.Update(func(tx store.Tx) error { return tx.AddCode(c, maxCodes) })
}

func redeem(client, code, verifier string) string {
	return fmt.Sprintf(`{"client_id":%q,"code":%q,"code_verifier":%q}`, client, code, verifier)
}

// token is the answer to a request for tokens.
func (e *env) token(r *api.Request) (tokenAnswer, error) {
	out, err := e.Token(r)
	answer, _ := out.(tokenAnswer) // a request that was refused early has no answer
	return answer, err
}

// What a page asks for is within its bounds, and among the values that are known.
func TestAuthorizationRequest(t *testing.T) {
	t.Parallel()
	text := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name    string
		change  func(*authorizationRequest)
		refused string
	}{
		{"all that must be", func(*authorizationRequest) {}, ""},
		{"no state", func(in *authorizationRequest) { in.State = "" }, "state"},
		{"a long state", func(in *authorizationRequest) { in.State = text(maxOpaque) }, ""},
		{"a longer state", func(in *authorizationRequest) { in.State = text(maxOpaque + 1) }, "state"},
		{"large keys", func(in *authorizationRequest) { in.KeysJWE = text(maxKeysJWE) }, ""},
		{"larger keys", func(in *authorizationRequest) { in.KeysJWE = text(maxKeysJWE + 1) }, "keys_jwe"},
		{"a long nonce", func(in *authorizationRequest) { in.Nonce = text(maxOpaque) }, ""},
		{"a longer nonce", func(in *authorizationRequest) { in.Nonce = text(maxOpaque + 1) }, "nonce"},
		{"a code", func(in *authorizationRequest) { in.ResponseType = "code" }, ""},
		{"a token at once", func(in *authorizationRequest) { in.ResponseType = "token" }, fault.ErrResponseType.Message},
		{"no challenge", func(in *authorizationRequest) { in.Challenge = "" }, fault.ErrPKCE.Message},
		{"no method", func(in *authorizationRequest) { in.Method = "" }, fault.ErrPKCE.Message},
		{"a plain challenge", func(in *authorizationRequest) { in.Method = "plain" }, fault.ErrPKCE.Message},
		{"a challenge of another size", func(in *authorizationRequest) { in.Challenge = challenge[1:] }, "code_challenge"},
		{"online", func(in *authorizationRequest) { in.AccessType = "online" }, ""},
		{"offline", func(in *authorizationRequest) { in.AccessType = "offline" }, ""},
		{"another access type", func(in *authorizationRequest) { in.AccessType = "always" }, "access_type"},
	} {
		in := authorizationRequest{State: "state", Method: "S256", Challenge: challenge}
		c.change(&in)
		if got := authtest.Refused(t, in.check()); got != c.refused {
			t.Errorf("%s: refused for %q, want %q", c.name, got, c.refused)
		}
	}
}

// A code goes to the client's own page, or, for programs alone, to the user's computer.
func TestRedirection(t *testing.T) {
	t.Parallel()
	const root, loopback = "https://sync.example.org", "http://127.0.0.1:1234/callback"
	page := root + "/oauth/success/" + firefox
	for _, c := range []struct{ client, uri, want string }{
		{firefox, "", oauth.WebChannel},
		{firefox, oauth.WebChannel, oauth.WebChannel},
		{firefox, page, page},
		{firefox, page + "/", ""},
		{firefox, root + "/oauth/success/" + oauth.NativeClient, ""},
		{firefox, "https://evil.example/oauth/success/" + firefox, ""},
		{firefox, loopback, ""},
		{oauth.NativeClient, loopback, loopback},
		{oauth.NativeClient, "http://127.0.0.1.evil.example:1234/callback", ""},
	} {
		in := authorizationRequest{ClientID: c.client, RedirectURI: c.uri}
		got, err := in.redirection(root)
		if got != c.want || (err == nil) != (c.want != "") || err != nil && authtest.Refused(t, err) != "redirect_uri" {
			t.Errorf("%s at %q: %q, %v; want %q", c.client, c.uri, got, err, c.want)
		}
	}
}

// A client or a scope that is not known is named, and shortened.
func TestClientsAndScopes(t *testing.T) {
	t.Parallel()
	if name, err := Client(firefox); err != nil || name != "Firefox" {
		t.Errorf("Firefox: %q, %v", name, err)
	}
	if _, err := Client(""); authtest.Refused(t, err) != "client_id" {
		t.Errorf("no client: %v", err)
	}
	_, err := Client(strings.Repeat("x", 100))
	if f, ok := errors.AsType[*fault.Error](err); !ok || !errors.Is(err, fault.ErrClient) || f.Body().ClientID != strings.Repeat("x", 64) {
		t.Errorf("an unknown client: %v", err)
	}
	_, err = parseScopes("profile everything")
	if f, ok := errors.AsType[*fault.Error](err); !ok || !errors.Is(err, fault.ErrScope) || f.Body().InvalidScopes != "everything" {
		t.Errorf("an unknown scope: %v", err)
	}
}

// An access token lives as long as a client asks, within bounds that are short where nothing
// else ends it.
func TestLife(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ttl   int64
		bound string
		want  time.Duration
	}{
		{0, "x", MaxAccessTTL},
		{-1, "x", MaxAccessTTL},
		{1, "x", time.Second},
		{21_599, "x", MaxAccessTTL - time.Second},
		{21_601, "x", MaxAccessTTL},
		{1 << 62, "x", MaxAccessTTL},
		{0, "", unboundTTL},
		{1 << 62, "", unboundTTL},
		{299, "", 299 * time.Second},
	} {
		if got := (tokenRequest{TTL: c.ttl}).life(c.bound); got != c.want {
			t.Errorf("%d seconds, bound to %q: %s, want %s", c.ttl, c.bound, got, c.want)
		}
	}
}

// A grant ends with the refresh token that asked, else with the session, else with the session
// of the sign-in.
func TestBinding(t *testing.T) {
	t.Parallel()
	refresh, session, signedIn := []byte{1}, []byte{2}, []byte{3}
	for _, c := range []struct {
		g    grant
		want string
	}{
		{grant{refresh: refresh, session: session, signedIn: signedIn}, auth.BoundToRefresh(refresh)},
		{grant{session: session, signedIn: signedIn}, auth.BoundToSession(session)},
		{grant{signedIn: signedIn}, auth.BoundToSession(signedIn)},
		{grant{}, ""},
	} {
		if got := c.g.binding(); got != c.want {
			t.Errorf("%+v is bound to %q, want %q", c.g, got, c.want)
		}
	}
}

// A grant is good as long as its account, its password and what it came from are.
func TestGrantStill(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	refresh := &store.RefreshToken{UID: authtest.UID, ClientID: firefox, Scope: oauth.Profile}
	e.Update(func(tx store.Tx) error {
		_, err := e.Env.Auth.IssueRefresh(tx, refresh)
		return err
	})
	all := map[string]*grant{
		"nothing more": {},
		"a session":    {session: e.Session},
		"a sign-in":    {signedIn: e.Session},
		"a refresh":    {refresh: refresh.Hash},
	}
	for _, g := range all {
		g.uid, g.generation = authtest.UID, 1
	}
	check := func(when string, good ...string) {
		t.Helper()
		for name, g := range all {
			err := g.Still(e.Env.DB.Read(t.Context()))
			if want := strings.Contains(strings.Join(good, ","), name); (err == nil) != want || err != nil && !errors.Is(err, fault.ErrToken) {
				t.Errorf("%s, %s: %v", when, name, err)
			}
		}
	}
	check("at first", "nothing more", "a session", "a sign-in", "a refresh")
	e.Update(func(tx store.Tx) error {
		_, err := tx.RemoveToken(authtest.UID, e.Session)
		return err
	})
	check("without the session", "nothing more", "a refresh")
	e.Update(func(tx store.Tx) error { return tx.RemoveRefreshToken(authtest.UID, refresh.Hash) })
	check("without the refresh token", "nothing more")
	e.NewPassword()
	check("with a new password")
}

// A code is valid once, for its client, for a quarter of an hour, and with the verifier of its
// challenge.
func TestCodes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for name, c := range map[string]struct {
		client, verifier string
		late             time.Duration
		want             *fault.Error
	}{
		"right":          {firefox, verifier, 0, nil},
		"at the last":    {firefox, verifier, codeLife - time.Millisecond, nil},
		"late":           {firefox, verifier, codeLife, fault.ErrExpiredCode},
		"another client": {oauth.NativeClient, verifier, 0, fault.ErrCodeClient},
		"no proof":       {firefox, "", 0, fault.ErrChallenge},
		"a wrong proof":  {firefox, verifier + "x", 0, fault.ErrChallenge},
	} {
		e.add(name, nil)
		e.clock.Pass(c.late)
		out, err := e.token(e.Request(redeem(c.client, name, c.verifier)))
		switch {
		case c.want == nil && (err != nil || out.Access == "" || out.Scope != oauth.Profile || out.AuthAt != 7 || out.Refresh != "" || out.Session != ""):
			t.Errorf("%s: %+v, %v", name, out, err)
		case c.want != nil && (!errors.Is(err, c.want) || out.Access != ""):
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
		if _, err := e.token(e.Request(redeem(firefox, name, verifier))); !errors.Is(err, fault.ErrUnknownCode) {
			t.Errorf("%s, again: %v", name, err)
		}
	}
	if _, err := e.token(e.Request(redeem(firefox, "", verifier))); authtest.Refused(t, err) != "code" {
		t.Errorf("no code: %v", err)
	}
	if _, err := e.token(e.Request(`{"client_id":"` + firefox + `","grant_type":"password"}`)); authtest.Refused(t, err) != "grant_type" {
		t.Errorf("another type of grant: %v", err)
	}
	if _, err := e.token(e.Request(redeem("unknown", "code", verifier))); !errors.Is(err, fault.ErrClient) {
		t.Errorf("another client: %v", err)
	}
	e.add("before", nil)
	e.Update(func(tx store.Tx) error { return tx.RemoveTokens(authtest.UID) })
	if _, err := e.token(e.Request(redeem(firefox, "before", verifier))); !errors.Is(err, fault.ErrUnknownCode) {
		t.Errorf("a code of a session that ended: %v", err)
	}
}

// Refresh and session tokens are given only for a code, and only if it says so.
func TestWhatACodeGives(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.add("offline", func(c *store.Code) {
		c.Offline, c.Scope, c.KeysJWE = true, oldSync+" "+oauth.Session+" "+oauth.OpenID, "sealed"
	})
	out, err := e.token(e.Request(redeem(firefox, "offline", verifier)))
	if err != nil || out.Refresh == "" || out.Session == "" || out.ID == "" || out.KeysJWE != "sealed" {
		t.Fatalf("offline: %+v, %v", out, err)
	}
	again := fmt.Sprintf(`{"grant_type":"refresh_token","client_id":%q,"refresh_token":%q,"scope":%%q}`, firefox, out.Refresh)
	for scope, want := range map[string]*fault.Error{oldSync: nil, "": nil, oauth.Profile: fault.ErrScope, "everything": fault.ErrScope} {
		got, err := e.token(e.Request(fmt.Sprintf(again, scope)))
		if want == nil && (err != nil || got.Access == "" || got.Refresh != "" || got.Session != "") || want != nil && !errors.Is(err, want) {
			t.Errorf("by the refresh token for %q: %+v, %v", scope, got, err)
		}
	}
	other := strings.Replace(fmt.Sprintf(again, ""), firefox, oauth.NativeClient, 1)
	if _, err := e.token(e.Request(other)); !errors.Is(err, fault.ErrToken) {
		t.Errorf("by the refresh token of another client: %v", err)
	}

	// A program's browser leaves the page, and the session with it.
	e.add("native", func(c *store.Code) { c.ClientID = oauth.NativeClient })
	if _, err := e.token(e.Request(redeem(oauth.NativeClient, "native", verifier))); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Env.DB.Read(t.Context()).Token(e.Session); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the page's session: %v; want it gone", err)
	}
}

// A session gives access tokens, and codes that end the oldest ones where there are many.
func TestASessionGrants(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	body := fmt.Sprintf(`{"client_id":%q,"state":"s&t","scope":"profile","code_challenge":%q,"code_challenge_method":"S256"}`, firefox, challenge)
	if _, err := e.Authorization(e.Request(body)); !errors.Is(err, fault.ErrToken) {
		t.Errorf("a code without a session: %v", err)
	}
	var codes []string
	for range maxCodes + 1 {
		out, err := e.Authorization(e.BySession(body))
		if err != nil {
			t.Fatal(err)
		}
		a := out.(authorizationAnswer)
		if a.State != "s&t" || a.Redirect != oauth.WebChannel+"?code="+a.Code+"&state=s%26t" {
			t.Fatalf("answered %+v", a)
		}
		codes = append(codes, a.Code)
		e.clock.Pass(time.Millisecond)
	}
	for i, want := range map[int]error{0: fault.ErrUnknownCode, 1: nil, maxCodes: nil} {
		if _, err := e.token(e.Request(redeem(firefox, codes[i], verifier))); !errors.Is(err, want) {
			t.Errorf("code %d: %v; want %v", i, err, want)
		}
	}
	credentials := fmt.Sprintf(`{"grant_type":"fxa-credentials","client_id":%q,"scope":"profile"}`, firefox)
	if out, err := e.token(e.BySession(credentials)); err != nil || out.Access == "" || out.Refresh != "" || out.ExpiresIn != int64(MaxAccessTTL/time.Second) {
		t.Errorf("by the session: %+v, %v", out, err)
	}
	if _, err := e.token(e.Request(credentials)); !errors.Is(err, fault.ErrToken) {
		t.Errorf("by no session: %v", err)
	}
}

// A client that has a token can revoke it, and then no service accepts it.
func TestDestroy(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.add("code", func(c *store.Code) { c.Offline = true })
	out, err := e.token(e.Request(redeem(firefox, "code", verifier)))
	if err != nil {
		t.Fatal(err)
	}
	active := func(token string) bool {
		t.Helper()
		answer, err := e.Introspect(e.Request(fmt.Sprintf(`{"token":%q}`, token)))
		if err != nil {
			t.Fatal(err)
		}
		return answer.(introspection).Active
	}
	if !active(out.Access) || !active(out.Refresh) || active("unknown") {
		t.Error("introspection does not tell what is good")
	}
	for _, body := range []string{`{"token":%q}`, `{"access_token":%q}`} { // again: revoking twice succeeds
		if _, err := e.Destroy(e.Request(fmt.Sprintf(body, out.Access))); err != nil {
			t.Fatal(err)
		}
	}
	if active(out.Access) || !active(out.Refresh) {
		t.Error("the access token is good, or its refresh token is not")
	}
	if _, err := e.Verify(e.Request(fmt.Sprintf(`{"token":%q}`, out.Access))); !errors.Is(err, fault.ErrToken) {
		t.Errorf("verified: %v", err)
	}
	if _, err := e.Destroy(e.Request(fmt.Sprintf(`{"refresh_token":%q}`, out.Refresh))); err != nil || active(out.Refresh) {
		t.Errorf("the refresh token: %v", err)
	}
	if _, err := e.Destroy(e.Request(`{}`)); authtest.Refused(t, err) != "token" {
		t.Errorf("nothing: %v", err)
	}
}
