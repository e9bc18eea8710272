package token

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// The key derivation labels are those of Mozilla's tokens, so that the same tools can check
// both.
const (
	signingInfo = "services.mozilla.com/tokenlib/v1/signing"
	deriveInfo  = "services.mozilla.com/tokenlib/v1/derive/"
)

// ErrToken means that a text is not a token of this service, or was changed.
var ErrToken = errors.New("not a storage token of this server")

// Signer makes and verifies storage tokens. A token contains its [Grant], so verifying one
// needs no database.
type Signer struct {
	secret  []byte
	signing []byte
}

// NewSigner returns a Signer. secret must be kept private: it grants access to every user's
// storage.
func NewSigner(secret []byte) *Signer {
	return &Signer{secret: secret, signing: derive(secret, nil, signingInfo)}
}

// Grant is the content of a storage token.
type Grant struct {
	UID     int64  // of the storage
	Account string // the account's uid
	KeyID   string // identifies the key that the storage is encrypted with
	Expires time.Time
	// Bound identifies what the token's validity depends on, or is ""; see [Config.Live].
	Bound string
	// Quota is how many bytes the account may store on a node; 0: what the node allows. Other tokens do not
	// tell it.
	Quota int64
	// Issued is when a token for a node was made, in whole milliseconds. Other tokens do not tell it.
	Issued time.Time
}

type payload struct {
	Node    string  `json:"node"`
	UID     int64   `json:"uid"`
	Expires float64 `json:"expires"`
	FxAUID  string  `json:"fxa_uid"`
	FxAKID  string  `json:"fxa_kid"`
	Salt    string  `json:"salt"`
	Bound   string  `json:"bound,omitempty"`
	Quota   int64   `json:"quota,omitempty"`
	Issued  int64   `json:"issued,omitempty"`
}

// Make makes a token: a HAWK ID and a HAWK key. The key is used as its ASCII text.
func (s *Signer) Make(g Grant, node string, random io.Reader) (id, key string, err error) {
	var salt [3]byte
	if _, err := io.ReadFull(random, salt[:]); err != nil {
		return "", "", fmt.Errorf("make a storage token: %w", err)
	}
	var issued int64
	if !g.Issued.IsZero() {
		issued = g.Issued.UnixMilli()
	}
	b, err := json.Marshal(payload{
		Node: node, UID: g.UID, Expires: float64(g.Expires.Unix()),
		FxAUID: g.Account, FxAKID: g.KeyID, Salt: hex.EncodeToString(salt[:]), Bound: g.Bound, Quota: g.Quota, Issued: issued,
	})
	if err != nil {
		return "", "", fmt.Errorf("make a storage token: %w", err)
	}
	id = base64.URLEncoding.EncodeToString(append(b, s.sign(b)...))
	return id, s.key(id, hex.EncodeToString(salt[:])), nil
}

// Parse verifies a token and returns its grant and HAWK key. The error is [ErrToken]. Parse
// does not check [Grant.Expires], because an expired token may still read info/collections.
func (s *Signer) Parse(id string) (Grant, []byte, error) {
	b, err := base64.URLEncoding.Strict().DecodeString(id)
	// The decoder ignores line ends, but only one text of a token is valid.
	if err != nil || len(b) <= sha256.Size || strings.ContainsAny(id, "\r\n") {
		return Grant{}, nil, ErrToken
	}
	text, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(mac, s.sign(text)) {
		return Grant{}, nil, ErrToken
	}
	var p payload
	if err := json.Unmarshal(text, &p); err != nil || p.UID <= 0 {
		return Grant{}, nil, ErrToken
	}
	g := Grant{UID: p.UID, Account: p.FxAUID, KeyID: p.FxAKID, Expires: time.Unix(int64(p.Expires), 0), Bound: p.Bound, Quota: max(0, p.Quota)}
	if p.Issued > 0 {
		g.Issued = time.UnixMilli(p.Issued)
	}
	return g, []byte(s.key(id, p.Salt)), nil
}

func (s *Signer) sign(b []byte) []byte {
	m := hmac.New(sha256.New, s.signing)
	m.Write(b)
	return m.Sum(nil)
}

func (s *Signer) key(id, salt string) string {
	return base64.URLEncoding.EncodeToString(derive(s.secret, []byte(salt), deriveInfo+id))
}

func derive(secret, salt []byte, info string) []byte {
	out, err := hkdf.Key(sha256.New, secret, salt, info, sha256.Size)
	if err != nil {
		panic(fmt.Sprintf("token: HKDF: %v", err)) // only for lengths that are not used here
	}
	return out
}
