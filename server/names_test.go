package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/server"
)

const (
	public = "https://sync.example.org"
	nas    = "http://nas.lan:8000"
	below  = "https://example.org/my/sync"
)

func newNamedEnv(t *testing.T, change func(*server.Config)) *env {
	w := newEnv(t, func(c *server.Config) {
		c.PublicURL, c.OtherURLs = public, []string{nas, below, nas + "/"}
		if change != nil {
			change(c)
		}
	})
	w.rootURL = public
	return w
}

// get asks by a name; headers are "Name: value".
func (w *env) get(url string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(w.t.Context(), "GET", url, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, r)
	return rec
}

// A server describes itself with the URL that the request was sent to.
func TestEachNameSpeaksOfItself(t *testing.T) {
	t.Parallel()
	w := newNamedEnv(t, nil)
	for _, root := range []string{public, nas, below} {
		var config, discovery map[string]any
		for path, into := range map[string]*map[string]any{"fxa-client-configuration": &config, "openid-configuration": &discovery} {
			rec := w.get(root + "/.well-known/" + path)
			if err := json.Unmarshal(rec.Body.Bytes(), into); rec.Code != 200 || err != nil {
				t.Fatalf("%s: %d %v", root, rec.Code, err)
			}
		}
		if config["sync_tokenserver_base_url"] != root+"/token" || config["auth_server_base_url"] != root+"/auth" {
			t.Errorf("%s leads clients to %v", root, config)
		}
		if want := "ws" + strings.TrimPrefix(strings.TrimSuffix(root, "/my/sync"), "http"); config["pairing_server_base_uri"] != want {
			t.Errorf("%s pairs at %v, want %s", root, config["pairing_server_base_uri"], want)
		}
		if discovery["issuer"] != root || discovery["token_endpoint"] != root+"/oauth/v1/token" {
			t.Errorf("%s is, by OpenID, %v", root, discovery)
		}
		if page := w.get(root + "/connect_another_device").Body.String(); !strings.Contains(page, "<code>"+root+"</code>") {
			t.Errorf("%s tells users: %s", root, page)
		}
		if got := w.get(root+"/signin").Header().Get("Strict-Transport-Security") != ""; got != strings.HasPrefix(root, "https:") {
			t.Errorf("%s: HSTS is %v", root, got)
		}
		if rec := w.get(root + "/oauth/v1/client/5882386c6d801776"); !strings.Contains(rec.Body.String(), root+"/oauth/success/") {
			t.Errorf("%s redirects: %s", root, rec.Body)
		}
	}
	for text, rec := range map[string]*httptest.ResponseRecorder{
		"a host that is none of the names": w.get(public+"/.well-known/fxa-client-configuration", "Host: evil.test"),
		"one that a stranger forwards":     w.get(public+"/.well-known/fxa-client-configuration", "X-Forwarded-Host: nas.lan:8000"),
	} {
		if got := rec.Body.String(); !strings.Contains(got, `"`+public+`/token"`) || strings.Contains(got, "evil") {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestNamesBehindAProxy(t *testing.T) {
	t.Parallel()
	w := newNamedEnv(t, func(c *server.Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }) // httptest's
	for _, forwarded := range []string{"nas.lan:8000", "nas.lan:8000, 127.0.0.1:5000"} {
		got := w.get("http://127.0.0.1:5000/.well-known/fxa-client-configuration", "X-Forwarded-Host: "+forwarded).Body.String()
		if !strings.Contains(got, `"`+nas+`/token"`) {
			t.Errorf("%s: %s", forwarded, got)
		}
	}
	if got := w.get("http://127.0.0.1:5000/.well-known/fxa-client-configuration", "X-Forwarded-Host: evil.test").Body.String(); !strings.Contains(got, `"`+public+`/token"`) {
		t.Errorf("a host that is none of the names: %s", got)
	}
}

// moved is the device's session as one that knows the server by another name.
func (d *device) moved(to string) *device {
	t := d.w.t
	t.Helper()
	b, err := json.Marshal(d.account.Session())
	if err != nil {
		t.Fatal(err)
	}
	var s account.Session
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(b), d.w.rootURL, to)), &s); err != nil {
		t.Fatal(err)
	}
	out := &device{w: d.w, via: d.via, account: d.w.accounts(d.via).Resume(s)}
	out.renew()
	return out
}

