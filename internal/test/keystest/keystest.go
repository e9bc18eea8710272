// Package keystest encrypts as old and new versions of Firefox do, so that tests can make a
// profile's files. In the interop tests, a real Firefox reads its output.
package keystest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"testing"
)

// LoginKeyID is the ID of the keys for logins.
var LoginKeyID = append(append([]byte{0xf8}, make([]byte, 14)...), 1)

// A Vault is how a key4.db is encrypted.
type Vault struct {
	// Salt is the file's: 20 bytes, or 48 once a password was set.
	Salt     []byte
	Password string
	// Old is the scheme with 3DES.
	Old        bool
	Iterations int
}

var oids = map[string]asn1.ObjectIdentifier{
	"PBES2":      {1, 2, 840, 113549, 1, 5, 13},
	"PBKDF2":     {1, 2, 840, 113549, 1, 5, 12},
	"HMACSHA256": {1, 2, 840, 113549, 2, 9},
	"AES":        {2, 16, 840, 1, 101, 3, 4, 1, 42},
	"PBE3DES":    {1, 2, 840, 113549, 1, 12, 5, 1, 3},
	"3DES":       {1, 2, 840, 113549, 3, 7},
}

type identifier struct {
	OID        asn1.ObjectIdentifier
	Parameters any
}

type value struct {
	Algorithm  identifier
	Ciphertext []byte
}

// Seal encrypts a value of key4.db. Salts and vectors are always the same.
func (v Vault) Seal(t testing.TB, plain []byte) []byte {
	t.Helper()
	return v.seal(t, plain, v.Iterations)
}

// Asking returns a value that claims this number of hashing rounds, and was made with another.
func (v Vault) Asking(t testing.TB, rounds int) []byte {
	t.Helper()
	return v.seal(t, []byte("password-check"), rounds)
}

func (v Vault) seal(t testing.TB, plain []byte, rounds int) []byte {
	t.Helper()
	text := append(bytes.Clone(v.Salt), v.Password...)
	sum := sha1.Sum(text)
	seed := sum[:]
	if len(v.Salt) == 48 {
		sum := sha512.Sum384(text)
		seed = sum[:]
	}
	if v.Old {
		salt := bytes.Repeat([]byte{7}, 20)
		key, iv := stretch(seed, salt, v.Iterations)
		return marshal(t, value{
			identifier{oids["PBE3DES"], struct {
				Salt       []byte
				Iterations int
			}{salt, rounds}},
			encryptCBC(t, "3DES", key, iv, plain),
		})
	}
	salt := bytes.Repeat([]byte{8}, 32)
	key, err := pbkdf2.Key(sha256.New, string(seed), salt, v.Iterations, 32)
	if err != nil {
		t.Fatal(err)
	}
	iv := bytes.Repeat([]byte{9}, 14)
	type prf struct{ OID asn1.ObjectIdentifier }
	return marshal(t, value{
		identifier{oids["PBES2"], struct{ KDF, Cipher identifier }{
			identifier{oids["PBKDF2"], struct {
				Salt                  []byte
				Iterations, KeyLength int
				PRF                   prf
			}{salt, rounds, 32, prf{oids["HMACSHA256"]}}},
			identifier{oids["AES"], iv},
		}},
		encryptCBC(t, "AES", key, append([]byte{4, 14}, iv...), plain),
	})
}

// stretch derives key and vector of the old scheme.
func stretch(seed, salt []byte, iterations int) (key, iv []byte) {
	base := append(bytes.Clone(seed), salt...)
	for range iterations {
		sum := sha1.Sum(base)
		base = sum[:]
	}
	sum := func(text []byte) []byte {
		h := hmac.New(sha1.New, base)
		h.Write(text)
		return h.Sum(nil)
	}
	padded := append(bytes.Clone(salt), make([]byte, 20-len(salt))...)
	out := sum(append(bytes.Clone(padded), salt...))
	out = append(out, sum(append(sum(padded), salt...))...)
	return out[:24], out[len(out)-8:]
}

// Login encrypts a value of logins.json, with 3DES or AES depending on the length of the key.
func Login(t testing.TB, key []byte, plain string) string {
	t.Helper()
	kind, iv := "AES", bytes.Repeat([]byte{5}, 16)
	if len(key) == 24 {
		kind, iv = "3DES", bytes.Repeat([]byte{6}, 8)
	}
	return base64.StdEncoding.EncodeToString(marshal(t, struct {
		KeyID      []byte
		Cipher     identifier
		Ciphertext []byte
	}{LoginKeyID, identifier{oids[kind], iv}, encryptCBC(t, kind, key, iv, []byte(plain))}))
}

// Card encrypts the number of a card.
func Card(t testing.TB, key []byte, number string) string {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := bytes.Repeat([]byte{3}, aead.NonceSize())
	return base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(number), nil))
}

func encryptCBC(t testing.TB, kind string, key, iv, plain []byte) []byte {
	t.Helper()
	newCipher := aes.NewCipher
	if kind == "3DES" {
		newCipher = des.NewTripleDESCipher
	}
	block, err := newCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	pad := block.BlockSize() - len(plain)%block.BlockSize()
	out := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, out)
	return out
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	der, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
