package accounts_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/mailtest"
	"github.com/syncmanager/syncmanager/server/accounts"
)

// pattern is an answer without its random values and without the name of the user who asked.
func (a answer) pattern(who string) string {
	text := regexp.MustCompile(`[0-9a-f]{32,}`).ReplaceAllString(a.Body.String(), "HEX")
	local, _, _ := strings.Cut(who, "@")
	text = regexp.MustCompile(`(?i)`+local+"@").ReplaceAllString(text, "WHO@")
	return fmt.Sprint(a.Code, " ", text, a.Header().Get("Retry-After"))
}

// No request distinguishes an address with an account, of either version of the stretching,
// from one without, under any policy.
func TestNothingTellsAnAccount(t *testing.T) {
	t.Parallel()
	for _, policy := range []accounts.SignUp{accounts.SignUpOpen, accounts.SignUpEmail, accounts.SignUpInvite, accounts.SignUpClosed} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			w := newMailEnv(t, mailtest.Options{}, time.Minute).env
			w.open(func(c *accounts.Config) { c.Limits.PerAddress = 1000 })
			p := stretchBoth(t, password, make([]byte, 32))
			p.body["email"] = "newer@example.org"
			w.post("/auth/v1/account/create", nil, p.body).ok()
			w.signUp("older@example.org")
			w.signUp("Capital@Example.org")
			reopened := newMailEnv(t, mailtest.Options{}, time.Minute)
			reopened.dir = w.dir
			change := reopened.change
			reopened.open(func(c *accounts.Config) { change(c); c.SignUp = policy; c.Limits.PerAddress = 1000 })
			w = reopened.env
			wrong := strings.Repeat("0b", 32)
			seen := map[string]map[string]string{}
			for _, who := range []string{"nobody@example.org", "newer@example.org", "older@example.org", "capital@example.org"} {
				for name, spelled := range map[string]string{"as it is": who, "in capitals": strings.ToUpper(who)} {
					body := func(more map[string]any) map[string]any {
						in := map[string]any{"email": spelled, "authPW": wrong, "oldAuthPW": wrong}
						maps.Copy(in, more)
						return in
					}
					answers := map[string]answer{
						"sign in":           w.post("/auth/v1/account/login", nil, body(nil)),
						"sign in, both":     w.post("/auth/v1/account/login?keys=true", nil, body(map[string]any{"authPWVersion1": wrong})),
						"salt":              w.post("/auth/v1/account/credentials/status", nil, body(nil)),
						"status":            w.post("/auth/v1/account/status", nil, body(nil)),
						"delete":            w.post("/auth/v1/account/destroy", nil, body(nil)),
						"change":            w.post("/auth/v1/password/change/start", nil, body(nil)),
						"forgotten":         w.post("/auth/v1/recoveryKey/start", nil, body(map[string]any{"recoveryKeyId": recoveryID})),
						"reset":             w.post("/auth/v1/account/reset", nil, body(nil)),
						"sign up, half way": w.post("/auth/v1/account/create", nil, body(map[string]any{"authPW": "00"})),
					}
					if policy != accounts.SignUpOpen { // where it makes an account, or says that there is one
						answers["sign up"] = w.post("/auth/v1/account/create", nil, body(map[string]any{"authPW": strings.Repeat("0c", 32), "invitation": "ABCD-EFGH-JKMN-PQRS"}))
					}
					for what, a := range answers {
						key := what + ", " + name
						if seen[key] == nil {
							seen[key] = map[string]string{}
						}
						seen[key][who] = a.pattern(who)
					}
				}
			}
			for what, by := range seen {
				if all := slices.Collect(maps.Values(by)); slices.ContainsFunc(all, func(s string) bool { return s != all[0] }) {
					t.Errorf("%s tells an account: %v", what, by)
				}
			}
		})
	}
}

// The salt of an address stays the same.
func TestSaltsAreStable(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	ask := func(email string) any {
		return w.post("/auth/v1/account/credentials/status", nil, map[string]string{"email": email}).ok()["clientSalt"]
	}
	first := ask(email)
	w.signUp(email)
	if ask(email) != first || ask(strings.ToUpper(email)) != first {
		t.Error("the salt tells that an account was made")
	}
}

