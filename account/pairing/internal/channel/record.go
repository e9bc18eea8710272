package channel

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
)

// The types of records, and the version that all have.
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordData             = 23

	headerSize = 5
	// maxPlain bounds a record's content, and maxSealed an encrypted record's.
	maxPlain, maxSealed = 1 << 14, 1<<14 + 256
	// maxRecords bounds the records under one key.
	maxRecords = 1 << 24
)

// protection encrypts or decrypts the records of one direction.
type protection struct {
	aead cipher.AEAD
	iv   []byte
	seq  uint64
}

func newProtection(secret []byte) *protection {
	block, err := aes.NewCipher(expandLabel(secret, "key", nil, 16))
	if err != nil {
		panic(err) // the key has the right size
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return &protection{aead: aead, iv: expandLabel(secret, "iv", nil, aead.NonceSize())}
}

// nonce returns the nonce of the next record.
func (p *protection) nonce() ([]byte, error) {
	if p.seq >= maxRecords {
		return nil, alertInternalError
	}
	nonce := append([]byte(nil), p.iv...)
	last := nonce[len(nonce)-8:]
	binary.BigEndian.PutUint64(last, binary.BigEndian.Uint64(last)^p.seq)
	p.seq++
	return nonce, nil
}

func header(kind byte, size int) []byte {
	return binary.BigEndian.AppendUint16([]byte{kind, byte(versionTLS12 >> 8), byte(versionTLS12 & 0xff)}, uint16(size))
}

// seal returns a record, encrypted once there is a key; a change_cipher_spec never is.
func (c *Conn) seal(kind byte, content []byte) ([]byte, error) {
	if len(content) > maxPlain {
		return nil, errors.New("the message is too long for the pairing channel")
	}
	if c.out == nil || kind == recordChangeCipherSpec {
		return append(header(kind, len(content)), content...), nil
	}
	inner := append(append(make([]byte, 0, len(content)+1), content...), kind)
	nonce, err := c.out.nonce()
	if err != nil {
		return nil, err
	}
	head := header(recordData, len(inner)+c.out.aead.Overhead())
	return c.out.aead.Seal(head, nonce, inner, head[:headerSize:headerSize]), nil
}

// open reads one whole record.
func (c *Conn) open(record []byte) (kind byte, content []byte, err error) {
	if len(record) < headerSize {
		return 0, nil, alertDecodeError
	}
	head, body := record[:headerSize], record[headerSize:]
	kind = head[0]
	switch version := binary.BigEndian.Uint16(head[1:]); {
	case version == versionTLS12:
	case version == versionTLS10 && c.in == nil: // allowed for a first record
	default:
		return 0, nil, alertDecodeError
	}
	encrypted := c.in != nil && kind != recordChangeCipherSpec
	switch size := int(binary.BigEndian.Uint16(head[3:])); {
	case size > maxSealed, size > maxPlain && !encrypted:
		return 0, nil, alertRecordOverflow
	case size != len(body):
		return 0, nil, alertDecodeError
	}
	if !encrypted {
		return kind, body, nil
	}
	if kind != recordData {
		return 0, nil, alertDecodeError
	}
	return c.in.open(head, body)
}

// open decrypts a record's content, and returns its real type.
func (p *protection) open(head, body []byte) (kind byte, content []byte, err error) {
	nonce, err := p.nonce()
	if err != nil {
		return 0, nil, err
	}
	inner, err := p.aead.Open(nil, nonce, body, head)
	if err != nil {
		return 0, nil, alertBadRecordMAC
	}
	for i := len(inner) - 1; i >= 0; i-- { // behind the padding, the type
		if inner[i] == 0 {
			continue
		}
		if inner[i] == recordChangeCipherSpec {
			return 0, nil, alertDecodeError
		}
		return inner[i], inner[:i], nil
	}
	return 0, nil, alertUnexpectedMessage
}
