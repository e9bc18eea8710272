package console_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/console"
	"github.com/syncmanager/syncmanager/server/security"
)

// The pages do not exist until there is a link or an operator, and no longer when those are gone.
func TestOffUntilAskedFor(t *testing.T) {
	onEach(t, func(e *env) {
		b := e.browser()
		nowhere := b.get("/nowhere")
		off := func() {
			e.Helper()
			for _, path := range []string{"/admin", "/admin/users", "/admin/"} {
				if p := b.get(path); p.Code != http.StatusNotFound || p.Text != nowhere.Text {
					e.Errorf("%s: %d %s", path, p.Code, p.Text)
				}
			}
		}
		off()
		code := e.code()
		e.want(b.get("/admin"), http.StatusForbidden, "Sign in as an operator")
		e.Pass(accounts.OperatorLinkLife)
		off()
		b.open(e.code())
		e.want(b.get("/admin"), http.StatusOK, "Health")
		n, err := e.EndOperatorSessions(e.Context())
		if err != nil || n != 1 {
			e.Errorf("ended %d sessions, %v", n, err)
		}
		off()
		e.user(ann)
		if _, err := e.AddOperator(e.Context(), ann); err != nil {
			e.Fatal(err)
		}
		b.cookie = nil
		e.want(b.get("/admin"), http.StatusForbidden, "Sign in as an operator")
		e.ok(e.RemoveOperator(e.Context(), ann))
		if err := e.RemoveOperator(e.Context(), ann); !errors.Is(err, accounts.ErrNoOperator) {
			e.Errorf("removed twice: %v", err)
		}
		off()
		_ = code
	})
}

// A link opens the pages once, and for ten minutes. Its cookie is for these pages alone.
func TestLink(t *testing.T) {
	onEach(t, func(e *env) {
		code := e.code()
		b := e.browser()
		b.open(strings.ToLower(code[:5]) + " " + code[5:])
		c := b.cookie
		if c.Name != "__Secure-operator" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/admin" || c.Domain != "" || len(c.Value) != 32 {
			e.Errorf("the cookie is %+v", c)
		}
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		} {
			if got := b.get("/admin").Get(name); got != want {
				e.Errorf("%s is %q", name, got)
			}
		}
		other := e.browser()
		e.want(other.post("/admin/session", "code", code), http.StatusForbidden, "this code was used already")
		for _, bad := range []string{"", "x", strings.Repeat("0", 32), strings.Repeat("0", 10_000), c.Value} {
			e.want(other.post("/admin/session", "code", bad), http.StatusForbidden, "this code was used already")
		}
		late := e.code()
		e.Pass(accounts.OperatorLinkLife)
		e.want(other.post("/admin/session", "code", late), http.StatusForbidden, "too old")
		if other.cookie != nil {
			e.Error("a cookie for a wrong code")
		}

		// Another root has a cookie of its own, as its scheme and path are.
		local := e.browser()
		local.root = "http://127.0.0.1:5000/below"
		local.open(e.code())
		if c := local.cookie; c.Name != "operator" || c.Secure || c.Path != "/below/admin" {
			e.Errorf("the cookie is %+v", c)
		}
		e.want(local.get("/admin/users"), http.StatusOK, `href="/below/admin/users"`)

		// Signed out, the cookie is worth nothing.
		stolen := *b.cookie
		e.want(b.post("/admin/signout"), http.StatusSeeOther)
		b.cookie = &stolen
		e.want(b.get("/admin"), http.StatusForbidden, "signed out")
	})
}

// A session ends after eight hours, and after half an hour without use.
func TestSessionsEnd(t *testing.T) {
	onEach(t, func(e *env) {
		b, idle := e.signedIn(), e.signedIn()
		for range 16 {
			e.want(b.get("/admin/nodes"), http.StatusOK)
			e.Pass(accounts.OperatorIdle - time.Minute)
		}
		e.want(idle.get("/admin"), http.StatusForbidden, "signed out")
		e.want(b.get("/admin/nodes"), http.StatusOK)
		e.Pass(accounts.OperatorIdle - time.Minute)
		e.code()
		e.want(b.get("/admin/nodes"), http.StatusForbidden, "signed out")
		if b.cookie != nil {
			e.Error("the cookie is still there")
		}
	})
}

