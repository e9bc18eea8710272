// Package pages serves the web pages on which people sign up, sign in and manage their account.
//
// A page is the same for all users of one language; see [messages]. Its scripts do what must
// not leave the browser, above all stretching the password, and ask the accounts server for the
// rest, as any other client does. Pages set no cookie, so another site cannot act with a user's
// session.
package pages

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/syncmanager/syncmanager/internal/lazyre"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/internal/messages"
	"github.com/syncmanager/syncmanager/server/publicname"
)

// Config says what the pages show.
type Config struct {
	// PublicURLs are the server's roots as browsers see them.
	PublicURLs publicname.Names
	// SignUp says who may make an account; default accounts.SignUpOpen.
	SignUp accounts.SignUp
}

//go:embed assets templates
var files embed.FS

// page is a page's own part of the layout.
type page struct {
	// name is its template, templates/NAME.html.
	name string
	// title is the document's, in English.
	title string
	// script is its module in assets, or "".
	script string
}

// The paths are those that Firefox opens.
var routes = map[string]page{
	"/{$}":                       signin,
	"/signin":                    signin,
	"/signup":                    signin,
	"/authorization":             signin,
	"/oauth":                     signin, // or letIn
	"/oauth/force_auth":          signin,
	"/oauth/success/{client_id}": {name: "success", title: "You are signed in"},
	"/reset_password":            reset,
	"/settings":                  settings,
	"/settings/{any...}":         settings,
	"/connect_another_device":    connect,
	"/pair":                      connect,
	"/pair/supp":                 join,
}

var (
	signin   = page{name: "signin", title: "Sign in", script: "signin.js"}
	reset    = page{name: "reset", title: "Forgotten password", script: "reset.js"}
	settings = page{name: "settings", title: "Settings", script: "settings.js"}
	connect  = page{name: "connect", title: "Connect another device"}
	join     = page{name: "pairsupp", title: "Join an account", script: "pairsupp.js"}
	letIn    = page{name: "letin", title: "Another device asks to join", script: "letin.js"}
	notFound = page{name: "notfound", title: "Page not found"}
)

// assetsPrefix is where the assets are, below their version: what is under one
// address never changes.
const assetsPrefix = "/assets/"

// document is a rendered page, ready to send.
type document struct {
	body     []byte
	etag     string
	language string
}

// New returns the handler of the pages.
func New(cfg Config) (http.Handler, error) {
	assets, err := loadAssets()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for pattern, p := range routes {
		h := p.handler(cfg, assets, http.StatusOK)
		if pattern == "/oauth" {
			h = whilePairing(letIn.handler(cfg, assets, http.StatusOK), h)
		}
		mux.Handle("GET "+pattern, h)
	}
	mux.Handle("/", notFound.handler(cfg, assets, http.StatusNotFound))
	mux.Handle("GET "+assets.base, assets)
	return mux, nil
}

// whilePairing chooses between what a Firefox opens at the same address: pairing when another
// device has read its pairing code.
func whilePairing(pairing, otherwise http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("channel_id") {
			pairing.ServeHTTP(w, r)
			return
		}
		otherwise.ServeHTTP(w, r)
	})
}

// edition is which of a page's documents one is.
type edition struct {
	root     *url.URL
	language *messages.Language
}

// handler answers with the page, which is made once for each public URL and language: when it
// is first asked for, as a server that syncs one device alone shows none.
func (p page) handler(cfg Config, a *assets, code int) http.Handler {
	made := make(map[edition]func() (document, error))
	for _, root := range cfg.PublicURLs {
		for _, l := range messages.All {
			e := edition{root, l}
			made[e] = sync.OnceValues(func() (document, error) { return p.make(cfg, e, a) })
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l := messages.Match(r.Header.Get("Accept-Language"))
		d, err := made[edition{cfg.PublicURLs.Of(r.Context()), l}]()
		if err != nil {
			panic(err) // the templates are the program's own; the server logs it and answers 500
		}
		d.send(w, r, code)
	})
}

