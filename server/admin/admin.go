// Package admin lets an operator administer a running server, over a Unix socket in its data
// folder that only the folder's owner can open. The server calls [Listen] and serves
// [Handler]; the operator's command calls [Dial].
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

// Admin is what an operator can do. A [server.Server] does it in this process, and a [Client]
// in a server of another process.
type Admin interface {
	Health(ctx context.Context) (server.Health, error)
	Users(ctx context.Context) ([]server.User, error)
	AddUser(ctx context.Context, email string, c accounts.Credentials) (server.User, error)
	SetDisabled(ctx context.Context, who string, disabled bool) error
	SetQuota(ctx context.Context, who string, quota *int64) error
	RemoveUser(ctx context.Context, who string) error
	Repair(ctx context.Context, who string, force bool) (server.Repaired, error)
	Unlock(ctx context.Context, who string) error
	RemoveSecondStep(ctx context.Context, who string) (told bool, err error)
	SetDefaultQuota(ctx context.Context, quota *int64) error
	Compact(ctx context.Context, who string) (server.Compacted, error)
	Invitations(ctx context.Context) ([]accounts.Invitation, error)
	RevokeInvitation(ctx context.Context, which string) error
	Invite(ctx context.Context, note string, life time.Duration) (code string, expires time.Time, err error)
	AddNode(ctx context.Context, url string, capacity int64) (secret []byte, has int64, err error)
	Nodes(ctx context.Context) ([]server.NodeInfo, error)
	DrainNode(ctx context.Context, url string) (server.Drained, error)
	RemoveNode(ctx context.Context, url string) error
	SetReadOnly(ctx context.Context, life time.Duration) (kept bool, err error)
	OperatorLink(ctx context.Context) (link string, expires time.Time, err error)
	Operators(ctx context.Context) ([]accounts.Operator, error)
	AddOperator(ctx context.Context, who string) (accounts.Operator, error)
	RemoveOperator(ctx context.Context, who string) error
	EndOperatorSessions(ctx context.Context) (n int, err error)
}

var (
	_ Admin = (*server.Server)(nil)
	_ Admin = (*Client)(nil)
)

// maxBody bounds a request, in bytes.
const maxBody = 64 << 10

// The bodies of requests and responses. The query parameter "who" names a user.
type (
	addition struct {
		Email string `json:"email"`
		accounts.Credentials
	}
	// change changes the fields that are not nil.
	change struct {
		Disabled *bool     `json:"disabled,omitempty"`
		Quota    *newQuota `json:"quota,omitempty"`
	}
	newQuota struct {
		Bytes *int64 `json:"bytes"` // nil: the server's default
	}
	invitation struct {
		Note string        `json:"note,omitempty"`
		Life time.Duration `json:"life"`
	}
	invited struct {
		Code    string    `json:"code"`
		Expires time.Time `json:"expires"`
	}
	newNode struct {
		URL      string `json:"url"`
		Capacity int64  `json:"capacity"`
	}
	lease struct {
		Life time.Duration `json:"life"`
	}
	leased struct {
		Kept bool `json:"kept"`
	}
	addedNode struct {
		Secret   []byte `json:"secret"`
		Capacity int64  `json:"capacity"`
	}
	link struct {
		Link    string    `json:"link"`
		Expires time.Time `json:"expires"`
	}
	endedSessions struct {
		Sessions int `json:"sessions"`
	}
	repair struct {
		Force bool `json:"force"`
	}
	stepRemoved struct {
		Told bool `json:"told"`
	}
	failure struct {
		Error string `json:"error"`
		Kind  string `json:"kind,omitempty"`
	}
)

// kinds are the errors that a client can test for.
var kinds = map[string]error{"no-user": server.ErrNoUser, "user-exists": server.ErrUserExists, "elsewhere": server.ErrElsewhere, "sound": server.ErrSound, "no-files": server.ErrNoFiles,
	"no-second-step": accounts.ErrNoSecondStep, "no-operator": accounts.ErrNoOperator, "no-invitation": accounts.ErrNoInvitation,
	"no-node": server.ErrNoNode, "node-used": server.ErrNodeUsed, "no-room": server.ErrNoRoom, "node-away": server.ErrNodeAway, "draining": server.ErrDraining, "is-node": server.ErrIsNode}

