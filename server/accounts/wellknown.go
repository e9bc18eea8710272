package accounts

import (
	"net/url"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
)

type clientConfiguration struct {
	Auth     string `json:"auth_server_base_url"`
	OAuth    string `json:"oauth_server_base_url"`
	Profile  string `json:"profile_server_base_url"`
	Token    string `json:"sync_tokenserver_base_url"`
	Pairing  string `json:"pairing_server_base_uri"`
	OpenID   string `json:"openid_configuration_uri"`
	Loopback string `json:"loopback_client_id"`
}

// clientConfiguration tells a client that knows the server's root where the services are.
// Firefox appends "/v1" to most and "/1.0/sync/1.5" to the token server. Only this server names
// the client whose users' browsers may be redirected to their own computer; see
// [oauth.IsLoopback].
func (s *Service) clientConfiguration(r *api.Request) (any, error) {
	public := s.cfg.PublicURLs.Of(r.Context())
	root := public.String()
	return clientConfiguration{
		Pairing:  pairingURI(public),
		Auth:     root + "/auth",
		OAuth:    root + "/oauth",
		Profile:  root + "/profile",
		Token:    root + "/token",
		OpenID:   root + "/.well-known/openid-configuration",
		Loopback: oauth.NativeClient,
	}, nil
}

// pairingURI is where devices that pair connect to. Clients append a path to the host, so the
// path of the public URL would be lost.
func pairingURI(public *url.URL) string {
	scheme := "wss"
	if public.Scheme == "http" {
		scheme = "ws"
	}
	return scheme + "://" + public.Host
}

// openIDConfiguration is OpenID Connect's discovery document.
type openIDConfiguration struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Introspection string   `json:"introspection_endpoint"`
	Revocation    string   `json:"revocation_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	Verify        string   `json:"verify_endpoint"`
	UserInfo      string   `json:"userinfo_endpoint"`
	Claims        []string `json:"claims_supported"`
	IDAlgorithms  []string `json:"id_token_signing_alg_values_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	Scopes        []string `json:"scopes_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Challenges    []string `json:"code_challenge_methods_supported"`
	ClientAuth    []string `json:"token_endpoint_auth_methods_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
}

func (s *Service) openIDConfiguration(r *api.Request) (any, error) {
	root := s.cfg.PublicURLs.Of(r.Context()).String()
	return openIDConfiguration{
		Issuer:        root,
		Authorization: root + "/authorization",
		Token:         root + "/oauth/v1/token",
		Introspection: root + "/oauth/v1/introspect",
		Revocation:    root + "/oauth/v1/destroy",
		JWKS:          root + "/oauth/v1/jwks",
		Verify:        root + "/oauth/v1/verify",
		UserInfo:      root + "/profile/v1/profile",
		Claims:        []string{"acr", "amr", "at_hash", "aud", "email", "exp", "fxa-aal", "iat", "iss", "nonce", "sub"},
		IDAlgorithms:  []string{"RS256"},
		ResponseTypes: []string{"code"},
		Scopes:        oauth.Known,
		SubjectTypes:  []string{"public"},
		Challenges:    []string{"S256"},
		ClientAuth:    []string{"none"},
		GrantTypes:    []string{"authorization_code", "refresh_token"},
	}, nil
}
