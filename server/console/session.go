package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/security"
)

// maxForm bounds a form, in bytes.
const maxForm = 16 << 10

// cookie returns the session's cookie, with an empty value. Its name is one that browsers accept over HTTPS alone, where
// the server has that.
func (c *console) cookie(r *http.Request) *http.Cookie {
	root := c.server.Root(r.Context())
	k := &http.Cookie{Name: "operator", Path: root.Path + server.OperatorPath, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if root.Scheme == "https" {
		k.Name, k.Secure = "__Secure-operator", true
	}
	return k
}

// forget removes the cookie.
func (c *console) forget(w http.ResponseWriter, r *http.Request) {
	k := c.cookie(r)
	k.MaxAge = -1
	http.SetCookie(w, k)
}

// csrf is the token of a session's forms.
func csrf(token string) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("forms of the operator's pages"))
	return hex.EncodeToString(m.Sum(nil))
}

// errOrigin means that a form came from elsewhere.
var errOrigin = errors.New("this form was sent from another site, or from a page that is too old: open the page again")

// sameOrigin reports whether a form came from a page of this server.
func (c *console) sameOrigin(r *http.Request) bool {
	sent, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && sent.Host != "" && origin(sent) == origin(c.server.Root(r.Context()))
}

// origin is that of a URL, as browsers write it.
func origin(u *url.URL) string {
	usual := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if u.Port() == usual {
		return u.Scheme + "://" + u.Hostname()
	}
	return u.Scheme + "://" + u.Hostname() + ":" + u.Port()
}

// find finds the session of a request.
func (c *console) find(v *view) error {
	k, err := v.Cookie(c.cookie(v.Request).Name)
	if err != nil {
		return accounts.ErrOperatorSession
	}
	if v.session, err = c.accounts.OperatorSession(v.Context(), k.Value); err != nil {
		return err
	}
	v.csrf = csrf(k.Value)
	if v.Method == http.MethodGet {
		done, err := c.server.Writing() // for a form, the server has begun a write already
		if err != nil {
			return nil // pages are shown also while the server takes no writes
		}
		defer done()
	}
	return c.accounts.UseOperatorSession(v.Context(), v.session)
}

// signedIn serves a page to whoever is signed in.
func (c *console) signedIn(show func(*view) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &view{w: w, Request: r, console: c}
		err := c.find(v)
		if err == nil {
			err = show(v)
		}
		c.explain(v, err)
	})
}

// acting serves a form, in whose context the session acts.
func (c *console) acting(act func(*view) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &view{w: w, Request: r, console: c}
		c.explain(v, func() error {
			if !c.sameOrigin(r) {
				return errOrigin
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			if err := c.find(v); err != nil {
				return err
			}
			if err := r.ParseForm(); err != nil {
				return mistake("the form cannot be read: send it again")
			}
			if !hmac.Equal([]byte(r.PostForm.Get("csrf")), []byte(v.csrf)) {
				return errOrigin
			}
			v.Request = r.WithContext(security.By(v.session.Acting(r.Context()), v.session.Name(), r.RemoteAddr))
			return act(v)
		}())
	})
}

// mistake is what an operator typed wrong.
type mistake string

func (m mistake) Error() string { return string(m) }

// explain answers with an error, if there is one.
func (c *console) explain(v *view, err error) {
	code, title := http.StatusConflict, "This did not work"
	typed, wrong := errors.AsType[mistake](err)
	switch {
	case err == nil:
		return
	case errors.Is(err, accounts.ErrOperatorSession):
		_, cookieErr := v.Cookie(c.cookie(v.Request).Name)
		c.forget(v.w, v.Request)
		if v.session, v.csrf = nil, ""; cookieErr != nil && v.Method == http.MethodGet {
			err = nil // never signed in
		}
		c.signIn(v, http.StatusForbidden, err)
		return
	case errors.Is(err, accounts.ErrOperatorProof):
		c.signIn(v, http.StatusForbidden, err)
		return
	case errors.Is(err, errOrigin):
		code, title = http.StatusForbidden, "This was refused"
	case errors.Is(err, errNoPage), errors.Is(err, server.ErrNoUser):
		code, title = http.StatusNotFound, "Not found"
	case wrong:
		code, err = http.StatusBadRequest, typed
	default:
		c.cfg.Log.ErrorContext(v.Context(), "an operator's page failed", "path", v.URL.Path, "err", err)
	}
	if err := v.render(code, "problem", layout{Title: title, Data: err.Error()}); err != nil {
		c.cfg.Log.ErrorContext(v.Context(), "an operator's page cannot be made", "err", err)
	}
}

// signIn shows the page that signs in, and why it does.
func (c *console) signIn(v *view, code int, why error) {
	text := ""
	if why != nil {
		text = why.Error()
	}
	if err := v.render(code, "signin", layout{Title: "Sign in as an operator", Script: "operator.js", Data: text}); err != nil {
		c.cfg.Log.ErrorContext(v.Context(), "an operator's page cannot be made", "err", err)
	}
}

// open opens a session by a code.
func (c *console) open(w http.ResponseWriter, r *http.Request) {
	v := &view{w: w, Request: r, console: c}
	if !c.sameOrigin(r) {
		c.explain(v, errOrigin)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	token, err := c.accounts.OpenOperatorSession(r, r.PostFormValue("code"))
	switch {
	case errors.Is(err, accounts.ErrOperatorCode):
		c.signIn(v, http.StatusForbidden, err)
	case errors.Is(err, accounts.ErrTooManyTries):
		c.signIn(v, http.StatusTooManyRequests, err)
	case err != nil:
		c.explain(v, err)
	default:
		if c.find(v) == nil { // a session that this one replaces
			if err := c.accounts.EndOperatorSession(r.Context(), v.session); err != nil {
				c.cfg.Log.WarnContext(r.Context(), "an operator's session goes on beside a new one", "err", err)
			}
		}
		k := c.cookie(r)
		k.Value = token
		http.SetCookie(w, k)
		_ = v.back("", "")
	}
}

func (c *console) signOut(v *view) error {
	if err := c.accounts.EndOperatorSession(v.Context(), v.session); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	c.forget(v.w, v.Request)
	return v.back("", "")
}
