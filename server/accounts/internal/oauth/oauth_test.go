package oauth

import (
	"errors"
	"testing"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// The pair of RFC 7636, appendix B.
func TestPKCE(t *testing.T) {
	t.Parallel()
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	if !ValidChallenge(challenge) || !Proves(verifier, challenge) {
		t.Error("the verifier does not prove its challenge")
	}
	if Proves(verifier+"x", challenge) || Proves("", challenge) {
		t.Error("another verifier proves it")
	}
	for _, text := range []string{"", "x", challenge[1:], challenge + "=", challenge + "AA", "\x00"} {
		if ValidChallenge(text) {
			t.Errorf("%q is a challenge", text)
		}
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	s, err := Parse("profile:write  " + onepw.OldSync + " profile:write")
	if err != nil || s.String() != "profile:write "+onepw.OldSync {
		t.Errorf("%q, %v", s, err)
	}
	if unknown, ok := errors.AsType[UnknownScopeError](failure(Parse("profile everything"))); !ok || unknown != "everything" {
		t.Errorf("a scope that is not known: %q", unknown)
	}
	for _, c := range []struct {
		have, want string
		allowed    bool
	}{
		{Profile, "profile:email", true}, {Profile, ProfileWrite, false}, {Profile, AvatarWrite, false}, {Profile, OpenID, false},
		{ProfileWrite, Profile, true}, {ProfileWrite, AvatarWrite, true}, {ProfileWrite, "profile:email", true}, {ProfileWrite, OpenID, false},
		{AvatarWrite, Profile, false},
		{"profile:email", Profile, false}, {"profile:email", "profile:uid", false}, {onepw.OldSync, onepw.OldSync, true},
	} {
		if got := (Scopes{c.have}).Allow(c.want); got != c.allowed {
			t.Errorf("%s allows %s: %v", c.have, c.want, got)
		}
	}
	if !s.AllowAll(Scopes{onepw.OldSync, AvatarWrite}) || s.AllowAll(Scopes{onepw.OldSync, OpenID}) {
		t.Error("AllowAll does not take each scope for itself")
	}
}

func failure(_ Scopes, err error) error { return err }

// What two parsers could read differently is refused.
func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]bool{
		"http://127.0.0.1:1/callback": true, "http://[::1]:65535/callback": true,
		"http://127.0.0.1/callback": false, "http://127.0.0.1:0/callback": false, "http://127.0.0.1:01/callback": false,
		"http://127.0.0.1:65536/callback": false, "http://127.0.0.1:1/callback/": false, "http://127.0.0.1:1/callback?x": false,
		"http://localhost:1/callback": false, "https://127.0.0.1:1/callback": false, "http://127.0.0.1:1@example.org/callback": false,
		"http://127.1:1/callback": false, "HTTP://127.0.0.1:1/callback": false, "": false,
	} {
		if IsLoopback(uri) != want {
			t.Errorf("%q: %v", uri, !want)
		}
	}
}