// A form of another site, or without the session's token, does nothing.
func TestForms(t *testing.T) {
	onEach(t, func(e *env) {
		uid := e.user(ann)
		b := e.signedIn()
		path := "/admin/users/" + uid + "/disable"
		good := csrfField.FindStringSubmatch(b.get("/admin").Text)[1]
		for name, change := range map[string]func(*http.Request){
			"no origin":      func(r *http.Request) { r.Header.Del("Origin") },
			"null":           func(r *http.Request) { r.Header.Set("Origin", "null") },
			"another site":   func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
			"another scheme": func(r *http.Request) { r.Header.Set("Origin", "http://sync.example.org") },
			"another port":   func(r *http.Request) { r.Header.Set("Origin", "https://sync.example.org:444") },
			"a name below":   func(r *http.Request) { r.Header.Set("Origin", "https://sync.example.org.evil.example") },
			"another host": func(r *http.Request) {
				r.Host = "evil.example"
				r.Header.Set("Origin", "https://evil.example")
			},
		} {
			b.change = change
			for _, p := range []page{b.send("POST", path, map[string][]string{"csrf": {good}}), b.send("POST", "/admin/session", map[string][]string{"code": {e.code()}})} {
				if p.Code != http.StatusForbidden {
					e.Errorf("%s: %d %s", name, p.Code, p.Text)
				}
			}
		}
		b.change = nil
		other := csrfField.FindStringSubmatch(e.signedIn().get("/admin").Text)[1]
		for _, token := range []string{"", "x", other} {
			e.want(b.send("POST", path, map[string][]string{"csrf": {token}}), http.StatusForbidden, "This was refused")
		}
		e.want(b.send("POST", path+"?csrf="+good, nil), http.StatusForbidden)
		e.want(b.get(path), http.StatusNotFound)
		e.want(b.send("POST", path, map[string][]string{"csrf": {good}, "x": {strings.Repeat("x", 1<<20)}}), http.StatusBadRequest, "cannot be read")
		u, err := e.UserDetails(e.Context(), uid)
		if err != nil || u.Disabled {
			e.Errorf("disabled by a form that was refused: %+v, %v", u, err)
		}
		e.want(b.send("POST", path, map[string][]string{"csrf": {good}}), http.StatusSeeOther)
	})
}

// The session of an account opens nothing here, whoever it is: the code for the pages takes the password and the second
// step, just now, and the account of an operator.
func TestAccounts(t *testing.T) {
	onEach(t, func(e *env) {
		uid := e.user(ann)
		session := e.session(ann)
		refused := func(what string, session string, code, errno int) {
			e.Helper()
			if got, out := e.api(session, "/account/operator", nil); got != code || out["errno"] != float64(errno) {
				e.Errorf("%s: %d %v", what, got, out)
			}
		}
		refused("without a session", "", 401, 110)
		refused("a session that did not show the password again", session, 401, 164)
		e.prove(session, ann)
		refused("no operator", session, 403, 203)
		if _, err := e.AddOperator(e.Context(), "nobody@example.org"); !errors.Is(err, server.ErrNoUser) {
			e.Errorf("an operator that does not exist: %v", err)
		}
		o, err := e.AddOperator(e.Context(), ann)
		if err != nil || o.SecondStep || o.UID != uid {
			e.Errorf("added %+v, %v", o, err)
		}
		refused("an operator without two-step sign-in", session, 403, 204)
		secret := e.twoStep(ann)
		waiting := e.session(ann)
		refused("a session that waits for the second step", waiting, 400, 138)
		e.api(waiting, "/session/verify/totp", map[string]string{"code": e.otp(secret)})
		refused("a session that did not show the password again", waiting, 401, 164)
		e.prove(waiting, ann)
		e.Pass(6 * time.Minute)
		refused("a session that showed both a while ago", waiting, 401, 164)

		b := e.browser()
		b.cookie = &http.Cookie{Name: "__Secure-operator", Value: waiting}
		e.want(b.get("/admin"), http.StatusForbidden)
		b.cookie = nil
		b.change = func(r *http.Request) { r.Header.Set("Authorization", "Bearer fxs_"+waiting) }
		e.want(b.get("/admin"), http.StatusForbidden)
		b.change = nil

		late := e.accountCode(ann, secret)
		e.Pass(time.Minute)
		e.want(b.post("/admin/session", "code", late), http.StatusForbidden)
		b.open(e.accountCode(ann, secret))
		e.want(b.get("/admin"), http.StatusOK, "Signed in "+ann)
		// What the pages' cookie opens is these pages alone.
		if code, _ := e.api(strings.Repeat("0", 64), "/account/operator", nil); code != 401 {
			e.Errorf("answered with %d", code)
		}
	})
}

