package pages_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/internal/messages"
	"github.com/syncmanager/syncmanager/server/pages"
	"github.com/syncmanager/syncmanager/server/publicname"
)

func handler(t *testing.T, policy accounts.SignUp) http.Handler {
	t.Helper()
	h, err := pages.New(pages.Config{PublicURLs: publicname.Names{{Scheme: "https", Host: "sync.example.org"}}, SignUp: policy})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// paths are all pages, as Firefox opens them.
var paths = []string{
	"/", "/?context=oauth_webchannel_v1&service=sync", "/signin", "/signup", "/authorization?client_id=x", "/oauth?client_id=x", "/oauth?channel_id=x",
	"/oauth/success/5882386c6d801776?code=1&state=2", "/connect_another_device", "/pair", "/pair/supp", "/oauth/force_auth?email=a@example.org", "/settings", "/settings/clients", "/reset_password",
}

// Only the server's own scripts may run, no form may be submitted, and no frame may show a
// page.
func TestContentSecurityPolicy(t *testing.T) {
	h := handler(t, "")
	inline := regexp.MustCompile(`(?i)<script(>|[^>]*[^/]>[^<])|\son[a-z]+\s*=|\sstyle\s*=|<style|"javascript:|(src|href|action)="?(https?:)?//`)
	for _, path := range append(paths, "/nowhere") {
		rec := get(h, path)
		policy := rec.Header().Get("Content-Security-Policy")
		for _, want := range []string{
			"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "form-action 'none'", "base-uri 'none'",
			"frame-ancestors 'none'", "require-trusted-types-for 'script'",
		} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: no %s in %q", path, want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy is %q", path, policy)
		}
		for name, want := range map[string]string{
			"Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin",
			"Content-Type": "text/html; charset=utf-8", "Set-Cookie": "",
		} {
			if got := rec.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if bad := inline.FindString(rec.Body.String()); bad != "" {
			t.Errorf("%s has %q in it", path, bad)
		}
	}
}

// A page does not contain text from its URL.
func TestPagesEchoNothing(t *testing.T) {
	h := handler(t, "")
	for _, path := range paths {
		path, _, _ = strings.Cut(path, "?")
		rec := get(h, path+"?email=%3Cscript%3Eevil()&redirect_uri=https://evil.example&next=//evil.example&client_id=evil")
		if rec.Code != http.StatusOK || rec.Header().Get("Location") != "" || strings.Contains(rec.Body.String(), "evil") {
			t.Errorf("%s: %d, to %q, %s", path, rec.Code, rec.Header().Get("Location"), rec.Body)
		}
	}
	if rec := get(h, "/oauth/success/%22%3Eevil"); strings.Contains(rec.Body.String(), "evil") {
		t.Errorf("the success page says %s", rec.Body)
	}
}

