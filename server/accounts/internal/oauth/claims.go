package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"github.com/go-jose/go-jose/v4/jwt"
)

// The types in the header of tokens that are signed with the same keys.
const (
	TypeAccess = "at+JWT"
	TypeID     = "JWT"
)

// AccessClaims are what an access token says.
type AccessClaims struct {
	jwt.Claims
	ClientID       string `json:"client_id"`
	Scope          string `json:"scope"`
	Generation     int64  `json:"fxa-generation"`
	ProfileChanged int64  `json:"fxa-profileChangedAt"`
	// Bound names what the token ends with; "": only its account.
	Bound string `json:"bound,omitempty"`
}

// IDClaims are what an ID token says (OpenID Connect Core, section 2).
type IDClaims struct {
	jwt.Claims
	Nonce string `json:"nonce,omitempty"`
	// AccessHash is of the access token that comes with it.
	AccessHash string   `json:"at_hash"`
	Methods    []string `json:"amr"`
	// Level is that of assurance: 2 if the sign-in took a second step.
	Level int    `json:"fxa-aal"`
	Class string `json:"acr"`
}

// NewIDClaims are the claims of an ID token that comes with an access token.
func NewIDClaims(c jwt.Claims, nonce, access string, secondStep bool) IDClaims {
	sum := sha256.Sum256([]byte(access))
	level := Level(secondStep)
	return IDClaims{
		Claims: c, Nonce: nonce, AccessHash: base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]),
		Methods: Methods(secondStep), Level: level, Class: fmt.Sprintf("AAL%d", level),
	}
}

// Methods are the ways in which a sign-in was proved, in the words of RFC 8176.
func Methods(secondStep bool) []string {
	if secondStep {
		return []string{"pwd", "email", "otp"}
	}
	return []string{"pwd", "email"}
}

// Level is the level of assurance that they give.
func Level(secondStep bool) int {
	if secondStep {
		return 2
	}
	return 1
}

// ValidChallenge reports whether text is a challenge of PKCE (RFC 7636) by S256.
func ValidChallenge(text string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(raw) == sha256.Size
}

// Proves reports whether a verifier is the one of a challenge.
func Proves(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}
