package server_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

// attack makes a log: a device comes, and strangers from 192.0.2.7 and 2001:db8::7 try what they can.
func attack(t *testing.T, handler func(*safeBuffer) slog.Handler) (w *env, log string) {
	t.Helper()
	w = newEnv(t, func(c *server.Config) { c.SignIn = accounts.Limits{PerAccount: 2, PerAddress: 6} })
	if err := w.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var out safeBuffer
	w.cfg.Log = slog.New(handler(&out))
	w.open()
	d := w.device(true)
	if err := d.account.RegisterDevice(t.Context(), "Ann's laptop", "desktop"); err != nil {
		t.Fatal(err)
	}
	try := func(from, method, path, body string, header http.Header) {
		r := httptest.NewRequestWithContext(t.Context(), method, root+path, strings.NewReader(body))
		r.RemoteAddr = from
		if header != nil {
			r.Header = header
		}
		w.server.Handler().ServeHTTP(httptest.NewRecorder(), r)
	}
	wrong := strings.Repeat("ab", 32)
	for range 3 { // wrong, wrong, locked
		try("192.0.2.7:4711", "POST", "/auth/v1/account/login", `{"email":"`+email+`","authPW":"`+wrong+`"}`, nil)
	}
	for range 6 { // nobody, until the address asked too often
		try("[2001:db8::7]:4711", "POST", "/auth/v1/account/login", `{"email":"hunter2 level=WARN@x","authPW":"`+wrong+`"}`, nil)
		try("[2001:db8::7]:4711", "POST", "/auth/v1/account/login", `{"email":"hunter2@x","authPW":"`+wrong+`"}`, nil)
	}
	try("192.0.2.7:4711", "GET", "/storage/1.5/1/info/collections", "", http.Header{"Authorization": {`Hawk id="x", ts="1", nonce="x", mac="x"`}})
	try("192.0.2.7:4711", "GET", "/token/1.0/sync/1.5", "", http.Header{"Authorization": {"Bearer hunter2"}})
	// Text in a request's path cannot forge a line of the log.
	try("198.51.100.9:1", "GET", "/x%0Atime=2026-11-28T20:00:00.000Z%20level=WARN%20msg=security%20event=sign_in_failed%20reason=wrong_password%20from=203.0.113.1", "", nil)
	return w, out.String()
}

var formats = map[string]func(*safeBuffer) slog.Handler{
	"text": func(b *safeBuffer) slog.Handler {
		return slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelWarn})
	},
	"json": func(b *safeBuffer) slog.Handler {
		return slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelWarn})
	},
}

// At the default level, the security log shows each attempt with its address, and contains no
// user input.
func TestSecurityLog(t *testing.T) {
	t.Parallel()
	w, log := attack(t, formats["text"])
	users, err := w.server.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for line, times := range map[string]int{
		"event=new_device reason=registered":                                                   1,
		"event=sign_in_failed reason=wrong_password from=192.0.2.7 uid=" + users[0].UID + "\n": 2,
		"event=locked reason=too_many_tries from=192.0.2.7\n":                                  1,
		"event=sign_in_failed reason=no_account from=2001:db8::7\n":                            2,
		"event=token_refused reason=storage_token from=192.0.2.7\n":                            1,
		"event=token_refused reason=access_token from=192.0.2.7\n":                             1,
		"level=WARN msg=security event=throttled reason=too_many_tries from=2001:db8::7\n":     4,
	} {
		if got := strings.Count(log, line); got != times {
			t.Errorf("%d times %q, want %d", got, line, times)
		}
	}
	for _, secret := range []string{"hunter2", email, "abab", "Ann's laptop", "203.0.113.1"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if text := scrape(t, w.server); !strings.Contains(text, `syncmanager_security_events_total{event="sign_in_failed",reason="wrong_password"} 2`) {
		t.Error("the metrics do not count it")
	}
	if t.Failed() {
		t.Log(log)
	}
}

// The filter for fail2ban finds exactly the attackers in a real log.
func TestFail2ban(t *testing.T) {
	t.Parallel()
	filter := filepath.Join("..", "deploy", "fail2ban", "filter.d", "syncmanager.conf")
	fails, ignores := readFilter(t, filter)
	for name, handler := range formats {
		t.Run(name, func(t *testing.T) {
			_, log := attack(t, handler)
			found := make(map[string]int)
			for line := range strings.Lines(log) {
				if matches(ignores, line) != nil {
					continue
				}
				// fail2ban cuts the time out; the filter takes a line with it and without.
				for _, l := range []string{line, regexp.MustCompile(`time=\S+|"time":"[^"]*",`).ReplaceAllString(line, "")} {
					if m := matches(fails, l); m != nil {
						found[m[1]]++
					}
				}
			}
			if len(found) != 2 || found["192.0.2.7"] != 2*5 || found["2001:db8::7"] < 2*6 {
				t.Errorf("found %v in\n%s", found, log)
			}
			program, err := exec.LookPath("fail2ban-regex")
			if err != nil {
				return // the expressions were tried; the program itself is not needed
			}
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), program, "--out", "ip", path, filter).CombinedOutput()
			if n := strings.Count(string(out), "192.0.2.7"); err != nil || n != 5 || strings.Contains(string(out), "203.0.113.1") || !strings.Contains(string(out), "2001:db8::7") {
				t.Errorf("fail2ban-regex: %v\n%s", err, out)
			}
		})
	}
}

// readFilter reads the expressions of a filter, as far as this one uses the form.
func readFilter(t *testing.T, path string) (fails, ignores []*regexp.Regexp) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	name := ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\n")
		key, value, ok := strings.Cut(line, " = ")
		switch {
		case line == "" || line[0] == '#' || line[0] == '[':
			name = ""
		case line[0] == ' ':
			values[name] += "\n" + strings.TrimSpace(line)
		case ok:
			name = key
			values[name] = value
		}
	}
	compile := func(text string) (all []*regexp.Regexp) {
		text = strings.NewReplacer("%(_prefix)s", values["_prefix"], "<HOST>", `((?:\d+\.){3}\d+|[0-9a-f:]+)`).Replace(text)
		for line := range strings.SplitSeq(text, "\n") {
			all = append(all, regexp.MustCompile(line))
		}
		return all
	}
	return compile(values["failregex"]), compile(values["ignoreregex"])
}

func matches(all []*regexp.Regexp, line string) []string {
	for _, r := range all {
		if m := r.FindStringSubmatch(line); m != nil {
			return m
		}
	}
	return nil
}
