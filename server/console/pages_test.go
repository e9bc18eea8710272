package console_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/backup"
	"github.com/syncmanager/syncmanager/server/console"
)

// foreign returns a tag of a page that its policy forbids, or that names another site; "": there is none.
func foreign(text string) string {
	for tokens := html.NewTokenizer(strings.NewReader(text)); tokens.Next() != html.ErrorToken; {
		token := tokens.Token()
		if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
			continue
		}
		bad := slices.Contains([]string{"style", "img", "iframe", "object", "base", "svg"}, token.Data) || token.Data == "script" && len(token.Attr) != 2
		for _, a := range token.Attr {
			address := slices.Contains([]string{"src", "href", "action", "formaction"}, a.Key)
			bad = bad || strings.HasPrefix(a.Key, "on") || a.Key == "style" || address && (strings.Contains(a.Val, ":") || strings.HasPrefix(a.Val, "//"))
		}
		if bad {
			return token.String()
		}
	}
	return ""
}

// Whatever users, devices and operators call themselves is shown as text.
func TestHostileText(t *testing.T) {
	onEach(t, func(e *env) {
		const email = `<img/src="x"onerror=alert(1)>@example.org`
		uid := e.user(email)
		e.session(email) // of a device with a hostile name
		e.twoStep(email)
		_, _, err := e.Invite(e.Context(), `</td><script src=//evil.example>`, time.Hour)
		e.ok(err)
		b := e.signedIn()
		e.want(b.post("/admin/users/"+uid+"/quota", "quota", "limit", "megabytes", "1"), http.StatusSeeOther)
		for _, path := range []string{
			"", "/users", "/users?q=%3Cimg", "/users?sort=%22%3E%3Cscript%3E", "/users/" + uid, "/invitations", "/quotas", "/events?user=%22%3E%3Cscript%3E&event=%3Cscript%3E", "/events", "/nodes",
			"/backups", "/%3Cscript%3E", "/users/%3Cscript%3E", "/users?done=%3Cscript%3E",
		} {
			p := b.get("/admin" + path)
			if bad := foreign(p.Text); bad != "" || strings.Contains(p.Text, "<img/") || strings.Contains(p.Text, "<script>") {
				e.Errorf("%s has %q in it: %s", path, bad, p.Text)
			}
			if policy := p.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.Contains(policy, "form-action 'self'") || !strings.Contains(policy, "frame-ancestors 'none'") {
				e.Errorf("%s: the policy is %q", path, policy)
			}
		}
		e.want(b.get("/admin/users/"+uid), http.StatusOK, `&lt;script&gt;alert(&#34;device&#34;)&lt;/script&gt;`, "&lt;img/src=")
	})
}

// The list of users has pages, orders, and a search; numbers out of range stand for the nearest page.
func TestUsersList(t *testing.T) {
	onEach(t, func(e *env) {
		const users = 101
		for i := range users {
			e.user(fmt.Sprintf("user%03d@example.org", i))
		}
		e.Pass(time.Hour)
		e.session("user077@example.org")
		b := e.signedIn()
		first := func(query string) string {
			e.Helper()
			p := b.get("/admin/users" + query)
			e.want(p, http.StatusOK)
			found := regexp.MustCompile(`>(user\d+)@`).FindStringSubmatch(p.Text)
			if found == nil {
				return ""
			}
			return found[1]
		}
		for query, want := range map[string]string{
			"": "user000", "?page=2": "user050", "?page=3": "user100", "?page=4": "user100", "?page=0": "user000", "?page=-9223372036854775808": "user000",
			"?page=99999999999999999999": "user000", "?page=x": "user000", "?sort=recent": "user077", "?sort=unused": "user000", "?sort=nothing": "user000", "?q=USER042": "user042",
			"?q=nobody": "", "?sort=unused&page=3": "user077",
		} {
			if got := first(query); got != want {
				e.Errorf("%s begins with %q, want %q", query, got, want)
			}
		}
		e.want(b.get("/admin/users?q=user0"), http.StatusOK, "100 users", "Page 1 of 2", `href="?page=2&amp;q=user0"`)
		e.want(b.get("/admin/users?q=nobody"), http.StatusOK, "No address contains that")
		e.want(b.get("/admin/users?q="+strings.Repeat("x", 400)), http.StatusBadRequest, "the search is too long")
	})
}

