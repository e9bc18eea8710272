package account

import (
	"context"
	"net/http"
	"net/url"
)

// whyEnded finds out why the server no longer knows the session, which its refusal does not
// say. It returns nil if the reason stays unknown: another device may have signed this one out.
// It asks once.
func (a *Account) whyEnded(ctx context.Context) error {
	a.mu.Lock()
	known := a.ended
	a.mu.Unlock()
	if known != nil {
		return known
	}
	s := a.Session()
	var status struct {
		Exists *bool `json:"exists"`
	}
	err := a.c.do(ctx, call{
		doing: "learn whether the account is still there", method: http.MethodGet,
		url: s.kept.Endpoints.Auth + "/account/status?uid=" + url.QueryEscape(s.UID), out: &status,
	})
	why := ErrSignedOut
	switch {
	case err != nil:
		return nil
	case status.Exists != nil && !*status.Exists:
		why = ErrAccountDeleted
	case s.kept.Salt != "":
		// Each password has its own salt.
		how, err := a.c.howStretched(ctx, s.kept.Endpoints, s.Email, "learn whether the password was changed")
		if err != nil {
			return nil
		}
		if how.Salt != "" && how.Salt != s.kept.Salt {
			why = ErrPasswordChanged
		}
	}
	a.mu.Lock()
	a.ended = why
	a.mu.Unlock()
	return why
}