// Handler serves a to [Client]s.
func Handler(a Admin, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	handle(mux, "GET /health", log, func(r *http.Request, _ struct{}) (any, error) {
		return a.Health(r.Context())
	})
	handle(mux, "GET /users", log, func(r *http.Request, _ struct{}) (any, error) {
		return a.Users(r.Context())
	})
	handle(mux, "POST /users", log, func(r *http.Request, in addition) (any, error) {
		return a.AddUser(r.Context(), in.Email, in.Credentials)
	})
	handle(mux, "PATCH /user", log, func(r *http.Request, in change) (any, error) {
		who := r.FormValue("who")
		var errs []error
		if in.Disabled != nil {
			errs = append(errs, a.SetDisabled(r.Context(), who, *in.Disabled))
		}
		if in.Quota != nil {
			errs = append(errs, a.SetQuota(r.Context(), who, in.Quota.Bytes))
		}
		return struct{}{}, errors.Join(errs...)
	})
	handle(mux, "DELETE /user", log, func(r *http.Request, _ struct{}) (any, error) {
		return struct{}{}, a.RemoveUser(r.Context(), r.FormValue("who"))
	})
	handle(mux, "POST /user/repair", log, func(r *http.Request, in repair) (any, error) {
		return a.Repair(r.Context(), r.FormValue("who"), in.Force)
	})
	handle(mux, "POST /user/unlock", log, func(r *http.Request, _ struct{}) (any, error) {
		return struct{}{}, a.Unlock(r.Context(), r.FormValue("who"))
	})
	handle(mux, "DELETE /user/second-step", log, func(r *http.Request, _ struct{}) (any, error) {
		told, err := a.RemoveSecondStep(r.Context(), r.FormValue("who"))
		return stepRemoved{told}, err
	})
	handle(mux, "POST /user/compact", log, func(r *http.Request, _ struct{}) (any, error) {
		return a.Compact(r.Context(), r.FormValue("who"))
	})
	handle(mux, "PATCH /quota", log, func(r *http.Request, in newQuota) (any, error) {
		return struct{}{}, a.SetDefaultQuota(r.Context(), in.Bytes)
	})
	handle(mux, "GET /invitations", log, func(r *http.Request, _ struct{}) (any, error) {
		return a.Invitations(r.Context())
	})
	handle(mux, "DELETE /invitation", log, func(r *http.Request, _ struct{}) (any, error) {
		return struct{}{}, a.RevokeInvitation(r.Context(), r.FormValue("which"))
	})
	handle(mux, "POST /invitations", log, func(r *http.Request, in invitation) (any, error) {
		code, expires, err := a.Invite(r.Context(), in.Note, in.Life)
		return invited{code, expires}, err
	})
	handle(mux, "POST "+readOnlyPath, log, func(r *http.Request, in lease) (any, error) {
		kept, err := a.SetReadOnly(r.Context(), in.Life)
		return leased{kept}, err
	})
	handle(mux, "GET /nodes", log, func(r *http.Request, _ struct{}) (any, error) {
		return a.Nodes(r.Context())
	})
	handle(mux, "POST /nodes", log, func(r *http.Request, in newNode) (any, error) {
		secret, has, err := a.AddNode(r.Context(), in.URL, in.Capacity)
		return addedNode{secret, has}, err
	})
	handle(mux, "POST /node/drain", log, func(r *http.Request, _ struct{}) (any, error) {
		return a.DrainNode(r.Context(), r.FormValue("url"))
	})
	handle(mux, "DELETE /node", log, func(r *http.Request, _ struct{}) (any, error) {
		return struct{}{}, a.RemoveNode(r.Context(), r.FormValue("url"))
	})
	handleOperators(mux, a, log)
	return writable(a, mux)
}

// handleOperators serves what is about the operator's pages.
func handleOperators(mux *http.ServeMux, a Admin, log *slog.Logger) {
	handle(mux, "POST /operator/link", log, func(r *http.Request, _ struct{}) (any, error) {
		url, expires, err := a.OperatorLink(r.Context())
		return link{url, expires}, err
	})
	handle(mux, "GET /operators", log, func(r *http.Request, _ struct{}) (any, error) {
		return a.Operators(r.Context())
	})
	handle(mux, "POST /operators", log, func(r *http.Request, _ struct{}) (any, error) {
		return a.AddOperator(r.Context(), r.FormValue("who"))
	})
	handle(mux, "DELETE /operator", log, func(r *http.Request, _ struct{}) (any, error) {
		return struct{}{}, a.RemoveOperator(r.Context(), r.FormValue("who"))
	})
	handle(mux, "DELETE /operator/sessions", log, func(r *http.Request, _ struct{}) (any, error) {
		n, err := a.EndOperatorSessions(r.Context())
		return endedSessions{n}, err
	})
}

// readOnlyPath is that of the one request that is good while the server takes no writes.
const readOnlyPath = "/read-only"

// writable refuses what may write while the server takes no writes.
func writable(a Admin, next http.Handler) http.Handler {
	s, ok := a.(*server.Server)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A drain writes for each user by itself.
		if ok && r.Method != http.MethodGet && r.URL.Path != readOnlyPath && r.URL.Path != "/node/drain" {
			done, err := s.Writing()
			if err != nil {
				answer(w, http.StatusConflict, failure{Error: err.Error()})
				return
			}
			defer done()
		}
		next.ServeHTTP(w, r)
	})
}

// handle serves pattern with f, which gets the decoded body of a POST or PATCH.
func handle[In any](mux *http.ServeMux, pattern string, log *slog.Logger, f func(*http.Request, In) (any, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var in In
		if r.Method == http.MethodPost || r.Method == http.MethodPatch {
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in); err != nil {
				answer(w, http.StatusBadRequest, failure{Error: "the request is not JSON"})
				return
			}
		}
		out, err := f(r, in)
		if err == nil {
			answer(w, http.StatusOK, out)
			return
		}
		f := failure{Error: err.Error()}
		for kind, is := range kinds {
			if errors.Is(err, is) {
				f.Kind = kind
			}
		}
		if f.Kind == "" {
			log.ErrorContext(r.Context(), "an operator's request failed", "path", r.URL.Path, "err", err)
		}
		answer(w, http.StatusConflict, f)
	})
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}
