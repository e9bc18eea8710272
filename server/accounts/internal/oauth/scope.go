package oauth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// Scopes beside onepw.OldSync.
const (
	Profile      = "profile"
	ProfileWrite = "profile:write"
	AvatarWrite  = "profile:avatar:write"
	// OpenID asks for an ID token with the access token.
	OpenID = "openid"
	Email  = "email"
	// Session asks for a session token with an authorization code; mobile
	// clients sign in with it.
	Session = "https://identity.mozilla.com/tokens/session"
)

// Known are the scopes that may be asked for, in any combination.
var Known = []string{
	onepw.OldSync, Profile, ProfileWrite, "profile:uid", "profile:email", "profile:display_name",
	"profile:avatar", AvatarWrite, "profile:amr", "profile:locale", OpenID, Email, Session,
}

// Scopes is a set of scopes, in the order they were asked for.
type Scopes []string

// UnknownScopeError is a scope that this server does not know.
type UnknownScopeError string

func (e UnknownScopeError) Error() string {
	return fmt.Sprintf("%q is not a scope of this server", string(e))
}

// Parse reads scopes with spaces between them. The error is an [UnknownScopeError] if
// one is not known.
func Parse(text string) (Scopes, error) {
	var out Scopes
	for scope := range strings.FieldsSeq(text) {
		if !slices.Contains(Known, scope) {
			return nil, UnknownScopeError(scope)
		}
		if !slices.Contains(out, scope) {
			out = append(out, scope)
		}
	}
	return out, nil
}

func (s Scopes) String() string { return strings.Join(s, " ") }

// Allow reports whether one of s includes want: a scope includes itself,
// "profile" whatever can be read of it, and "profile:write" all of it.
func (s Scopes) Allow(want string) bool {
	for _, have := range s {
		switch {
		case have == want, have == ProfileWrite && (want == Profile || strings.HasPrefix(want, Profile+":")):
			return true
		case have == Profile && strings.HasPrefix(want, Profile+":") && !strings.HasSuffix(want, ":write"):
			return true
		}
	}
	return false
}

// AllowAll reports whether s includes all of want.
func (s Scopes) AllowAll(want Scopes) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !s.Allow(w) })
}
