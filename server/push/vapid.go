package push

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// vapidLife is how long a signature is valid. RFC 8292 allows at most a day, and clocks
// differ.
const vapidLife = 12 * time.Hour

// vapid signs a server's requests to push services, which identifies the server to them.
type vapid struct {
	signer  jose.Signer
	public  string // base64url
	subject string
}

// vapidClaims are the claims of a signature. jwt.Claims would encode the audience as a list.
type vapidClaims struct {
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	Expiry   int64  `json:"exp"` // Unix time
}

func newVAPID(secret []byte, subject string) (*vapid, error) {
	key, err := vapidKey(secret)
	if err != nil {
		return nil, fmt.Errorf("cannot make the key for push services: %w", err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("cannot make the key for push services: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("cannot make the key for push services: %w", err)
	}
	return &vapid{signer, base64.RawURLEncoding.EncodeToString(point), subject}, nil
}

// vapidKey derives the P-256 key of a secret. Almost all values of 32 bytes are valid keys,
// so that a second round is very rare.
func vapidKey(secret []byte) (*ecdsa.PrivateKey, error) {
	for round := byte(0); ; round++ {
		scalar, err := hkdf.Key(sha256.New, secret, []byte{round}, "syncmanager/push/v1/vapid", 32)
		if err != nil {
			return nil, err
		}
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
		if err == nil || round == 3 {
			return key, err
		}
	}
}

// authorize returns the Authorization header for a request to the endpoint.
func (v *vapid) authorize(endpoint *url.URL, now time.Time) (string, error) {
	token, err := jwt.Signed(v.signer).Claims(vapidClaims{
		Audience: "https://" + endpoint.Host, Subject: v.subject, Expiry: now.Add(vapidLife).Unix(),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("cannot sign a request to a push service: %w", err)
	}
	return "vapid t=" + token + ", k=" + v.public, nil
}
