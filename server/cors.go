package server

import (
	"net/http"
	"slices"
	"strings"
)

// What a web page of another origin may send and see: what the APIs are made of.
var (
	corsMethods = strings.Join([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}, ", ")
	corsSends   = strings.Join([]string{
		"Authorization", "Content-Type", "Accept", "X-KeyID", "X-Client-State", "X-If-Modified-Since", "X-If-Unmodified-Since",
		"X-Weave-Records", "X-Weave-Bytes", "X-Weave-Total-Records", "X-Weave-Total-Bytes",
	}, ", ")
	corsSees = strings.Join([]string{
		"Retry-After", "Timestamp", "WWW-Authenticate", "X-Backoff", "X-Last-Modified", "X-Timestamp", "X-Weave-Backoff", "X-Weave-Next-Offset",
		"X-Weave-Quota-Remaining", "X-Weave-Records", "X-Weave-Timestamp",
	}, ", ")
)

// cors lets the web pages of the origins that the operator named use the services. There
// are no cookies, and no page gets to send a browser's credentials.
func (s *Server) cors(next http.Handler) http.Handler {
	if len(s.cfg.CORS) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if serviceOf(r.URL.Path) == "other" {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if !slices.Contains(s.cfg.CORS, origin) {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", corsSees)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsSends)
			h.Set("Access-Control-Max-Age", "7200")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// below takes the path of the public URL off a request's. A proxy may have done so
// already; what was signed is the whole.
func (s *Server) below(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		prefix := s.names.Of(r.Context()).Path
		switch {
		case prefix == "":
			next.ServeHTTP(w, r)
		case r.URL.Path == prefix:
			http.Redirect(w, r, prefix+"/", http.StatusPermanentRedirect)
		case strings.HasPrefix(r.URL.Path, prefix+"/"):
			http.StripPrefix(prefix, next).ServeHTTP(w, r)
		default:
			if strings.HasPrefix(r.RequestURI, "/") {
				r.RequestURI = prefix + r.RequestURI
			}
			next.ServeHTTP(w, r)
		}
	})
}
