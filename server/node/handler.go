package node

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/server/storage/transfer"
)

// Config says what a node answers with.
type Config struct {
	Secret []byte
	// URL returns the root by which the sender of a request knows the node.
	URL func(context.Context) *url.URL
	// Peer has the records. Delete deletes a user's, and what the node remembers of them.
	Peer transfer.Peer
	// Storages is what an operator asks of them.
	Storages Storages
	// Moved notes that a user's storage is on another node from now on.
	Moved func(uid int64)
	// Ended notes which tokens have ended. Boot names this process.
	Ended func([]Ending) error
	Boot  string
	Now   func() time.Time
	Log   *slog.Logger
}

// skew is how far the token server's clock may be from the node's.
const skew = 10 * time.Minute

// handler answers requests that are signed with the node's secret.
type handler struct {
	Config
	by     hawk.Credentials
	window *hawk.Window
}

// NewHandler returns the handler for the requests below [Prefix].
func NewHandler(c Config) (http.Handler, error) {
	by, err := credentials(c.Secret)
	if err != nil {
		return nil, err
	}
	h := &handler{Config: c, by: by, window: &hawk.Window{Skew: skew}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Prefix+"ping", h.signed(func(http.ResponseWriter, *http.Request, int64, []byte) error { return nil }))
	mux.HandleFunc("POST "+Prefix+"fence", h.signed(func(_ http.ResponseWriter, r *http.Request, uid int64, _ []byte) error {
		return h.Peer.Fence(r.Context(), uid, r.FormValue("on") == "true")
	}))
	mux.HandleFunc("POST "+Prefix+"import", h.signed(func(_ http.ResponseWriter, r *http.Request, uid int64, body []byte) error {
		return h.Peer.Import(r.Context(), uid, body)
	}))
	mux.HandleFunc("POST "+Prefix+"delete", h.signed(func(_ http.ResponseWriter, r *http.Request, uid int64, _ []byte) error {
		return h.Peer.Delete(r.Context(), uid)
	}))
	mux.HandleFunc("POST "+Prefix+"moved", h.signed(func(_ http.ResponseWriter, _ *http.Request, uid int64, _ []byte) error {
		h.Moved(uid)
		return nil
	}))
	mux.HandleFunc("GET "+Prefix+"sum", h.signed(func(w http.ResponseWriter, r *http.Request, uid int64, _ []byte) error {
		until, err := strconv.ParseInt(r.FormValue("until"), 10, 64)
		if err != nil {
			return err
		}
		s, err := h.Peer.Sum(r.Context(), uid, bso.Timestamp(until))
		if err != nil {
			return err
		}
		return json.NewEncoder(w).Encode(s)
	}))
	mux.HandleFunc("GET "+Prefix+"export", h.signed(func(w http.ResponseWriter, r *http.Request, uid int64, _ []byte) error {
		out := &begun{Writer: w}
		err := h.Peer.Export(r.Context(), uid, out)
		if err != nil && out.begun {
			// The stream lacks its end, and so does the connection.
			h.Log.ErrorContext(r.Context(), "the export of a storage failed", "uid", uid, "err", err)
			panic(http.ErrAbortHandler)
		}
		return err
	}))
	h.operate(mux)
	h.ended(mux)
	return mux, nil
}

// aboutAll are the requests that name no user.
var aboutAll = map[string]bool{"ping": true, "states": true, "ended": true}

// begun notes whether anything was written.
type begun struct {
	io.Writer
	begun bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.begun = true
	return b.Writer.Write(p)
}

// signed calls f for a request that the token server sent, once, with the user that it names and its
// body. What is about all users names none.
func (h *handler) signed(f func(w http.ResponseWriter, r *http.Request, uid int64, body []byte) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		body, err := h.verify(w, r)
		if err != nil {
			h.Log.WarnContext(r.Context(), "a node's request was refused", "err", err, "from", r.RemoteAddr)
			answer(w, http.StatusUnauthorized, failure{Error: "not signed by the token server"})
			return
		}
		uid, err := strconv.ParseInt(r.URL.Query().Get("uid"), 10, 64)
		if !aboutAll[strings.TrimPrefix(r.URL.Path, Prefix)] && (err != nil || uid <= 0) {
			answer(w, http.StatusBadRequest, failure{Error: "uid must be the number of a storage"})
			return
		}
		if err := f(w, r, uid, body); err != nil {
			answer(w, http.StatusConflict, failureOf(err))
		}
	}
}

// verify returns the body of a request that the token server signed.
func (h *handler) verify(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	header, err := hawk.Parse(r.Header.Get("Authorization"))
	if err != nil {
		return nil, err
	}
	if err := header.Verify(h.by.Key, hawk.RequestOf(r, h.URL(r.Context()))); err != nil {
		return nil, err
	}
	if err := h.window.Use(header, h.Now()); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, transfer.MaxChunk))
	if err != nil {
		return nil, err
	}
	return body, header.VerifyPayload(r.Header.Get("Content-Type"), body)
}

func answer(w http.ResponseWriter, code int, f failure) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(f)
}
