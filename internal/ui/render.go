package ui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets templates
var files embed.FS

// view is what a page shows.
type view struct {
	// Title is the page's heading.
	Title string
	// Under names the page that the navigation marks; "": the one that is asked for.
	Under string
	// Refresh is where the page goes by itself after thirty seconds, or "".
	Refresh string
	// Template is the name of the template; "": that of the page.
	Template string
	Data     any
}

func (v view) template(page string) string {
	switch {
	case v.Template != "":
		return v.Template
	case page == "":
		return "overview"
	}
	return page
}

// document is what a template gets.
type document struct {
	view
	Page   string
	Assets string
	// Session is the path of the session's pages, and CSRF what its forms have; "": the page
	// is of none.
	Session, CSRF string
	Notice        *notice
	Nav           []navItem
}

type navItem struct{ Page, Name, Icon string }

var nav = []navItem{
	{"", "Overview", "home"},
	{"bookmarks", "Bookmarks", "bookmark"},
	{"passwords", "Passwords", "key"},
	{"devices", "Devices", "devices"},
	{"engines", "What to sync", "sliders"},
	{"changes", "Undo", "undo"},
	{"conflicts", "Conflicts", "split"},
	{"stuck", "Not synced", "alert"},
	{"import", "Import", "import"},
	{"health", "Health", "pulse"},
}

type pages map[string]*template.Template

// loadPages reads the templates: the layout, the parts that pages share, and one for each page.
func (s *Server) loadPages() (pages, error) {
	funcs := template.FuncMap{
		"moment": s.moment, "stamp": stamp, "number": number[int], "items": items, "engine": engineName, "engineIcon": engineIcon,
		"size": size, "plural": plural, "story": story, "sentence": asSentence,
		"icon":     func(name string) string { return s.assets.base + "icons.svg#" + name },
		"known":    func(t time.Time) bool { return !t.IsZero() },
		"number64": number[int64],
		"numberp":  func(n *int) string { return number(*n) },
		"deref":    func(n *int) int { return *n },
		"some":     func(n *int) bool { return n != nil && *n > 0 },
		"having":   func(doc document, data any) document { doc.Data = data; return doc },
	}
	shared, err := template.New("").Funcs(funcs).ParseFS(files, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	list, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := make(pages)
	for _, file := range list {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		t, err := shared.Clone()
		if err == nil {
			t, err = t.ParseFS(files, file)
		}
		if err != nil {
			return nil, fmt.Errorf("the page %s: %w", name, err)
		}
		all[name] = t
	}
	return all, nil
}

// render sends a page. of is nil for one that belongs to no session.
func (s *Server) render(w http.ResponseWriter, status int, name string, of *session, v view) {
	doc := document{view: v, Page: v.Under, Assets: s.assets.base}
	if doc.Page == "" {
		doc.Page = name
	}
	if doc.Page == "overview" {
		doc.Page = ""
	}
	if of != nil {
		doc.Session, doc.CSRF, doc.Nav = of.path(), of.csrf, nav
		if name != "error" || status != http.StatusUnauthorized {
			doc.Notice = of.said()
		}
	}
	var b bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&b, "layout", doc); err != nil {
		s.Log.Error("a page cannot be made", "page", name, "err", err)
		http.Error(w, "This page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// assets are the style sheet, the scripts and the icons.
type assets struct {
	base  string // where they are, with their version
	files map[string][]byte
}

var assetTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func loadAssets() (assets, error) {
	a := assets{files: make(map[string][]byte)}
	list, err := fs.Glob(files, "assets/*")
	if err != nil {
		return a, err
	}
	sum := sha256.New()
	for _, name := range list {
		b, err := files.ReadFile(name)
		if err != nil {
			return a, err
		}
		a.files[path.Base(name)] = b
		fmt.Fprintf(sum, "%s %d\n%s", name, len(b), b)
	}
	a.base = "/assets/" + hex.EncodeToString(sum.Sum(nil)[:8]) + "/"
	return a, nil
}

// ServeHTTP serves a file. They are the same for everybody, and never change under one address.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, ok := a.files[strings.TrimPrefix(r.URL.Path, a.base)]
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", assetTypes[path.Ext(r.URL.Path)])
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(b)
}
