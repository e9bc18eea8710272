package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// idTokenTTL is short: a client looks at an ID token once, when it comes.
const idTokenTTL = 5 * time.Minute

// The types in the header of tokens that are signed with the same keys.
const (
	typeAccess = "at+JWT"
	typeID     = "JWT"
)

// idClaims are what an ID token says (OpenID Connect Core, section 2).
type idClaims struct {
	jwt.Claims
	Nonce string `json:"nonce,omitempty"`
	// AccessHash is of the access token that comes with it.
	AccessHash string   `json:"at_hash"`
	Methods    []string `json:"amr"`
	// Level is that of assurance: 2 if the sign-in took a second step.
	Level int    `json:"fxa-aal"`
	Class string `json:"acr"`
}

// secondStepOf reports whether a session was signed in with the second step.
func secondStepOf(tx store.Reader, session []byte) (bool, error) {
	if session == nil {
		return false, nil
	}
	t, err := tx.Token(session)
	if ok, err := present(err); !ok {
		return false, err
	}
	return t.SecondStep, nil
}

// idToken tells a client who signed in, and with or without the second step.
func (s *Service) idToken(ctx context.Context, clientID, access string, g grant, second bool) (string, error) {
	c := idClaims{Nonce: g.nonce, Methods: methods(second), Level: level(second), Class: fmt.Sprintf("AAL%d", level(second))}
	sum := sha256.Sum256([]byte(access))
	c.AccessHash = base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	c.Claims = s.registered(g.uid, clientID, idTokenTTL)
	c.Issuer = s.root(ctx) // as discovery named it to the client
	return s.sign(ctx, typeID, c)
}

// methods are the ways in which a sign-in was proved, in the words of RFC 8176.
func methods(secondStep bool) []string {
	if secondStep {
		return []string{"pwd", "email", "otp"}
	}
	return []string{"pwd", "email"}
}

// level is the level of assurance that they give.
func level(secondStep bool) int {
	if secondStep {
		return 2
	}
	return 1
}
