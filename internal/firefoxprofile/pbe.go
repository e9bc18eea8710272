package firefoxprofile

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
	"errors"
	"fmt"
)

// NSS, Firefox's cryptography library, encrypts the values of key4.db with the primary
// password, or the empty one: since Firefox 75 with PBES2 (PBKDF2 with
// HMAC-SHA256, then AES-256-CBC), before with a scheme of its own with SHA-1 and
// 3DES-CBC, under the object identifier of PKCS #12's.
var (
	oidPBES2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMACSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidAES256CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	oidPBE3DES    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 5, 1, 3}
	oid3DESCBC    = asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}
)

// maxIterations bounds the work that a file can ask for, at a hundred times Firefox's
// number: about a second.
const maxIterations = 1_000_000

var (
	errUnknownCipher = errors.New("it is encrypted in a way that this program does not know")
	// errUndecipherable means that the key is wrong, or the ciphertext damaged.
	errUndecipherable = errors.New("it cannot be decrypted: the key does not fit, or it is damaged")
)

// algorithm is an AlgorithmIdentifier of X.509.
type algorithm struct {
	OID        asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

// encrypted is how key4.db keeps a value.
type encrypted struct {
	Algorithm  algorithm
	Ciphertext []byte
}

// pbes2 are the parameters of the newer scheme.
type pbes2 struct {
	KDF    algorithm
	Cipher algorithm
}

type pbkdf2Parameters struct {
	Salt       []byte
	Iterations int64
	KeyLength  int64     `asn1:"optional"`
	PRF        algorithm `asn1:"optional"`
}

// pbe3DES are the parameters of the older scheme.
type pbe3DES struct {
	Salt       []byte
	Iterations int64
}

// seed is what keys are derived from: the salt of the file and the primary
// password. The salt has 20 bytes until a password is set
// for the first time, and 48 afterwards (seen in Firefox 153); its length chooses the hash.
func seed(salt []byte, password string) []byte {
	text := append(bytes.Clone(salt), password...)
	if len(salt) == sha512.Size384 {
		sum := sha512.Sum384(text)
		return sum[:]
	}
	sum := sha1.Sum(text)
	return sum[:]
}

// decrypt decrypts a value of key4.db.
func decrypt(der, seed []byte) ([]byte, error) {
	var value encrypted
	if err := parse(der, &value); err != nil {
		return nil, err
	}
	switch {
	case value.Algorithm.OID.Equal(oidPBES2):
		return decryptPBES2(value, seed)
	case value.Algorithm.OID.Equal(oidPBE3DES):
		var p pbe3DES
		if err := parse(value.Algorithm.Parameters.FullBytes, &p); err != nil {
			return nil, err
		}
		if err := checkIterations(p.Iterations); err != nil {
			return nil, err
		}
		key, iv := derive3DES(seed, p.Salt, int(p.Iterations))
		return decryptCBC(oid3DESCBC, key, iv, value.Ciphertext)
	}
	return nil, errUnknownCipher
}

func decryptPBES2(value encrypted, seed []byte) ([]byte, error) {
	var p pbes2
	if err := parse(value.Algorithm.Parameters.FullBytes, &p); err != nil {
		return nil, err
	}
	if !p.KDF.OID.Equal(oidPBKDF2) {
		return nil, errUnknownCipher
	}
	var k pbkdf2Parameters
	if err := parse(p.KDF.Parameters.FullBytes, &k); err != nil {
		return nil, err
	}
	if !k.PRF.OID.Equal(oidHMACSHA256) {
		return nil, errUnknownCipher
	}
	if err := checkIterations(k.Iterations); err != nil {
		return nil, err
	}
	key, err := pbkdf2.Key(sha256.New, string(seed), k.Salt, int(k.Iterations), 32)
	if err != nil {
		return nil, errUnknownCipher
	}
	// NSS uses the whole element as the vector, with the two bytes of its header.
	return decryptCBC(p.Cipher.OID, key, p.Cipher.Parameters.FullBytes, value.Ciphertext)
}

func checkIterations(n int64) error {
	if n < 1 || n > maxIterations {
		return fmt.Errorf("%w: it asks for %d rounds of hashing, more than %d", ErrDamaged, n, maxIterations)
	}
	return nil
}

// derive3DES derives key and vector of the older scheme: PBKDF1's hash, extended by
// HMACs as in a draft of PKCS #12.
func derive3DES(seed, salt []byte, iterations int) (key, iv []byte) {
	text := append(bytes.Clone(seed), salt...)
	for range iterations {
		sum := sha1.Sum(text)
		text = sum[:]
	}
	mac := func(parts ...[]byte) []byte {
		h := hmac.New(sha1.New, text)
		for _, part := range parts {
			h.Write(part)
		}
		return h.Sum(nil)
	}
	state := append(bytes.Clone(salt), make([]byte, max(0, sha1.Size-len(salt)))...)
	first := mac(state, salt)
	stretched := append(first, mac(mac(state), salt)...)
	return stretched[:24], stretched[32:]
}

// decryptCBC decrypts, and removes the padding.
func decryptCBC(oid asn1.ObjectIdentifier, key, iv, ciphertext []byte) ([]byte, error) {
	var block cipher.Block
	var err error
	switch {
	case oid.Equal(oidAES256CBC) && len(key) == 32:
		block, err = aes.NewCipher(key)
	case oid.Equal(oid3DESCBC) && len(key) == 24:
		block, err = des.NewTripleDESCipher(key)
	default:
		return nil, errUnknownCipher
	}
	if err != nil {
		return nil, errUnknownCipher
	}
	size := block.BlockSize()
	if len(iv) != size || len(ciphertext) == 0 || len(ciphertext)%size != 0 {
		return nil, ErrDamaged
	}
	plain := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, ciphertext)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > size || !bytes.Equal(plain[len(plain)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, errUndecipherable
	}
	return plain[:len(plain)-pad], nil
}

// parse parses DER into v, and refuses trailing bytes.
func parse(der []byte, v any) error {
	if rest, err := asn1.Unmarshal(der, v); err != nil || len(rest) > 0 {
		return ErrDamaged
	}
	return nil
}