// Whatever ends an operator's right ends open sessions at once.
func TestOperatorsThatEnd(t *testing.T) {
	onEach(t, func(e *env) {
		var secret string
		for what, end := range map[string]func(uid string) error{
			"removed":          func(uid string) error { return e.RemoveOperator(e.Context(), uid) },
			"disabled":         func(uid string) error { return e.SetDisabled(e.Context(), uid, true) },
			"signed out":       func(uid string) error { return e.SignOutUser(e.Context(), uid) },
			"two-step removed": func(uid string) error { _, err := e.RemoveSecondStep(e.Context(), uid); return err },
			"two-step renewed": func(string) error {
				const email = "two-step-renewed@example.org"
				session := e.session(email)
				e.api(session, "/session/verify/totp", map[string]string{"code": e.otp(secret)})
				e.prove(session, email)
				if code, out := e.api(session, "/totp/destroy", nil); code != http.StatusOK {
					return fmt.Errorf("turning two-step sign-in off: %d %v", code, out)
				}
				e.twoStep(email)
				return nil
			},
			"deleted": func(uid string) error { return e.RemoveUser(e.Context(), uid) },
		} {
			email := strings.ReplaceAll(what, " ", "-") + "@example.org"
			var uid string
			uid, secret = e.operator(email)
			b := e.browser()
			b.open(e.accountCode(email, secret))
			e.want(b.get("/admin"), http.StatusOK)
			form := map[string][]string{"csrf": {csrfField.FindStringSubmatch(b.get("/admin").Text)[1]}, "quota": {"none"}}
			cookie := b.cookie
			e.ok(end(uid))
			e.code() // so that the pages are there
			if p := b.send("POST", "/admin/quotas", form); p.Code != http.StatusForbidden {
				e.Errorf("%s: a form is taken: %d", what, p.Code)
			}
			b.cookie = cookie
			if p := b.get("/admin"); p.Code != http.StatusForbidden {
				e.Errorf("%s: %d", what, p.Code)
			}
		}
	})
}

