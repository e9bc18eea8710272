package ui

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/syncmanager/syncmanager/api"
)

const (
	// maxForm is how large a form may be, and maxUpload one with a file, in bytes.
	maxForm   = 256 << 10
	maxUpload = 24 << 20
)

// headers are on every answer. Scripts and styles are the server's own files. With the
// Referrer-Policy same-origin, browsers still name the origin of a form.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
	"Cache-Control":                "no-store",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	"Referrer-Policy":              "same-origin",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
}

// request is a request of a session.
type request struct {
	*http.Request
	server *Server
	of     *session
	// form are the values of a form that was sent.
	form url.Values
}

func refusef(message string) error { return &api.Error{Code: api.CodeForbidden, Message: message} }

// ServeHTTP implements [http.Handler]. It serves while the server listens.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	if err := s.fromHere(r); err != nil {
		s.fail(w, nil, err)
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, s.assets.base):
		s.assets.ServeHTTP(w, r)
	case r.URL.Path == "/open":
		s.open(w, r)
	case strings.HasPrefix(r.URL.Path, sessionPrefix):
		s.inSession(w, r)
	default:
		s.fail(w, nil, errSession)
	}
}

// fromHere returns an error for a request that is meant for another host, as after DNS
// rebinding.
func (s *Server) fromHere(r *http.Request) error {
	s.mu.Lock()
	host := s.host
	s.mu.Unlock()
	if r.Host != host {
		return refusef("this is not the server of that address")
	}
	return nil
}

// open serves the link: GET shows a form that has the token after the script read it from the
// address, and POST exchanges it. The token is all that is checked, since a file on the disk
// sends it too, and what that is a browser does not say.
func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		s.render(w, http.StatusOK, "open", nil, view{Title: "Open the page"})
	case http.MethodPost:
		form, err := readForm(w, r)
		if err != nil {
			s.fail(w, nil, err)
			return
		}
		of, cookie, err := s.enter(strings.TrimSpace(form.Get("token")))
		if err != nil {
			s.fail(w, nil, err)
			return
		}
		http.SetCookie(w, cookie)
		// Browsers send no strict cookie along a redirect that another site began: the page
		// itself goes on.
		s.render(w, http.StatusOK, "opened", nil, view{Title: "One moment", Data: of.path()})
	default:
		w.Header().Set("Allow", "GET, POST")
		s.fail(w, nil, errMethod)
	}
}

var errMethod = &api.Error{Code: api.CodeMethod, Message: "this address does not take that kind of request"}

// sameOrigin returns an error for a request that a page of another origin made.
func sameOrigin(r *http.Request) error {
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case site == "same-origin", site == "", site == "none" && r.Method == http.MethodGet:
	default:
		return refusef("a page of another site asked for this")
	}
	if r.Method == http.MethodPost && r.Header.Get("Origin") != "http://"+r.Host {
		return refusef("this form was not sent by the page itself")
	}
	return nil
}

func (s *Server) inSession(w http.ResponseWriter, r *http.Request) {
	if err := sameOrigin(r); err != nil {
		s.fail(w, nil, err)
		return
	}
	of, name, err := s.identify(r)
	if err != nil {
		s.fail(w, nil, err)
		return
	}
	q := &request{Request: r, server: s, of: of}
	switch r.Method {
	case http.MethodGet:
		err = s.get(w, q, name)
	case http.MethodPost:
		err = s.post(w, q, name)
	default:
		w.Header().Set("Allow", "GET, POST")
		err = errMethod
	}
	if err != nil {
		s.fail(w, of, err)
	}
}

// get shows a page. An error means that nothing was sent.
func (s *Server) get(w http.ResponseWriter, q *request, name string) error {
	if name == "live" {
		return s.live(w, q)
	}
	show, ok := shows[name]
	if !ok {
		return errNoPage
	}
	v, err := show(q.Context(), q)
	if err != nil {
		return err
	}
	s.render(w, http.StatusOK, v.template(name), q.of, v)
	return nil
}

var errNoPage = &api.Error{Code: api.CodeNotFound, Message: "there is no such page"}

// post does what a form asks for. It answers with a redirect, so that to load the page again
// does not do it again; what went wrong is said on the page that follows.
func (s *Server) post(w http.ResponseWriter, q *request, name string) (err error) {
	if q.form, err = readForm(w, q.Request); err != nil {
		return err
	}
	if q.form.Get("csrf") != q.of.csrf {
		return refusef("this form is of a page that has ended: open the page again")
	}
	if name == "password-show" { // the one answer with a secret, which nothing keeps
		v, err := showPassword(q.Context(), q)
		if err == nil {
			s.render(w, http.StatusOK, "password", q.of, v)
		}
		return err
	}
	act, ok := acts[name]
	if !ok {
		return errNoPage
	}
	to, err := act(q.Context(), q)
	if err != nil {
		q.of.say(notice{Text: sentence(err), Bad: true})
	}
	w.Header().Set("Location", q.of.path()+to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// readForm reads the values of a form. Those of a file are its name, "NAME-name", and its
// content, "NAME".
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && kind == "application/x-www-form-urlencoded":
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err = r.ParseForm()
		return r.PostForm, formError(err)
	case err == nil && kind == "multipart/form-data":
		r.Body = http.MaxBytesReader(w, r.Body, maxUpload+maxForm)
		form, err := readParts(r)
		return form, formError(err)
	}
	return nil, &api.Error{Code: api.CodeMediaType, Message: "this is not a form"}
}

// readParts reads the parts of a form with a file, all into memory.
func readParts(r *http.Request) (url.Values, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	form := url.Values{}
	for n := 0; n < 50; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return form, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		form.Set(part.FormName(), string(content))
		if part.FileName() != "" {
			form.Set(part.FormName()+"-name", part.FileName())
		}
	}
	return nil, errors.New("it has too many parts")
}

func formError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(*http.MaxBytesError)):
		return &api.Error{Code: api.CodeTooLarge, Message: "this is too large: a form may have 256 KB, and a file 24 MB"}
	}
	return &api.Error{Code: api.CodeInvalid, Message: "the form did not arrive whole: send it again"}
}

// fail shows an error as a page.
func (s *Server) fail(w http.ResponseWriter, of *session, err error) {
	var e *api.Error
	if !errors.As(err, &e) {
		e = &api.Error{Code: api.CodeInternal, Message: err.Error()}
	}
	if e.Code == api.CodeInternal && !errors.Is(err, context.Canceled) {
		s.Log.Error("a page cannot be shown", "err", err)
	}
	s.render(w, e.Code.Status(), "error", of, view{Title: errorTitle(e.Code), Data: sentence(e)})
}

func errorTitle(c api.Code) string {
	switch c {
	case api.CodeNotFound, api.CodeUnknownVerb:
		return "Not found"
	case api.CodeUnauthorized, api.CodeForbidden:
		return "Not allowed"
	case api.CodeInvalid, api.CodeUnknownField, api.CodeTooLarge, api.CodeMediaType, api.CodeMethod:
		return "That does not work"
	case api.CodeConflict:
		return "It was changed meanwhile"
	case api.CodeBusy:
		return "A sync is running"
	}
	return "Something went wrong"
}
