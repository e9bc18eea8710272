// Package console serves the operator's pages of a server: its users, health, invitations, quotas, security log, nodes and
// backups. They are for those who run the server, in the language of its commands, English.
//
// The pages do not exist until there is an operator, or a link that opens them. A browser is signed in by a cookie of
// its own, which opens nothing else; no session of an account opens these pages. Whatever changes something is a form
// that carries a token of the session, and comes from the server's own origin; the session is checked again in the
// transaction that acts. The forms work without scripts, but for signing in with an account: its password is stretched in the
// browser, as on all pages.
package console

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/pages"
)

// Config configures the pages. All fields without a default must be set.
type Config struct {
	// Dir is the server's data folder, and Version the version of the program; both are for backups.
	Dir, Version string
	// Backups is the folder for backups; "": none can be made on the pages.
	Backups string
	// MaxListed is how many users are listed at most: a server with more finds them by their address alone. Default 100,000.
	MaxListed int
	Now       func() time.Time
	Log       *slog.Logger
}

// defaultListed bounds the list of users, which takes about 300 bytes of memory for each.
const defaultListed = 100_000

//go:embed templates
var files embed.FS

// console serves the pages of one server.
type console struct {
	cfg       Config
	server    *server.Server
	accounts  *accounts.Service
	otherwise http.Handler
	mux       *http.ServeMux
	assets    string
	templates map[string]*template.Template
	listing   listing
	backups   backups
}

// New returns the function that makes the pages of a server; see [server.Config.OperatorPages].
func New(cfg Config) func(*server.Server, http.Handler) (http.Handler, error) {
	return func(s *server.Server, otherwise http.Handler) (http.Handler, error) {
		if cfg.MaxListed == 0 {
			cfg.MaxListed = defaultListed
		}
		c := &console{cfg: cfg, server: s, accounts: s.Accounts(), otherwise: otherwise, templates: make(map[string]*template.Template)}
		c.listing.load, c.listing.now = s.Users, cfg.Now
		c.backups = backups{cfg: cfg, server: s}
		var err error
		if c.assets, err = pages.Assets(); err != nil {
			return nil, err
		}
		for _, name := range names {
			c.templates[name], err = template.New("").Funcs(functions(cfg.Now)).ParseFS(files, "templates/layout.html", "templates/"+name+".html")
			if err != nil {
				return nil, err
			}
		}
		c.routes()
		return c, nil
	}
}

// names are those of the templates.
var names = []string{"signin", "overview", "users", "user", "invitations", "quotas", "events", "nodes", "backups", "problem"}

func (c *console) routes() {
	c.mux = http.NewServeMux()
	c.mux.HandleFunc("POST "+server.OperatorPath+"/session", c.open)
	for pattern, show := range map[string]func(*view) error{
		"":             c.overview,
		"/users":       c.users,
		"/users/{uid}": c.user,
		"/invitations": c.invitations,
		"/quotas":      c.quotas,
		"/events":      c.events,
		"/nodes":       c.nodes,
		"/backups":     c.showBackups,
	} {
		c.mux.Handle("GET "+server.OperatorPath+pattern, c.signedIn(show))
	}
	for pattern, act := range map[string]func(*view) error{
		"/signout":              c.signOut,
		"/users/{uid}/disable":  c.disable,
		"/users/{uid}/enable":   c.enable,
		"/users/{uid}/signout":  c.signUserOut,
		"/users/{uid}/unlock":   c.unlock,
		"/users/{uid}/quota":    c.setQuota,
		"/users/{uid}/two-step": c.removeSecondStep,
		"/users/{uid}/delete":   c.remove,
		"/invitations":          c.invite,
		"/invitations/revoke":   c.revoke,
		"/quotas":               c.setDefaultQuota,
		"/backups":              c.startBackup,
	} {
		c.mux.Handle("POST "+server.OperatorPath+pattern, c.acting(act))
	}
	c.mux.Handle("/", c.signedIn(func(*view) error { return errNoPage }))
}

// errNoPage means that there is no page at an address.
var errNoPage = errors.New("there is no such page")

// ServeHTTP implements [http.Handler].
func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	open, err := c.accounts.OperatorsOpen(r.Context())
	if err != nil {
		c.cfg.Log.ErrorContext(r.Context(), "cannot look for operators", "err", err)
		http.Error(w, "the server cannot read its database; try again in a few seconds", http.StatusServiceUnavailable)
		return
	}
	if !open {
		c.otherwise.ServeHTTP(w, r)
		return
	}
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	c.mux.ServeHTTP(w, r)
}

// headers are on every page. Unlike on the users' pages, forms are sent: to the server itself alone, whose origin the
// browser names therefore.
var headers = map[string]string{
	"Content-Security-Policy": strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
		"base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; "),
	"Content-Type":               "text/html; charset=utf-8",
	"Cache-Control":              "no-store",
	"Cross-Origin-Opener-Policy": "same-origin",
	"Permissions-Policy":         "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	"Referrer-Policy":            "same-origin",
	"X-Content-Type-Options":     "nosniff",
	"X-Frame-Options":            "DENY",
	"X-Robots-Tag":               "noindex, nofollow",
}

// view is a page that is asked for, or a form that was sent.
type view struct {
	*http.Request
	w       http.ResponseWriter
	console *console
	session *accounts.OperatorSession
	csrf    string
}

// layout is what all pages show.
type layout struct {
	Title, Here                string
	Root, Base, Assets, Script string
	Host, Who, CSRF            string
	// Done says what the last form did, and Refresh that the page changes by itself.
	Done    string
	Refresh bool
	Data    any
}

// show sends a page. here is the address of its link in the navigation.
func (v *view) show(code int, name, title, here string, data any) error {
	return v.render(code, name, layout{Title: title, Here: here, Done: done[v.URL.Query().Get("done")], Data: data})
}

func (v *view) render(code int, name string, l layout) error {
	root := v.console.server.Root(v.Context())
	l.Root, l.Base, l.Assets, l.Host, l.CSRF = root.Path, root.Path+server.OperatorPath, root.Path+v.console.assets, root.Host, v.csrf
	if v.session != nil {
		if l.Who = v.session.Email; l.Who == "" {
			l.Who = "by a link"
		}
	}
	var b bytes.Buffer
	if err := v.console.templates[name].ExecuteTemplate(&b, "layout.html", l); err != nil {
		return err
	}
	v.w.WriteHeader(code)
	_, _ = v.w.Write(b.Bytes())
	return nil
}

// back goes to a page that says what was done.
func (v *view) back(path, what string) error {
	to := v.console.server.Root(v.Context()).Path + server.OperatorPath + path
	if what != "" {
		to += "?done=" + what
	}
	http.Redirect(v.w, v.Request, to, http.StatusSeeOther)
	return nil
}

// done are the sentences about what a form did.
var done = map[string]string{
	"disabled":  "The user is disabled: no device of theirs can sign in or sync.",
	"enabled":   "The user may sign in again.",
	"signedout": "The user is signed out on all devices.",
	"unlocked":  "The user may try passwords and codes again.",
	"quota":     "The quota is changed.",
	"twostep":   "Two-step sign-in is off, and the user was told by e-mail.",
	"tellthem":  "Two-step sign-in is off. No e-mail was sent: tell the user yourself.",
	"deleted":   "The account and all its data are deleted.",
	"revoked":   "The invitation is revoked.",
}
