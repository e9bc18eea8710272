package accounts

// clientConfiguration is where a client that was given the server's root finds
// the services. Firefox appends "/v1" to most and "/1.0/sync/1.5" to the token
// server. Of this server's own is the client that may have its users' browsers
// redirected to their computer; see isLoopback.
func (s *Service) clientConfiguration(r *request) (any, error) {
	root := s.root(r.Context())
	return map[string]any{
		"auth_server_base_url":      root + "/auth",
		"oauth_server_base_url":     root + "/oauth",
		"profile_server_base_url":   root + "/profile",
		"sync_tokenserver_base_url": root + "/token",
		"pairing_server_base_uri":   "",
		"openid_configuration_uri":  root + "/.well-known/openid-configuration",
		"loopback_client_id":        nativeClient,
	}, nil
}

// openIDConfiguration is OpenID Connect's discovery document.
func (s *Service) openIDConfiguration(r *request) (any, error) {
	root := s.root(r.Context())
	return map[string]any{
		"issuer":                                root,
		"authorization_endpoint":                root + "/authorization",
		"token_endpoint":                        root + "/oauth/v1/token",
		"introspection_endpoint":                root + "/oauth/v1/introspect",
		"revocation_endpoint":                   root + "/oauth/v1/destroy",
		"jwks_uri":                              root + "/oauth/v1/jwks",
		"verify_endpoint":                       root + "/oauth/v1/verify",
		"userinfo_endpoint":                     root + "/profile/v1/profile",
		"claims_supported":                      []string{"acr", "amr", "at_hash", "aud", "email", "exp", "fxa-aal", "iat", "iss", "nonce", "sub"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported":              []string{"code"},
		"scopes_supported":                      knownScopes,
		"subject_types_supported":               []string{"public"},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none"},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token"},
	}, nil
}