// A session that ends between the check of a request and the transaction that acts does nothing.
func TestSessionIsCheckedWhereItActs(t *testing.T) {
	onEach(t, func(e *env) {
		victim := e.user("victim@example.org")
		e.twoStep("victim@example.org")
		code, _, err := e.Invite(e.Context(), "", time.Hour)
		e.ok(err)
		b := e.signedIn()
		session, err := e.Accounts().OperatorSession(e.Context(), b.cookie.Value)
		if err != nil {
			e.Fatal(err)
		}
		ctx := session.Acting(e.Context())
		if _, err := e.EndOperatorSessions(e.Context()); err != nil {
			e.Fatal(err)
		}
		quota := int64(1)
		for what, act := range map[string]func() error{
			"invite":        func() error { _, _, err := e.Invite(ctx, "", time.Hour); return err },
			"revoke":        func() error { return e.RevokeInvitation(ctx, code) },
			"disable":       func() error { return e.SetDisabled(ctx, victim, true) },
			"sign out":      func() error { return e.SignOutUser(ctx, victim) },
			"quota":         func() error { return e.SetQuota(ctx, victim, &quota) },
			"default quota": func() error { return e.SetDefaultQuota(ctx, &quota) },
			"unlock":        func() error { return e.Unlock(ctx, victim) },
			"two-step":      func() error { _, err := e.RemoveSecondStep(ctx, victim); return err },
			"delete":        func() error { return e.RemoveUser(ctx, victim) },
		} {
			if err := act(); !errors.Is(err, accounts.ErrOperatorSession) {
				e.Errorf("%s: %v", what, err)
			}
		}
		u, err := e.UserDetails(e.Context(), victim)
		if err != nil || u.Disabled || u.OwnQuota || !u.SecondStep || len(u.Clients) != 1 || e.DefaultQuota() != 0 {
			e.Errorf("%+v, %v", u, err)
		}
		all, err := e.Invitations(e.Context())
		if err != nil || len(all) != 1 {
			e.Errorf("%+v, %v", all, err)
		}
	})
}

// What cannot be undone takes a session that is new, and the address of the user.
func TestDelete(t *testing.T) {
	onEach(t, func(e *env) {
		uid := e.user(ann)
		b := e.signedIn()
		path := "/admin/users/" + uid
		for _, typed := range []string{"", "bob@example.org", uid, "ANN@example.org"} {
			e.want(b.post(path+"/delete", "address", typed), http.StatusBadRequest, "nothing was deleted")
		}
		e.Pass(accounts.OperatorFresh)
		e.want(b.post(path+"/delete", "address", ann), http.StatusForbidden, "sign-in of the last ten minutes")
		e.want(b.post(path+"/two-step"), http.StatusForbidden, "sign-in of the last ten minutes")
		e.want(b.get(path), http.StatusOK, ann) // the session goes on
		old := *b.cookie
		b.open(e.code())
		if _, err := e.Accounts().OperatorSession(e.Context(), old.Value); !errors.Is(err, accounts.ErrOperatorSession) {
			e.Errorf("the session that was replaced: %v", err)
		}
		e.want(b.post(path+"/two-step"), http.StatusConflict, "two-step sign-in is not turned on")
		e.want(b.post(path+"/delete", "address", " "+ann+" "), http.StatusSeeOther)
		for _, p := range []page{b.get(path), b.post(path+"/delete", "address", ann), b.post(path + "/disable"), b.get("/admin/users/" + strings.Repeat("0", 32))} {
			e.want(p, http.StatusNotFound, "user not found")
		}
	})
}

// Two operators who do the same at once: each gets an answer, and it is done once.
func TestTwoOperators(t *testing.T) {
	onEach(t, func(e *env) {
		uid := e.user(ann)
		code, _, err := e.Invite(e.Context(), "", time.Hour)
		e.ok(err)
		one := code
		all, err := e.Invitations(e.Context())
		if err != nil || len(all) != 1 {
			e.Fatal(all, err)
		}
		both := []*browser{e.signedIn(), e.signedIn()}
		at := func(path string, fields ...string) (codes map[int]int) {
			codes = make(map[int]int)
			var mu sync.Mutex
			var done sync.WaitGroup
			for _, b := range both {
				done.Go(func() {
					p := b.post(path, fields...)
					mu.Lock()
					codes[p.Code]++
					mu.Unlock()
				})
			}
			done.Wait()
			return codes
		}
		if got := at("/admin/invitations/revoke", "id", all[0].ID); got[http.StatusSeeOther] != 1 || got[http.StatusConflict] != 1 {
			e.Errorf("revoking %s: %v", one, got)
		}
		if got := at("/admin/users/" + uid + "/disable"); got[http.StatusSeeOther] != 2 {
			e.Errorf("disabling: %v", got)
		}
		if got := at("/admin/users/"+uid+"/delete", "address", ann); got[http.StatusSeeOther] == 0 || got[http.StatusSeeOther]+got[http.StatusNotFound] != 2 {
			e.Errorf("deleting: %v", got)
		}
	})
}