// make runs the page's templates.
func (p page) make(cfg Config, e edition, a *assets) (document, error) {
	t, err := template.New("").Funcs(textFuncs(e.language)).ParseFS(files, "templates/layout.html", "templates/"+p.name+".html")
	if err != nil {
		return document{}, fmt.Errorf("read the page %s: %w", p.name, err)
	}
	texts, err := a.texts(e.language)
	if err != nil {
		return document{}, err
	}
	var b bytes.Buffer
	root := e.root
	signUp := cmp.Or(cfg.SignUp, accounts.SignUpOpen)
	err = t.ExecuteTemplate(&b, "layout.html", map[string]any{
		"Title": p.title, "Script": p.script, "Assets": root.Path + a.base, "Language": e.language.Tag.String(), "Texts": texts, "Base": root.Path,
		"Root": root.String(), "Host": root.Host, "HTTPS": root.Scheme == "https", "SignUp": string(signUp), "Anyone": signUp.Anyone(),
	})
	if err != nil {
		return document{}, fmt.Errorf("make the page %s: %w", p.name, err)
	}
	return document{b.Bytes(), etag(b.Bytes()), e.language.Tag.String()}, nil
}

// textFuncs are t and h of the templates, which show a text in the language: t as text,
// and h as HTML. Values in it are escaped.
func textFuncs(l *messages.Language) template.FuncMap {
	return template.FuncMap{
		"t": l.Text,
		"h": func(english string, values ...string) template.HTML {
			escaped := slices.Clone(values)
			for i := 1; i < len(escaped); i += 2 {
				escaped[i] = template.HTMLEscapeString(escaped[i])
			}
			return template.HTML(l.Text(english, escaped...)) //nolint:gosec // the server's own text
		},
	}
}

// headers are on every page. Only the server's own scripts run, and they make no HTML of text.
// A form is never submitted, because its fields would go out unencrypted. The page's URL, which
// may contain an e-mail address, is not sent as a referrer.
var headers = map[string]string{
	"Content-Security-Policy": strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; "),
	"Content-Type":               "text/html; charset=utf-8",
	"Cache-Control":              "no-cache",
	"Cross-Origin-Opener-Policy": "same-origin",
	"Permissions-Policy":         "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	"Referrer-Policy":            "no-referrer",
	"X-Content-Type-Options":     "nosniff",
	"X-Frame-Options":            "DENY",
}

func (d document) send(w http.ResponseWriter, r *http.Request, code int) {
	for k, v := range headers {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Language", d.language)
	w.Header().Add("Vary", "Accept-Language")
	if code == http.StatusOK {
		w.Header().Set("ETag", d.etag)
		if r.Header.Get("If-None-Match") == d.etag {
			code = http.StatusNotModified
		}
	}
	w.WriteHeader(code)
	if code != http.StatusNotModified {
		_, _ = w.Write(d.body)
	}
}

// assets are the style sheet and the scripts.
type assets struct {
	base  string // where they are, with their version
	files map[string][]byte
}

// Assets returns the path below which the style sheets and scripts of the pages are, without the path of the public URL.
// It ends in "/".
func Assets() (string, error) {
	a, err := loadAssets()
	if err != nil {
		return "", err
	}
	return a.base, nil
}

func loadAssets() (*assets, error) {
	list, err := fs.Glob(files, "assets/*")
	if err != nil {
		return nil, err
	}
	a := &assets{files: make(map[string][]byte)}
	sum := sha256.New()
	for _, name := range list {
		b, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		a.files[path.Base(name)] = b
		fmt.Fprintf(sum, "%s %d\n%s", name, len(b), b)
	}
	a.base = assetsPrefix + hex.EncodeToString(sum.Sum(nil)[:8]) + "/"
	return a, nil
}

// inScripts finds the texts of the scripts.
var inScripts = lazyre.New(`\bt\(("(?:[^"\\]|\\.)*")`)

// scriptTexts returns the texts of all scripts, in English.
func (a *assets) scriptTexts() (list []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if path.Ext(name) != ".js" {
			continue
		}
		for _, found := range inScripts.FindAllSubmatch(a.files[name], -1) {
			text, err := strconv.Unquote(string(found[1]))
			if err != nil {
				return nil, fmt.Errorf("%s: the text %s: %w", name, found[1], err)
			}
			list = append(list, text)
		}
	}
	return list, nil
}

// texts returns what the scripts say in the language, and what the accounts server says to
// them, as JSON by the English texts; "" if that is all.
func (a *assets) texts(l *messages.Language) (string, error) {
	if l == messages.English {
		return "", nil
	}
	list, err := a.scriptTexts()
	if err != nil {
		return "", err
	}
	texts, err := json.Marshal(l.Lookup(append(list, messages.Errors...)))
	return string(texts), err
}

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, a.base)
	b, ok := a.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if path.Ext(name) == ".js" {
		kind = "text/javascript; charset=utf-8" // whatever the system thinks
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(b)
}

func etag(b []byte) string {
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}