// A server with more users than are listed finds them one by one.
func TestTooManyUsers(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "", func(_ *server.Config, c *console.Config) { c.MaxListed = -1 })
	uid := e.user(ann)
	b := e.signedIn()
	e.want(b.get("/admin"), http.StatusOK)
	e.want(b.get("/admin/quotas"), http.StatusOK)
	e.want(b.get("/admin/users"), http.StatusOK, "too many users to list")
	e.want(b.get("/admin/users?q=nobody"), http.StatusOK, "No user has the address")
	for _, q := range []string{ann, uid} {
		if p := b.get("/admin/users?q=" + q); p.Code != http.StatusSeeOther || p.Get("Location") != "/admin/users/"+uid {
			e.Errorf("%d, to %s", p.Code, p.Get("Location"))
		}
	}
}

// A user's page says what is stored, and changes take effect on it and in the list.
func TestUser(t *testing.T) {
	onEach(t, func(e *env) {
		uid := e.user(ann)
		b := e.signedIn()
		path := "/admin/users/" + uid
		e.want(b.get(path), http.StatusOK, ann, uid, "any amount (the default)", "Nothing.", "None is signed in")
		e.want(b.get("/admin/users"), http.StatusOK, "active")
		e.want(b.post(path+"/disable"), http.StatusSeeOther)
		e.want(b.get("/admin/users"), http.StatusOK, "disabled")
		e.want(b.get(path+"?done=disabled"), http.StatusOK, "The user is disabled", "Enable the user")
		e.want(b.post(path+"/enable"), http.StatusSeeOther)
		for _, bad := range []string{"", "x", "0", "-1", "1000000001", "1.5", "99999999999999999999"} {
			e.want(b.post(path+"/quota", "quota", "limit", "megabytes", bad), http.StatusBadRequest, "a number of megabytes")
		}
		e.want(b.post(path+"/quota", "quota", "x"), http.StatusBadRequest, "choose what")
		e.want(b.post(path+"/quota", "quota", "limit", "megabytes", " 7 "), http.StatusSeeOther)
		e.want(b.get(path), http.StatusOK, "7.0 MB (a quota of its own)")
		e.want(b.get("/admin/quotas"), http.StatusOK, ann, "7.0 MB")
		e.want(b.post("/admin/quotas", "quota", "limit", "megabytes", "9"), http.StatusSeeOther)
		e.want(b.post(path+"/quota", "quota", "default"), http.StatusSeeOther)
		e.want(b.get(path), http.StatusOK, "9.0 MB (the default)")
		if e.DefaultQuota() != 9_000_000 {
			e.Errorf("the default is %d", e.DefaultQuota())
		}
		e.want(b.post("/admin/quotas", "quota", "default"), http.StatusSeeOther)
		e.session(ann)
		e.want(b.get(path), http.StatusOK, "1 device and sessions")
		e.want(b.post(path+"/signout"), http.StatusSeeOther)
		e.want(b.get(path), http.StatusOK, "None is signed in")
		e.want(b.post(path+"/unlock"), http.StatusSeeOther)
		e.twoStep(ann)
		if p := b.post(path + "/two-step"); p.Code != http.StatusSeeOther || !strings.HasSuffix(p.Get("Location"), "?done=tellthem") {
			e.Errorf("%d, to %s", p.Code, p.Get("Location"))
		}
	})
}