// A device signs in at one URL and continues at another; a device that signed in at the other
// reads its records.
func TestSignInByOneNameAndSyncByAnother(t *testing.T) {
	t.Parallel()
	w := newNamedEnv(t, nil)
	d := w.device(true)
	if !strings.HasPrefix(d.token.Endpoint, public+"/storage/1.5/") {
		t.Fatalf("storage is at %s", d.token.Endpoint)
	}
	d.must("PUT", "/storage/forms/x", `{"payload":"by the first name"}`)
	for _, to := range []string{nas, below} {
		m := d.moved(to)
		if !strings.HasPrefix(m.token.Endpoint, to+"/storage/1.5/") || m.token.UID != d.token.UID {
			t.Errorf("by %s, storage %d is at %s", to, m.token.UID, m.token.Endpoint)
		}
		if got := m.must("GET", "/storage/forms/x", ""); !strings.Contains(got, "by the first name") {
			t.Errorf("by %s: %s", to, got)
		}
		if _, err := m.account.Devices(t.Context()); err != nil {
			t.Errorf("by %s, the session: %v", to, err)
		}
		// The storage token itself is not bound to a name.
		m.token.ID, m.token.Key = d.token.ID, d.token.Key
		m.must("PUT", "/storage/forms/x", `{"payload":"by the first name"}`)
	}
	w.rootURL = nas
	if got := w.device(false).must("GET", "/storage/forms/x", ""); !strings.Contains(got, "by the first name") {
		t.Errorf("the other device reads %s", got)
	}
}

// A request that was signed for one name is refused by another. One whose host is none of
// the names counts as signed for the canonical one, as behind a proxy that hides it.
func TestASignatureIsForOneName(t *testing.T) {
	t.Parallel()
	w := newNamedEnv(t, nil)
	d := w.device(true)
	path := strings.TrimPrefix(d.token.Endpoint, public) + "/info/collections"
	ask := func(signed, host string) int {
		r := httptest.NewRequestWithContext(t.Context(), "GET", signed+path, nil)
		hawk.Sign(r, hawk.Credentials{ID: d.token.ID, Key: []byte(d.token.Key)}, w.Now().Unix(), signed+host, "")
		r.Host = host
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, r)
		return rec.Code
	}
	for host, want := range map[string]map[string]int{
		"sync.example.org": {public: 200, nas: 401, "http://evil.test": 401},
		"nas.lan:8000":     {public: 401, nas: 200, "http://evil.test": 401},
		"127.0.0.1:5000":   {public: 200, nas: 401, "http://127.0.0.1:5000": 401},
		"evil.test":        {public: 200, nas: 401, "http://evil.test": 401},
	} {
		for signed, code := range want {
			if got := ask(signed, host); got != code {
				t.Errorf("signed for %s, sent to %s: %d, want %d", signed, host, got, code)
			}
		}
	}
}

// An access token has the canonical issuer whichever name it was got by, and is good by
// each; also after the operator made another name the canonical one.
func TestAccessTokensOutliveANewCanonicalName(t *testing.T) {
	t.Parallel()
	w := newNamedEnv(t, nil)
	w.rootURL = nas
	d := w.device(true)
	access, err := d.account.AccessToken(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	issuer := func() string {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), "POST", below+"/oauth/v1/introspect", strings.NewReader(fmt.Sprintf(`{"token":%q}`, access)))
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, r)
		var got struct {
			Active bool
			Iss    string
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || !got.Active {
			t.Errorf("introspection: %s, %v", rec.Body, err)
		}
		return got.Iss
	}
	if got := issuer(); got != public {
		t.Errorf("the issuer is %s", got)
	}
	if err := w.server.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.cfg.PublicURL, w.cfg.OtherURLs = nas, []string{below, public}
	w.open()
	if got := issuer(); got != public {
		t.Errorf("the issuer is now %s", got)
	}
	d.via = inproc.New(w.server.Handler())
	kid, _, err := d.account.SyncKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rec := w.get(nas+"/token/1.0/sync/1.5", "Authorization: Bearer "+access, "X-KeyID: "+kid); rec.Code != http.StatusOK {
		t.Errorf("the token server: %d %s", rec.Code, rec.Body)
	}
	w.Pass(7 * time.Hour)
	if rec := w.get(nas+"/token/1.0/sync/1.5", "Authorization: Bearer "+access, "X-KeyID: "+kid); rec.Code != http.StatusUnauthorized {
		t.Errorf("expired: %d", rec.Code)
	}
}

func TestTooManyNames(t *testing.T) {
	t.Parallel()
	cfg := server.Config{Dir: t.TempDir(), PublicURL: public}
	for i := range 40 {
		cfg.OtherURLs = append(cfg.OtherURLs, fmt.Sprintf("https://n%d.example", i))
	}
	if _, err := server.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("forty names: %v", err)
	}
	cfg.OtherURLs = []string{"nas.lan"}
	if _, err := server.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), `"nas.lan"`) {
		t.Errorf("no URL: %v", err)
	}
}
