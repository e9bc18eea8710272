package server

import (
	"net/http"
	"strings"

	"github.com/syncmanager/syncmanager/server/channels"
	"github.com/syncmanager/syncmanager/server/node"
	"github.com/syncmanager/syncmanager/server/telemetry"
)

// Handler returns the handler for all requests to the server.
func (s *Server) Handler() http.Handler { return s.handler }

// newHandler mounts the services. Storage requests bypass the mux, which would redirect IDs
// that look like unclean paths.
func (s *Server) newHandler() http.Handler {
	mux := http.NewServeMux()
	if s.cfg.Node != nil {
		mux.Handle(node.Prefix, s.nodeHandler)
	} else {
		tokens := s.shed(s.tokens)
		mux.Handle("/token/", http.StripPrefix("/token", tokens))
		mux.Handle("/1.0/", tokens) // where Mozilla's server has it
	}
	if s.accounts != nil {
		for _, path := range []string{"/auth/", "/oauth/", "/profile/", "/.well-known/"} {
			mux.Handle(path, s.accounts)
		}
		mux.Handle("GET "+channels.Prefix+"{$}", s.channels)
		mux.Handle("GET "+channels.Prefix+"{id}", s.channels)
		mux.Handle("/oauth", s.pages)
		mux.Handle("/oauth/force_auth", s.pages)
		mux.Handle("/oauth/success/", s.pages)
		mux.Handle("/", s.pages)
		if s.operators != nil {
			mux.Handle("/admin", s.operators)
			mux.Handle("/admin/", s.operators)
		}
	}
	mux.HandleFunc("GET /__heartbeat__", s.heartbeat)
	mux.HandleFunc("GET /__lbheartbeat__", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, struct{}{})
	})
	mux.HandleFunc("GET /__version__", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{
			"source": "https://github.com/syncmanager/syncmanager", "version": s.cfg.Version,
		})
	})
	return s.names.Handler(s.proxied, s.below(s.observe(s.forwarded(s.limited(s.cors(s.writable(s.routed(mux))))))))
}

// routed passes requests for records to the storage, and the others to mux. It tells the traces
// where a request went.
func (s *Server) routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, storagePrefix+"/"); ok {
			if s.tracer != nil {
				telemetry.Route(r.Context(), methodOf(r.Method)+" "+storagePrefix+"/"+storageRoute(rest))
			}
			s.storage.ServeHTTP(w, r)
			return
		}
		if s.tracer != nil {
			_, pattern := mux.Handler(r)
			telemetry.Route(r.Context(), pattern)
		}
		mux.ServeHTTP(w, r)
	})
}