// A client that shows its password in both versions signs in to an account that has version 1
// alone, with one try.
func TestSignInWithBothVersions(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *accounts.Config) { c.Limits.PerAccount = 1 })
	w.signUp(email)
	salt := w.post("/auth/v1/account/credentials/status", nil, map[string]string{"email": email}).text("clientSalt")
	v2, err := onepw.StretchV2(salt, password)
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]any{"email": email, "authPW": hex.EncodeToString(v2.AuthPW), "authPWVersion1": authPW(email, password)}
	w.kB(w.post("/auth/v1/account/login?keys=true", nil, in).text("keyFetchToken"), password)
	in["authPWVersion1"] = authPW(email, "wrong")
	w.post("/auth/v1/account/login?keys=true", nil, in).refused(400, 103)
	w.post("/auth/v1/account/login?keys=true", nil, in).refused(429, 114)
	in["authPWVersion1"] = "00"
	w.post("/auth/v1/account/login?keys=true", nil, in).refused(400, 107)
}

// Where sign-up is by e-mail, signing up with an address that has an account looks the same as
// with one that has none, in every request. The owner is notified by e-mail.
func TestSignUpWithAnAddressThatHasAnAccount(t *testing.T) {
	t.Parallel()
	w := newMailEnv(t, mailtest.Options{}, time.Minute)
	w.enter(w.create(email).text("sessionToken"), w.code(email)).ok()
	const stranger = "nobody@example.org"
	guess := func(who string) map[string]any {
		return map[string]any{"email": who, "authPW": authPW(who, "a guess")}
	}
	patterns := map[string][]string{}
	for _, who := range []string{email, stranger} {
		made := w.post("/auth/v1/account/create?keys=true", nil, guess(who))
		s := made.text("sessionToken")
		for _, a := range []answer{
			made,
			w.get("/auth/v1/session/status", w.session(s)),
			w.get("/auth/v1/recovery_email/status", w.session(s)),
			w.enter(s, "123456"),
			w.post("/auth/v1/session/resend_code", w.session(s), nil),
			w.post("/auth/v1/account/login", nil, guess(who)),
			w.post("/auth/v1/account/login", nil, map[string]any{"email": who, "authPW": authPW(who, "another")}),
			w.post("/auth/v1/account/credentials/status", nil, guess(who)),
			w.post("/auth/v1/account/create?keys=true", nil, guess(who)),
			w.get("/auth/v1/session/status", w.session(s)),
			w.post("/auth/v1/password/change/start", nil, map[string]any{"email": who, "oldAuthPW": authPW(who, "a guess")}),
		} {
			patterns[who] = append(patterns[who], a.pattern(who))
		}
	}
	if !reflect.DeepEqual(patterns[email], patterns[stranger]) {
		t.Errorf("with an account: %q\nwithout: %q", patterns[email], patterns[stranger])
	}
	var told []string
	for w.host.Waiting() > 0 {
		m, err := w.host.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m.To == email {
			told = append(told, m.Code())
			if !strings.Contains(m.Text, "you have one already") {
				t.Errorf("the owner is told %q", m.Text)
			}
		}
	}
	if len(told) == 0 || slices.ContainsFunc(told, func(code string) bool { return code != "" }) {
		t.Errorf("the owner gets the codes %q", told)
	}
	w.signIn(email, password).ok()
	if u, err := w.Users(t.Context()); err != nil || len(u) != 2 {
		t.Errorf("the users are %+v, %v", u, err)
	}
}

// Addresses that look like others are refused, and both ways to encode an accent give one
// address.
func TestAddressesThatPassForOthers(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	for _, bad := range []string{
		"a\u202ebob@example.org", "alice@exam\u200bple.org", "alice@example.org\u2069", "al\u0007ice@example.org", "alice\u00a0@example.org",
		"alice\u2028@example.org", "alice\ufe0f@example.org", "alice\u007f@example.org", "\ufeffalice@example.org", "ali\u00adce@example.org", "\u061calice@example.org",
	} {
		w.post("/auth/v1/account/create", nil, map[string]any{"email": bad, "authPW": authPW(bad, password)}).refused(400, 107)
		w.post("/auth/v1/account/login", nil, map[string]any{"email": bad, "authPW": authPW(bad, password)}).refused(400, 107)
	}
	w.signUp("andr\u00e9@example.org")
	w.post("/auth/v1/account/create", nil, map[string]any{"email": "andre\u0301@example.org", "authPW": authPW("x", password)}).refused(400, 101)
}

// An invitation lets its holder probe only a few addresses.
func TestInvitationIsNoOracle(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.signUp(email)
	w.open(func(c *accounts.Config) { c.SignUp = accounts.SignUpInvite })
	code, _, err := w.Invite(t.Context(), "for Bob", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]any{"email": email, "authPW": authPW(email, password), "invitation": code}
	for range 10 {
		w.post("/auth/v1/account/create", nil, in).refused(400, 101)
	}
	w.post("/auth/v1/account/create", nil, in).refused(429, 114)
}