// A code opens one session, however many browsers send it at once.
func TestOneSessionPerCode(t *testing.T) {
	onEach(t, func(e *env) {
		code := e.code()
		var mu sync.Mutex
		var opened sync.WaitGroup
		codes := make(map[int]int)
		for range 8 {
			opened.Go(func() {
				p := e.browser().post("/admin/session", "code", code)
				mu.Lock()
				codes[p.Code]++
				mu.Unlock()
			})
		}
		opened.Wait()
		if codes[http.StatusSeeOther] != 1 || codes[http.StatusForbidden] != 7 {
			e.Errorf("%v", codes)
		}
	})
}

// Guesses are limited by address.
func TestGuesses(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "", func(c *server.Config, _ *console.Config) { c.SignIn = accounts.Limits{PerAddress: 3} })
	code := e.code()
	b := e.browser()
	for range 3 {
		e.want(b.post("/admin/session", "code", "x"), http.StatusForbidden)
	}
	e.want(b.post("/admin/session", "code", code), http.StatusTooManyRequests, "too many tries")
	b.change = func(r *http.Request) { r.RemoteAddr = "192.0.2.2:1" }
	b.open(code)
}

// The security log says who did what.
func TestWhoDidIt(t *testing.T) {
	onEach(t, func(e *env) {
		boss, secret := e.operator("boss@example.org")
		uid := e.user(ann)
		b := e.browser()
		b.open(e.accountCode("boss@example.org", secret))
		path := "/admin/users/" + uid
		for _, done := range []page{
			b.post(path + "/disable"), b.post(path + "/enable"), b.post(path + "/signout"), b.post(path + "/unlock"), b.post(path+"/quota", "quota", "limit", "megabytes", "7"),
			b.post("/admin/quotas", "quota", "none"), b.post(path+"/delete", "address", ann),
		} {
			e.want(done, http.StatusSeeOther)
		}
		e.want(b.post("/admin/invitations", "days", "3", "note", "for Bob"), http.StatusOK, "shown only now")
		by := make(map[security.Reason]int)
		for _, entry := range e.Security().Last(func(entry security.Entry) bool { return entry.Operator == boss }) {
			if by[entry.Reason]++; entry.Event != security.ByOperator || entry.From != "192.0.2.1" {
				e.Errorf("%+v", entry)
			}
		}
		for _, why := range []security.Reason{
			security.OperatorSignedIn, security.UserDisabled, security.UserEnabled, security.UserSignedOut, security.LockLifted, security.QuotaSet,
			security.DefaultQuotaSet, security.UserRemoved, security.InvitationMade,
		} {
			if by[why] != 1 {
				e.Errorf("%s is noted %d times", why, by[why])
			}
		}
		e.want(b.get("/admin/events?event=by_operator"), http.StatusOK, "user removed", "boss@example.org", "192.0.2.1")
		e.want(b.get("/admin/events?user=boss@example.org&span=hour"), http.StatusOK, "user removed")
		e.want(b.get("/admin/events?user=nobody"), http.StatusOK, "0 events")
	})
}

// A server whose accounts are elsewhere has no such pages.
func TestAccountsElsewhere(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "", func(c *server.Config, _ *console.Config) {
		c.External = &server.External{URL: "https://accounts.example.org", AllowAll: true}
	})
	if _, _, err := e.OperatorLink(e.Context()); !errors.Is(err, server.ErrElsewhere) {
		e.Error(err)
	}
	rec := httptest.NewRecorder()
	e.Handler().ServeHTTP(rec, httptest.NewRequest("GET", root+"/admin", nil))
	if rec.Code != http.StatusNotFound {
		e.Errorf("%d", rec.Code)
	}
}