// An invitation is shown once, and revoked by its ID.
func TestInvitations(t *testing.T) {
	onEach(t, func(e *env) {
		b := e.signedIn()
		e.want(b.get("/admin/invitations"), http.StatusOK, "None is valid")
		for _, days := range []string{"", "0", "3651", "x"} {
			e.want(b.post("/admin/invitations", "days", days), http.StatusBadRequest, "1 to 3650 days")
		}
		e.want(b.post("/admin/invitations", "days", "7", "note", strings.Repeat("é", 129)), http.StatusBadRequest, "too long")
		p := b.post("/admin/invitations", "days", "7", "note", "for Bob")
		e.want(p, http.StatusOK, "shown only now", root+"/#invitation=")
		code := regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){3}`).FindString(p.Text)
		again := b.get("/admin/invitations")
		e.want(again, http.StatusOK, "for Bob", "nobody yet")
		if code == "" || strings.Contains(again.Text, code) {
			e.Errorf("the code %q is shown again", code)
		}
		id := regexp.MustCompile(`name="id" value="([0-9a-f]+)"`).FindStringSubmatch(again.Text)[1]
		e.want(b.post("/admin/invitations/revoke", "id", id), http.StatusSeeOther)
		e.want(b.post("/admin/invitations/revoke", "id", id), http.StatusConflict, "no unused invitation")
		e.want(b.post("/admin/invitations/revoke", "id", ""), http.StatusConflict, "no unused invitation")
	})
}

// A backup is made beside the requests, and can be read.
func TestBackupNow(t *testing.T) {
	t.Parallel()
	var folder string
	e := newEnv(t, "", func(_ *server.Config, c *console.Config) { folder = c.Backups })
	e.user(ann)
	b := e.signedIn()
	e.want(b.get("/admin"), http.StatusOK, "Make one under Backups")
	e.want(b.get("/admin/backups"), http.StatusOK, "None yet")
	e.want(b.post("/admin/backups"), http.StatusSeeOther)
	p := b.get("/admin/backups")
	for ; strings.Contains(p.Text, "is being made"); p = b.get("/admin/backups") {
		if !strings.Contains(p.Text, `http-equiv="refresh"`) {
			e.Fatal("the page does not follow the backup")
		}
	}
	e.want(p, http.StatusOK, "is complete and was read back", "syncmanager-20261122-")
	e.want(b.post("/admin/backups"), http.StatusBadRequest, "a backup of this second is there already")
	made, err := filepath.Glob(filepath.Join(folder, "*.backup"))
	if err != nil || len(made) != 1 {
		t.Fatal(made, err)
	}
	info, err := os.Stat(made[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	f, err := os.Open(made[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := backup.Verify(t.Context(), f, t.TempDir()); err != nil {
		t.Error(err)
	}
	e.want(b.get("/admin"), http.StatusOK, "All is well")
	for range 17 {
		e.Pass(10 * time.Hour)
	}
	b.cookie = nil
	b.open(e.code())
	e.want(b.get("/admin"), http.StatusOK, "1 thing to look at", "let a timer run")
}

// Where no folder is named, or the data is elsewhere, the page says what to do.
func TestNoBackups(t *testing.T) {
	onEach(t, func(e *env) {
		if e.config.Database == "" {
			e = newEnv(e.T, "", func(_ *server.Config, c *console.Config) { c.Backups = "" })
		}
		b := e.signedIn()
		want, says := "--backup-dir DIR", "no folder for backups is configured"
		if e.config.Database != "" {
			want, says = "pg_dump", "the data is in PostgreSQL"
		}
		e.want(b.get("/admin/backups"), http.StatusOK, want)
		e.want(b.post("/admin/backups"), http.StatusBadRequest, says)
	})
}

// A folder that cannot be written fails the backup, and the pages say so.
func TestBackupFails(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "", func(_ *server.Config, c *console.Config) {
		c.Backups = filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(c.Backups, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	b := e.signedIn()
	e.want(b.get("/admin"), http.StatusOK, "cannot read the folder for backups")
	e.want(b.get("/admin/backups"), http.StatusOK, "cannot read the folder for backups")
	e.want(b.post("/admin/backups"), http.StatusConflict, "cannot make the folder for backups")
}

// The overview begins with what is wrong.
func TestOverview(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "", func(c *server.Config, _ *console.Config) {
		c.Disk = func(string) (left, size int64, err error) { return 1 << 20, 1 << 40, nil }
	})
	expires := e.Now().Add(-time.Hour)
	e.SetCertificate(func() time.Time { return expires })
	b := e.signedIn()
	e.want(b.get("/admin"), http.StatusOK, "things to look at", "The disk is full", "lower --disk-reserve", "Renew it", "expired on")
	expires = e.Now().Add(24 * time.Hour)
	e.want(b.get("/admin"), http.StatusOK, "It should have been renewed by now")
	expires = e.Now().Add(24 * time.Hour * 60)
	e.want(b.get("/admin"), http.StatusOK, "good until")
	if _, err := e.SetReadOnly(e.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	e.Pass(2 * time.Minute) // a use that would be noted
	e.want(b.get("/admin"), http.StatusOK, "It is being moved")
}

// What this package tells the security log and the pages about times is what the accounts say.
func TestTimes(t *testing.T) {
	t.Parallel()
	if accounts.OperatorLinkLife != 10*time.Minute || accounts.OperatorFresh != 10*time.Minute || accounts.OperatorLife != 8*time.Hour || accounts.OperatorIdle != 30*time.Minute {
		t.Error("the texts of the pages, of the command and of the guide name other times")
	}
}
