package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/server"
)

const elsewhere = "https://storage.test"

// Two servers: one has the accounts, the other the records.
func TestExternalAccounts(t *testing.T) {
	t.Parallel()
	accounts := newEnv(t, nil)
	d := accounts.device(true)
	uid := d.account.Session().UID
	records := newEnv(t, func(c *server.Config) {
		c.PublicURL = elsewhere
		c.External = &server.External{URL: root, Allow: []string{uid}, Transport: inproc.New(accounts.server.Handler())}
		c.Now = accounts.Now
	})
	// The token server is the one thing that the device is told.
	d.via = both{accounts: d.via, records: inproc.New(records.server.Handler())}
	d.renew()
	if !strings.HasPrefix(d.token.Endpoint, elsewhere) {
		t.Fatalf("the storage is at %s", d.token.Endpoint)
	}
	d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)

	// A stranger with an account there.
	stranger, err := accounts.accounts(inproc.New(accounts.server.Handler())).CreateAccount(t.Context(), "mallory@example.org", password)
	if err != nil {
		t.Fatal(err)
	}
	m := &device{w: accounts, via: d.via, account: stranger}
	if code := m.askToken(); code != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", code)
	}
	if log := records.log.String(); !strings.Contains(log, stranger.Session().UID) {
		t.Errorf("the log does not name the stranger: %s", log)
	}

	// The server has no accounts of its own.
	for _, path := range []string{"/auth/v1/account/create", "/oauth/v1/token", "/"} {
		rec := httptest.NewRecorder()
		records.server.Handler().ServeHTTP(rec, httptest.NewRequest("POST", elsewhere+path, strings.NewReader("{}")))
		if rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	rec := httptest.NewRecorder()
	records.server.Handler().ServeHTTP(rec, httptest.NewRequest("GET", elsewhere+"/__heartbeat__", nil))
	if rec.Code != http.StatusOK || strings.Contains(rec.Body.String(), "accounts") {
		t.Errorf("heartbeat: %d %s", rec.Code, rec.Body)
	}

	// The operator sees the user by uid, and can disable them and set their quota.
	users, err := records.server.Users(t.Context())
	if err != nil || len(users) != 1 || users[0].UID != uid || users[0].Bytes != 6 {
		t.Errorf("%+v, %v", users, err)
	}
	if err := records.server.SetDisabled(t.Context(), uid, true); err != nil {
		t.Fatal(err)
	}
	if code, _ := d.do("GET", "/storage/forms/x", ""); code != http.StatusUnauthorized {
		t.Errorf("locked out: %d", code)
	}
	if err := records.server.SetDisabled(t.Context(), uid, false); err != nil {
		t.Fatal(err)
	}
	d.must("GET", "/storage/forms/x", "")
	if err := records.server.SetDisabled(t.Context(), "alice@example.org", true); err == nil {
		t.Error("an address names nobody here")
	}
	if _, _, err := records.server.Invite(t.Context(), "", 1); err == nil {
		t.Error("an invitation to where nobody signs up")
	}
	if err := records.server.Purge(t.Context()); err != nil {
		t.Error(err)
	}
	if err := records.server.RemoveUser(t.Context(), uid); err != nil {
		t.Fatal(err)
	}
	if code := d.askToken(); code != http.StatusUnauthorized {
		t.Errorf("removed: %d", code)
	}
}

// both is the way to two servers; the token server of the first is never asked.
type both struct{ accounts, records http.RoundTripper }

func (b both) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/token/") {
		to := *r
		u, err := url.Parse(elsewhere + r.URL.RequestURI())
		if err != nil {
			return nil, err
		}
		to.URL, to.Host = u, u.Host
		r = &to
	}
	if r.URL.Host == strings.TrimPrefix(elsewhere, "https://") {
		return b.records.RoundTrip(r)
	}
	return b.accounts.RoundTrip(r)
}
