package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/server/storage"
)

// The methods and headers that a web page of another origin may use: those of the APIs.
var (
	corsMethods = strings.Join([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}, ", ")
	corsSends   = strings.Join([]string{
		"Authorization", "Content-Type", "Accept", "Last-Event-ID", "X-KeyID", "X-Client-State", "X-If-Modified-Since", "X-If-Unmodified-Since",
		"X-Weave-Records", "X-Weave-Bytes", "X-Weave-Total-Records", "X-Weave-Total-Bytes",
	}, ", ")
	corsSees = strings.Join([]string{
		"Retry-After", "Timestamp", "WWW-Authenticate", "X-Backoff", "X-Last-Modified", "X-Timestamp", "X-Weave-Backoff", "X-Weave-Next-Offset",
		"X-Weave-Quota-Remaining", "X-Weave-Records", "X-Weave-Timestamp", storage.EventsHeader,
	}, ", ")
)

// cors allows the web pages of the configured origins to use the services. The services use
// no cookies, and the header that would allow a browser's credentials is never sent.
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

// below strips the path of the public URL from the path of a request. A proxy may have
// stripped it already; then below puts it back into RequestURI, because clients sign the
// whole path.
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
