package onepw

import (
	"encoding/hex"
	"fmt"
	"io"
)

// Credentials are what a client sends to an accounts server to create an account, in hex: the
// stretched password and the wrapped kB, for both versions of the protocol. The field names
// are those of the API.
type Credentials struct {
	AuthPW         string `json:"authPW"`
	WrapKB         string `json:"wrapKb"`
	AuthPWVersion2 string `json:"authPWVersion2"`
	WrapKBVersion2 string `json:"wrapKbVersion2"`
	ClientSalt     string `json:"clientSalt"`
}

// NewCredentials returns the credentials for a new account with a new random kB.
func NewCredentials(email, password string, random io.Reader) (Credentials, error) {
	kB := make([]byte, KeySize)
	if _, err := io.ReadFull(random, kB); err != nil {
		return Credentials{}, fmt.Errorf("cannot make the account's key: %w", err)
	}
	salt, err := NewClientSalt(random)
	if err != nil {
		return Credentials{}, err
	}
	v1 := StretchV1(email, password)
	v2, err := StretchV2(salt, password)
	if err != nil {
		return Credentials{}, err
	}
	return Credentials{
		AuthPW: hex.EncodeToString(v1.AuthPW), WrapKB: hex.EncodeToString(XOR(kB, v1.UnwrapBKey)),
		AuthPWVersion2: hex.EncodeToString(v2.AuthPW), WrapKBVersion2: hex.EncodeToString(XOR(kB, v2.UnwrapBKey)),
		ClientSalt: salt,
	}, nil
}
