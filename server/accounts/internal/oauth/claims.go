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

// AccessClaims are the claims of an access token.
type AccessClaims struct {
	jwt.Claims
	ClientID       string `json:"client_id"`
	Scope          string `json:"scope"`
	Generation     int64  `json:"fxa-generation"`
	ProfileChanged int64  `json:"fxa-profileChangedAt"`
	// Bound names the session or refresh token with which the token ends; "": it ends only with
	// its account.
	Bound string `json:"bound,omitempty"`
}

// IDClaims are the claims of an ID token (OpenID Connect Core, section 2).
type IDClaims struct {
	jwt.Claims
	Nonce string `json:"nonce,omitempty"`
	// AccessHash is the hash of the access token that is issued with it.
	AccessHash string   `json:"at_hash"`
	Methods    []string `json:"amr"`
	// Level is the level of assurance: 2 if the sign-in took a second step, else 1.
	Level int    `json:"fxa-aal"`
	Class string `json:"acr"`
}

// NewIDClaims returns the claims of an ID token that is issued with an access token.
func NewIDClaims(c jwt.Claims, nonce, access string, secondStep bool) IDClaims {
	sum := sha256.Sum256([]byte(access))
	level := Level(secondStep)
	return IDClaims{
		Claims: c, Nonce: nonce, AccessHash: base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]),
		Methods: Methods(secondStep), Level: level, Class: fmt.Sprintf("AAL%d", level),
	}
}

// Methods returns the ways in which a sign-in was proved, in the terms of RFC 8176.
func Methods(secondStep bool) []string {
	if secondStep {
		return []string{"pwd", "email", "otp"}
	}
	return []string{"pwd", "email"}
}

// Level returns the level of assurance of these methods.
func Level(secondStep bool) int {
	if secondStep {
		return 2
	}
	return 1
}

// ValidChallenge reports whether text is a PKCE challenge (RFC 7636) of method S256.
func ValidChallenge(text string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(raw) == sha256.Size
}

// Proves reports whether a verifier matches a challenge.
func Proves(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}
