package accounts

import (
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// Scopes beside onepw.OldSync.
const (
	scopeProfile      = "profile"
	scopeProfileWrite = "profile:write"
	scopeAvatarWrite  = "profile:avatar:write"
	// scopeOpenID asks for an ID token with the access token.
	scopeOpenID = "openid"
	scopeEmail  = "email"
	// scopeSession asks for a session token with an authorization code; mobile
	// clients sign in with it.
	scopeSession = "https://identity.mozilla.com/tokens/session"
)

// knownScopes are those that may be asked for, in any mix.
var knownScopes = []string{
	onepw.OldSync, scopeProfile, scopeProfileWrite, "profile:uid", "profile:email", "profile:display_name",
	"profile:avatar", scopeAvatarWrite, "profile:amr", "profile:locale", scopeOpenID, scopeEmail, scopeSession,
}

// scopes is a set of scopes, in the order they were asked for.
type scopes []string

// parseScopes reads scopes that are apart by spaces. All must be known.
func parseScopes(text string) (scopes, error) {
	var out scopes
	for scope := range strings.FieldsSeq(text) {
		if !slices.Contains(knownScopes, scope) {
			return nil, errScope.with("invalidScopes", scope)
		}
		if !slices.Contains(out, scope) {
			out = append(out, scope)
		}
	}
	return out, nil
}

func (s scopes) String() string { return strings.Join(s, " ") }

// allow reports whether one of s includes want: a scope includes itself,
// "profile" whatever can be read of it, and "profile:write" all of it.
func (s scopes) allow(want string) bool {
	for _, have := range s {
		switch {
		case have == want, have == scopeProfileWrite && (want == scopeProfile || want == scopeAvatarWrite):
			return true
		case have == scopeProfile && strings.HasPrefix(want, scopeProfile+":") && !strings.HasSuffix(want, ":write"):
			return true
		}
	}
	return false
}

// allowAll reports whether s includes all of want.
func (s scopes) allowAll(want scopes) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !s.allow(w) })
}

// clients are the programs that may ask for tokens, by their public ids. None
// has a secret, so none is trusted for its id.
var clients = map[string]string{
	"5882386c6d801776": "Firefox",
	"a2270f727f45f648": "Firefox for Android",
	"3c49430b43dfba77": "Reference Browser for Android",
	"1b1a3e44c54fbb58": "Firefox for iOS",
	"8269bacd7bbc7f80": "Thunderbird",
	nativeClient:       "Sync Manager",
}

func client(id string) (name string, err error) {
	if id == "" {
		return "", missing("client_id")
	}
	name, ok := clients[id]
	if !ok {
		return "", errClient.with("clientId", cut(id, 64))
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

// clientMetadata tells a page on whose behalf it asks for a sign-in.
func (s *Service) clientMetadata(r *request) (any, error) {
	id := r.PathValue("id")
	name, err := client(id)
	return clientAnswer{ID: id, Name: name, Trusted: true, Redirect: s.root(r.Context()) + "/oauth/success/" + id}, err
}
