package token

import (
	"encoding/json"
	"net/http"

	"github.com/syncmanager/syncmanager/server/security"
)

// refusal is an error response in the format and with the texts of Mozilla's server. Clients
// act on its status.
type refusal struct {
	code        int
	status      string
	location    string
	name        string
	description string
}

func (r *refusal) Error() string { return r.status + ": " + r.description }

func refuse(status, description string) *refusal {
	return &refusal{code: http.StatusUnauthorized, status: status, location: "body", description: description}
}

var (
	errCredentials   = refuse("invalid-credentials", "Unauthorized")
	errTimestamp     = refuse("invalid-timestamp", "Unauthorized")
	errGeneration    = refuse("invalid-generation", "Unauthorized")
	errKeysChangedAt = refuse("invalid-keysChangedAt", "Unauthorized")
	errUnauthorized  = refuse("error", "Unauthorized")
	errScheme        = refuse("error", "Unsupported")
	errMalformed     = &refusal{http.StatusBadRequest, "error", "header", "X-Client-State", "Invalid client state value"}
	errNoKeyID       = &refusal{http.StatusUnauthorized, "invalid-key-id", "header", "", "Missing X-KeyID header"}
	errNewUsers      = &refusal{http.StatusForbidden, "new-users-disabled", "body", "", "New users are not allowed"}
	errBusy          = &refusal{http.StatusServiceUnavailable, "internal-error", "internal", "", "Server busy"}
	errNoRoom        = &refusal{http.StatusServiceUnavailable, "error", "internal", "", "No storage node has room for another user"}
	errServer        = &refusal{http.StatusInternalServerError, "internal-error", "internal", "", "Server error"}
)

func errClientState(description string) *refusal {
	return &refusal{http.StatusUnauthorized, "invalid-client-state", "header", "X-Client-State", "Unacceptable client-state value " + description}
}

func errUnsupported(description, name string) *refusal {
	return &refusal{http.StatusNotFound, "error", "url", name, description}
}

// note writes a refused token to the security log. It omits errors that a client corrects by
// itself, such as those of its clock or its keys.
func (s *Service) note(r *http.Request, f *refusal) {
	switch f {
	case errUnauthorized:
		s.cfg.Security.Note(r.Context(), security.TokenRefused, security.NoToken, r.RemoteAddr, "")
	case errCredentials:
		s.cfg.Security.Note(r.Context(), security.TokenRefused, security.AccessToken, r.RemoteAddr, "")
	}
}

func answer(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		code, b = http.StatusInternalServerError, []byte(`{"status":"internal-error","errors":[]}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(b)
}

func (r *refusal) answer(w http.ResponseWriter) {
	type instance struct {
		Location    string `json:"location"`
		Name        string `json:"name"`
		Description string `json:"description"`
	}
	answer(w, r.code, struct {
		Status string     `json:"status"`
		Errors []instance `json:"errors"`
	}{r.status, []instance{{r.location, r.name, r.description}}})
}
