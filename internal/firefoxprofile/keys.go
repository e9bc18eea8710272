package firefoxprofile

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/internal/sqlitecopy"
)

const keyFile = "key4.db"

var keyTables = map[string][]string{
	"metaData": {"id", "item1", "item2"},
	// The columns have the numbers of PKCS #11's attributes in hexadecimal: class,
	// label, value and ID.
	"nssPrivate": {"a0", "a3", "a11", "a102"},
}

const (
	sqlKeys = `SELECT CAST(coalesce(a102, '') AS BLOB), CAST(a11 AS BLOB), CAST(coalesce(a3, '') AS BLOB) FROM nssPrivate
		WHERE a0 = x'00000004' AND length(a11) <= ?1 AND length(coalesce(a102, '')) <= ?1 AND length(coalesce(a3, '')) <= ?1
		ORDER BY id LIMIT ?2`
	sqlPassword = `SELECT CAST(item1 AS BLOB), CAST(item2 AS BLOB) FROM metaData
		WHERE id = 'password' AND length(item1) <= ?1 AND length(item2) <= ?1`
)

// maxKeys bounds the keys that are read; Firefox has two or three.
const maxKeys = 100

// maxTries bounds how often the primary password is asked for.
const maxTries = 3

// errNoKey means that key4.db lacks the key of one item.
var errNoKey = errors.New("its key is not in the profile")

// keys are the secret keys of key4.db.
type keys struct {
	seed   []byte
	sealed []*sealedKey
}

// sealedKey is a key, encrypted until it is needed.
type sealedKey struct {
	id, sealed []byte
	label      string
	plain      []byte
	err        error
	open       bool
}

// unlock reads key4.db and checks the primary password, once for a profile.
func (p *Profile) unlock(ctx context.Context) (*keys, error) {
	if p.keys == nil && p.noKeys == nil {
		k, err := p.readKeys(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		p.keys, p.noKeys = k, err
	}
	return p.keys, p.noKeys
}

func (p *Profile) readKeys(ctx context.Context) (*keys, error) {
	k := &keys{}
	err := p.database(ctx, keyFile, keyTables, func(db *sqlitecopy.Copy) (err error) {
		if k.seed, err = p.readSeed(ctx, db); err != nil {
			return err
		}
		for rows, err := range db.Rows(ctx, sqlKeys, maxValue, maxKeys) {
			s := &sealedKey{}
			var label []byte
			if err == nil {
				err = rows.Scan(&s.id, &s.sealed, &label)
			}
			if err != nil {
				return err
			}
			s.label = string(label)
			k.sealed = append(k.sealed, s)
		}
		return nil
	})
	if errors.Is(err, ErrMissing) {
		err = about(keyFile, ErrNoKeys)
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// readSeed reads the seed of the keys, and checks the password.
func (p *Profile) readSeed(ctx context.Context, db *sqlitecopy.Copy) ([]byte, error) {
	var salt, check []byte
	for rows, err := range db.Rows(ctx, sqlPassword, maxValue) {
		if err == nil {
			err = rows.Scan(&salt, &check)
		}
		if err != nil {
			return nil, err
		}
	}
	if salt == nil || check == nil {
		return nil, ErrNoKeys
	}
	return p.passwordSeed(salt, check)
}

// passwordSeed returns the seed with the password that check is encrypted with: the empty
// one, or the user's.
func (p *Profile) passwordSeed(salt, check []byte) ([]byte, error) {
	fits := func(password string) ([]byte, error) {
		s := seed(salt, password)
		plain, err := decrypt(check, s)
		if err == nil && string(plain) != "password-check" {
			err = errUndecipherable
		}
		return s, err
	}
	s, err := fits("")
	if !errors.Is(err, errUndecipherable) {
		return s, err
	}
	if p.options.PrimaryPassword == nil {
		return nil, ErrNeedsPassword
	}
	reason := ErrNeedsPassword
	for try := range maxTries {
		password, err := p.options.PrimaryPassword(try > 0)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", reason, err)
		}
		if s, err = fits(password); !errors.Is(err, errUndecipherable) {
			return s, err
		}
		reason = ErrPrimaryPassword
	}
	return nil, reason
}

// plain returns the key itself.
func (k *keys) plain(s *sealedKey) ([]byte, error) {
	if !s.open {
		s.plain, s.err = decrypt(s.sealed, k.seed)
		s.open = true
	}
	return s.plain, s.err
}

// sdrValue is an encrypted value of logins.json, in the format of NSS's secret
// decoder ring: it names the ID of the key. Since Firefox 144, two keys have the same ID,
// for 3DES and for AES.
type sdrValue struct {
	KeyID  []byte
	Cipher struct {
		OID asn1.ObjectIdentifier
		IV  []byte
	}
	Ciphertext []byte
}

// login decrypts a user name or a password of logins.json.
func (k *keys) login(text string) (string, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", ErrDamaged
	}
	var v sdrValue
	if err := parse(der, &v); err != nil {
		return "", err
	}
	length := 32
	switch {
	case v.Cipher.OID.Equal(oidAES256CBC):
	case v.Cipher.OID.Equal(oid3DESCBC):
		length = 24
	default:
		return "", errUnknownCipher
	}
	err = errNoKey
	for _, s := range k.sealed {
		if !bytes.Equal(s.id, v.KeyID) {
			continue
		}
		key, e := k.plain(s)
		if e != nil {
			err = fmt.Errorf("its key in %s: %w", keyFile, e)
			continue
		}
		if len(key) != length {
			continue
		}
		var plain []byte
		if plain, err = decryptCBC(v.Cipher.OID, key, v.Cipher.IV, v.Ciphertext); err == nil {
			return string(plain), nil
		}
	}
	return "", err
}

// cardLabel ends the label of the key that encrypts the numbers of cards, after the
// program's name. Firefox keeps the key in the system's
// keyring, or in key4.db without one.
const cardLabel = " Encrypted Storage"

// card decrypts the number of a card: AES-GCM, after a nonce of 12 bytes.
func (k *keys) card(text string) (string, error) {
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", ErrDamaged
	}
	err = errNoKey
	for _, s := range k.sealed {
		if !strings.HasSuffix(s.label, cardLabel) {
			continue
		}
		key, e := k.plain(s)
		if e != nil {
			err = fmt.Errorf("its key in %s: %w", keyFile, e)
			continue
		}
		var plain []byte
		if plain, err = openGCM(key, sealed); err == nil {
			return string(plain), nil
		}
	}
	return "", err
}

func openGCM(key, sealed []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errUnknownCipher
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, errUnknownCipher
	}
	if len(sealed) < aead.NonceSize() {
		return nil, ErrDamaged
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
	if err != nil {
		return nil, errUndecipherable
	}
	return plain, nil
}