// Scripts set text as text: none can turn it into HTML or code.
func TestScriptsMakeNoHTML(t *testing.T) {
	banned := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|localStorage|document\.cookie|console\.`)
	list, err := fs.Glob(os.DirFS("assets"), "*.js")
	if err != nil || len(list) == 0 {
		t.Fatal(err, "no scripts")
	}
	for _, name := range list {
		b, err := os.ReadFile("assets/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if bad := banned.Find(b); bad != nil {
			t.Errorf("%s has %q in it", name, bad)
		}
	}
}

// What is under the address of an asset never changes, so a browser asks once; a
// page is asked for again each time, and sent when it changed.
func TestCaching(t *testing.T) {
	h := handler(t, "")
	page := get(h, "/")
	if again := get(h, "/", "If-None-Match", page.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("the page again: %d, %d bytes", again.Code, again.Body.Len())
	}
	found := regexp.MustCompile(`"(/assets/[^"]+)"`).FindAllStringSubmatch(page.Body.String(), -1)
	if len(found) < 3 {
		t.Fatalf("the page's assets are %q", found)
	}
	for _, asset := range found {
		rec := get(h, asset[1])
		if rec.Code != http.StatusOK || !strings.Contains(rec.Header().Get("Cache-Control"), "immutable") || rec.Body.Len() == 0 {
			t.Errorf("%s: %d %q", asset[1], rec.Code, rec.Header())
		}
		if strings.HasSuffix(asset[1], ".js") && !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/javascript") {
			t.Errorf("%s is %q", asset[1], rec.Header().Get("Content-Type"))
		}
	}
	for _, path := range []string{"/assets/", "/assets/0000000000000000/style.css", found[0][1] + "x", "/assets/../pages.go"} {
		if rec := get(h, path); rec.Code == http.StatusOK {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

func TestSignUpPolicyOnThePage(t *testing.T) {
	for policy, want := range map[accounts.SignUp]string{
		"": `value="new">Make an account`, accounts.SignUpEmail: `value="new">Make an account`, accounts.SignUpInvite: "I have an invitation", accounts.SignUpClosed: "does not accept new accounts",
	} {
		body := get(handler(t, policy), "/").Body.String()
		for _, text := range []string{`value="new">Make an account`, "I have an invitation", "does not accept new accounts"} {
			if strings.Contains(body, text) != (text == want) {
				t.Errorf("policy %q: the page with %q", policy, text)
			}
		}
	}
}

func TestNotFound(t *testing.T) {
	h := handler(t, "")
	if rec := get(h, "/nowhere"); rec.Code != http.StatusNotFound || !strings.Contains(rec.Body.String(), "Page not found") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader("password=x"))
	rec := httptest.NewRecorder()
	if h.ServeHTTP(rec, r); rec.Code < 400 {
		t.Errorf("a form that was sent: %d", rec.Code)
	}
}

// Every text of the pages and their scripts is in each language, and no language has a text
// that is no longer used.
func TestLanguagesAreComplete(t *testing.T) {
	t.Parallel()
	inTemplates := regexp.MustCompile("{{[th] `([^`]*)`")
	inScripts := regexp.MustCompile(`\bt\(("(?:[^"\\]|\\.)*")`)
	all := slices.Concat(messages.Errors, messages.Mails, pages.Titles())
	for _, glob := range []string{"templates/*.html", "assets/*.js"} {
		files, err := filepath.Glob(glob)
		if err != nil || files == nil {
			t.Fatal(glob, err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range inTemplates.FindAllStringSubmatch(string(text), -1) {
				all = append(all, found[1])
			}
			for _, found := range inScripts.FindAllStringSubmatch(string(text), -1) {
				unquoted, err := strconv.Unquote(found[1])
				if err != nil {
					t.Errorf("%s: %s: %v", name, found[1], err)
				}
				all = append(all, unquoted)
			}
		}
	}
	for _, l := range messages.All {
		missing, stale := l.Compare(all)
		for _, text := range missing {
			t.Errorf("%v lacks %q", l.Tag, text)
		}
		for _, text := range stale {
			t.Errorf("%v has a text that nothing shows: %q", l.Tag, text)
		}
	}
}

// All text of a page comes from the catalogue.
func TestTemplatesHaveNoTextOfTheirOwn(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("templates/*.html")
	if err != nil || files == nil {
		t.Fatal(err)
	}
	actions, tags := regexp.MustCompile(`(?s){{.*?}}`), regexp.MustCompile(`<[^>]*>`)
	letters := regexp.MustCompile(`\pL{2}`)
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tokens := html.NewTokenizer(strings.NewReader(actions.ReplaceAllString(string(source), "")))
		for tokens.Next() != html.ErrorToken {
			token := tokens.Token()
			if token.Type == html.TextToken && letters.MatchString(strings.ReplaceAll(tags.ReplaceAllString(token.Data, ""), "Sync Manager", "")) {
				t.Errorf("%s says %q", name, strings.TrimSpace(token.Data))
			}
			for _, a := range token.Attr {
				if slices.Contains([]string{"aria-label", "alt", "title", "placeholder"}, a.Key) && letters.MatchString(a.Val) {
					t.Errorf("%s says %q by %s", name, a.Val, a.Key)
				}
			}
		}
	}
}

// The browser's language chooses the text. Each language has its own ETag, and the answer
// varies by Accept-Language.
func TestLanguages(t *testing.T) {
	t.Parallel()
	h := handler(t, "")
	tags := map[string]bool{}
	for accept, want := range map[string]string{"": "en", "de-CH": "de", "fr": "fr", "xx": "en"} {
		a := get(h, "/", "Accept-Language", accept)
		body := a.Body.String()
		title := map[string]string{"en": "Sign in", "de": "Anmelden", "fr": "Se connecter"}[want]
		if !strings.Contains(body, `<html lang="`+want+`"`) || !strings.Contains(body, "<title>"+title+" · Sync Manager</title>") {
			t.Errorf("%q: %.200s", accept, body)
		}
		if a.Header().Get("Content-Language") != want || a.Header().Get("Vary") != "Accept-Language" {
			t.Errorf("%q: %v", accept, a.Header())
		}
		if has := strings.Contains(body, `<meta name="texts"`); has != (want != "en") {
			t.Errorf("%q: texts for the scripts: %v", accept, has)
		}
		tags[a.Header().Get("ETag")] = true
	}
	if len(tags) != 3 {
		t.Errorf("%d ETags of three languages", len(tags))
	}
}

// A page is made when it is first asked for: each can be, in each language.
func TestEveryPageInEveryLanguage(t *testing.T) {
	t.Parallel()
	h := handler(t, "")
	for _, path := range append(pages.Paths(), "/nowhere") {
		for _, l := range messages.All {
			a := get(h, path, "Accept-Language", l.Tag.String())
			want := http.StatusOK
			if path == "/nowhere" {
				want = http.StatusNotFound
			}
			if a.Code != want || a.Header().Get("Content-Language") != l.Tag.String() || a.Body.Len() < 500 {
				t.Errorf("%s in %s: %d, %d bytes", path, l.Tag, a.Code, a.Body.Len())
			}
		}
	}
}
