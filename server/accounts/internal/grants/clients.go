package grants

import (
	"errors"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
)

// parseScopes reads what a client asks for; a scope that is not known is a fault.
func parseScopes(text string) (oauth.Scopes, error) {
	out, err := oauth.Parse(text)
	if unknown, ok := errors.AsType[oauth.UnknownScopeError](err); ok {
		return nil, fault.ErrScope.With(fault.Details{InvalidScopes: string(unknown)})
	}
	return out, err
}

// Client is the name of a client; one that is not known is a fault.
func Client(id string) (name string, err error) {
	if id == "" {
		return "", fault.Missing("client_id")
	}
	name, ok := oauth.Clients[id]
	if !ok {
		return "", fault.ErrClient.With(fault.Details{ClientID: api.Cut(id, 64)})
	}
	return name, nil
}

type clientAnswer struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Trusted  bool   `json:"trusted"`
	Image    string `json:"image_uri"`
	Redirect string `json:"redirect_uri"`
}

// ClientMetadata tells a page on whose behalf it asks for a sign-in.
func (h *Handlers) ClientMetadata(r *api.Request) (any, error) {
	id := r.PathValue("id")
	name, err := Client(id)
	return clientAnswer{ID: id, Name: name, Trusted: true, Redirect: h.URLs.Of(r.Context()).String() + "/oauth/success/" + id}, err
}
