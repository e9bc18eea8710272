package channel

import (
	"bytes"
	"crypto/hmac"
	"fmt"
	"io"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// The numbers of TLS that are used.
const (
	versionTLS10 = 0x0301
	versionTLS12 = 0x0303
	versionTLS13 = 0x0304

	cipherSuite = 0x1301 // TLS_AES_128_GCM_SHA256
	pskOnly     = 0      // psk_ke

	typeClientHello         = 1
	typeServerHello         = 2
	typeEncryptedExtensions = 8
	typeFinished            = 20

	extPreSharedKey      = 41
	extSupportedVersions = 43
	extPSKModes          = 45

	randomSize = 32
	// bindersSize is the size of the binders field with one binder.
	bindersSize = 2 + 1 + hashSize
)

// message builds a handshake message and adds it to the transcript.
func (c *Conn) message(kind uint8, body func(*cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	b.AddUint8(kind)
	b.AddUint24LengthPrefixed(body)
	out := b.BytesOrPanic()
	c.transcript = append(c.transcript, out...)
	return out
}

func addExtension(b *cryptobyte.Builder, kind uint16, body func(*cryptobyte.Builder)) {
	b.AddUint16(kind)
	b.AddUint16LengthPrefixed(body)
}

// hello returns the record with the ClientHello.
func (c *Conn) hello() ([]byte, error) {
	random := make([]byte, 2*randomSize)
	if _, err := io.ReadFull(c.rand, random); err != nil {
		return nil, fmt.Errorf("begin the pairing channel: %w", err)
	}
	c.sessionID = random[randomSize:]
	binderKey := c.secrets.early(c.psk)
	m := c.message(typeClientHello, func(b *cryptobyte.Builder) {
		b.AddUint16(versionTLS12)
		b.AddBytes(random[:randomSize])
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(c.sessionID) })
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(cipherSuite) })
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint8(0) }) // no compression
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			addExtension(b, extSupportedVersions, func(b *cryptobyte.Builder) {
				b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(versionTLS13) })
			})
			addExtension(b, extPSKModes, func(b *cryptobyte.Builder) {
				b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint8(pskOnly) })
			})
			addExtension(b, extPreSharedKey, func(b *cryptobyte.Builder) {
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
					b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(c.id) })
					b.AddUint32(0) // the age, for tickets only
				})
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { // filled in below
					b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(make([]byte, hashSize)) })
				})
			})
		})
	})
	// The binder covers what precedes the binders.
	binder := finishedMAC(binderKey, m[:len(m)-bindersSize])
	copy(m[len(m)-hashSize:], binder)
	copy(c.transcript[len(c.transcript)-hashSize:], binder)
	return c.seal(recordHandshake, m)
}

// handshakes takes the messages of one record.
func (c *Conn) handshakes(content []byte) (answer [][]byte, err error) {
	rest := cryptobyte.String(content)
	for first := true; first || !rest.Empty(); first = false {
		whole := rest
		var kind uint8
		var body cryptobyte.String
		if !rest.ReadUint8(&kind) || !rest.ReadUint24LengthPrefixed(&body) {
			return answer, alertDecodeError
		}
		before := len(c.transcript)
		if c.expect != connected {
			c.transcript = append(c.transcript, whole[:len(whole)-len(rest)]...)
		}
		out, err := c.handshake(kind, body, before, rest.Empty())
		answer = append(answer, out...)
		if err != nil {
			return answer, err
		}
	}
	return answer, nil
}

// handshake takes one message. Before is the length of the transcript without it; last says
// that it ends its record, as one that changes the keys must.
func (c *Conn) handshake(kind uint8, body cryptobyte.String, before int, last bool) ([][]byte, error) {
	if wanted, changesKeys := c.awaited(); kind != wanted || changesKeys && !last {
		return nil, alertUnexpectedMessage
	}
	switch c.expect {
	case serverHello:
		return nil, c.takeServerHello(body)
	case encryptedExtensions:
		return nil, c.takeEncryptedExtensions(body)
	case serverFinished:
		return c.takeServerFinished(body, before)
	case clientHello:
		return c.takeClientHello(body)
	default:
		return nil, c.takeClientFinished(body)
	}
}

// awaited returns the type of the next handshake message, or 0, and whether it changes the
// keys.
func (c *Conn) awaited() (kind uint8, changesKeys bool) {
	switch c.expect {
	case serverHello:
		return typeServerHello, true
	case encryptedExtensions:
		return typeEncryptedExtensions, false
	case serverFinished, clientFinished:
		return typeFinished, true
	case clientHello:
		return typeClientHello, true
	}
	return 0, false
}

func (c *Conn) takeEncryptedExtensions(s cryptobyte.String) error {
	var list cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) || !s.Empty() {
		return alertDecodeError
	}
	if !list.Empty() {
		return alertUnsupportedExt
	}
	c.expect = serverFinished
	return nil
}

// takeClientFinished ends the handshake at the server.
func (c *Conn) takeClientFinished(mac []byte) error {
	if !hmac.Equal(mac, finishedMAC(c.clientSecret, c.transcript[:c.finishedAt])) {
		return alertDecryptError
	}
	c.in = newProtection(c.nextIn)
	c.done()
	return nil
}

// extensions reads the extensions of a hello, which are its rest. Those of unknown types are
// included.
func extensions(s *cryptobyte.String) (found map[uint16]cryptobyte.String, last uint16, err error) {
	var all cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&all) || !s.Empty() {
		return nil, 0, alertDecodeError
	}
	found = make(map[uint16]cryptobyte.String)
	for !all.Empty() {
		var body cryptobyte.String
		if !all.ReadUint16(&last) || !all.ReadUint16LengthPrefixed(&body) {
			return nil, 0, alertDecodeError
		}
		if _, twice := found[last]; twice {
			return nil, 0, alertDecodeError
		}
		found[last] = body
	}
	return found, last, nil
}

func (c *Conn) takeServerHello(s cryptobyte.String) error {
	var version, suite uint16
	var compression uint8
	var random []byte
	var session cryptobyte.String
	if !s.ReadUint16(&version) || !s.ReadBytes(&random, randomSize) || !s.ReadUint8LengthPrefixed(&session) || !s.ReadUint16(&suite) || !s.ReadUint8(&compression) {
		return alertDecodeError
	}
	if version != versionTLS12 || suite != cipherSuite || compression != 0 || !bytes.Equal(session, c.sessionID) {
		return alertIllegalParameter
	}
	found, _, err := extensions(&s)
	if err != nil {
		return err
	}
	if err := selected(found); err != nil {
		return err
	}
	c.clientSecret, c.serverSecret = c.secrets.handshake(c.transcript)
	c.out, c.in = newProtection(c.clientSecret), newProtection(c.serverSecret)
	c.expect = encryptedExtensions
	return nil
}

// selected checks the extensions of a ServerHello: TLS 1.3, and the only key that was offered.
func selected(found map[uint16]cryptobyte.String) error {
	versions, hasVersion := found[extSupportedVersions]
	keys, hasKey := found[extPreSharedKey]
	if !hasVersion || !hasKey {
		return alertMissingExtension
	}
	if len(found) != 2 {
		return alertUnsupportedExt
	}
	var version, index uint16
	if !versions.ReadUint16(&version) || !versions.Empty() || !keys.ReadUint16(&index) || !keys.Empty() {
		return alertDecodeError
	}
	if version != versionTLS13 || index != 0 {
		return alertIllegalParameter
	}
	return nil
}

// takeServerFinished ends the handshake at the client, which answers with its own Finished.
func (c *Conn) takeServerFinished(mac []byte, before int) ([][]byte, error) {
	if !hmac.Equal(mac, finishedMAC(c.serverSecret, c.transcript[:before])) {
		return nil, alertDecryptError
	}
	client, server := c.secrets.application(c.transcript)
	verify := finishedMAC(c.clientSecret, c.transcript)
	m := c.message(typeFinished, func(b *cryptobyte.Builder) { b.AddBytes(verify) })
	record, err := c.seal(recordHandshake, m)
	if err != nil {
		return nil, err
	}
	c.out, c.in = newProtection(client), newProtection(server)
	c.done()
	return [][]byte{record}, nil
}

// done forgets what only the handshake needs.
func (c *Conn) done() {
	c.expect = connected
	c.psk, c.transcript, c.clientSecret, c.serverSecret, c.nextIn = nil, nil, nil, nil, nil
}

// takeClientHello answers with all of the server's handshake.
func (c *Conn) takeClientHello(s cryptobyte.String) ([][]byte, error) {
	session, found, err := readClientHello(s)
	if err != nil {
		return nil, err
	}
	identities, binders, size, err := offeredKeys(found[extPreSharedKey])
	if err != nil {
		return nil, err
	}
	index := slices.IndexFunc(identities, func(id []byte) bool { return bytes.Equal(id, c.id) })
	if index < 0 {
		return nil, alertUnknownPSKIdentity
	}
	binderKey := c.secrets.early(c.psk)
	if !hmac.Equal(binders[index], finishedMAC(binderKey, c.transcript[:len(c.transcript)-size])) {
		return nil, alertDecryptError
	}
	return c.serverFlight(session, uint16(index))
}

// readClientHello checks all of a ClientHello but the keys that it offers.
func readClientHello(s cryptobyte.String) (session []byte, found map[uint16]cryptobyte.String, err error) {
	var version uint16
	var random []byte
	var id, suites, compression cryptobyte.String
	if !s.ReadUint16(&version) || !s.ReadBytes(&random, randomSize) || !s.ReadUint8LengthPrefixed(&id) || len(id) > 32 ||
		!s.ReadUint16LengthPrefixed(&suites) || !s.ReadUint8LengthPrefixed(&compression) {
		return nil, nil, alertDecodeError
	}
	if version < versionTLS10 {
		return nil, nil, alertProtocolVersion
	}
	if !has16(suites, cipherSuite) {
		return nil, nil, alertHandshakeFailure
	}
	if !bytes.Equal(compression, []byte{0}) {
		return nil, nil, alertIllegalParameter
	}
	found, last, err := extensions(&s)
	if err != nil {
		return nil, nil, err
	}
	if last != extPreSharedKey { // the binders cover all before them
		if _, ok := found[extPreSharedKey]; !ok {
			return nil, nil, alertMissingExtension
		}
		return nil, nil, alertIllegalParameter
	}
	return id, found, offered(found)
}

// offered checks what a ClientHello offers besides keys: TLS 1.3, and the one way to use a key.
func offered(found map[uint16]cryptobyte.String) error {
	versions, hasVersions := found[extSupportedVersions]
	modes, hasModes := found[extPSKModes]
	if !hasVersions || !hasModes {
		return alertMissingExtension
	}
	var list cryptobyte.String
	if !versions.ReadUint8LengthPrefixed(&list) || !versions.Empty() {
		return alertDecodeError
	}
	if !has16(list, versionTLS13) {
		return alertProtocolVersion
	}
	if !modes.ReadUint8LengthPrefixed(&list) || !modes.Empty() {
		return alertDecodeError
	}
	if !bytes.Contains(list, []byte{pskOnly}) {
		return alertHandshakeFailure
	}
	return nil
}

// has16 reports whether a list of 16-bit numbers has n.
func has16(list cryptobyte.String, n uint16) bool {
	for !list.Empty() {
		var one uint16
		if !list.ReadUint16(&one) {
			return false
		}
		if one == n {
			return true
		}
	}
	return false
}

// offeredKeys reads the identities of pre-shared keys, a binder for each, and the size of the
// binders field.
func offeredKeys(s cryptobyte.String) (identities, binders [][]byte, size int, err error) {
	var ids, macs cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&ids) {
		return nil, nil, 0, alertDecodeError
	}
	size = len(s)
	if !s.ReadUint16LengthPrefixed(&macs) || !s.Empty() {
		return nil, nil, 0, alertDecodeError
	}
	for !ids.Empty() {
		var id cryptobyte.String
		var age uint32
		if !ids.ReadUint16LengthPrefixed(&id) || !ids.ReadUint32(&age) {
			return nil, nil, 0, alertDecodeError
		}
		identities = append(identities, id)
	}
	for !macs.Empty() {
		var mac cryptobyte.String
		if !macs.ReadUint8LengthPrefixed(&mac) {
			return nil, nil, 0, alertDecodeError
		}
		binders = append(binders, mac)
	}
	if len(binders) != len(identities) {
		return nil, nil, 0, alertIllegalParameter
	}
	return identities, binders, size, nil
}

// serverFlight returns the server's handshake, after which it may send already.
func (c *Conn) serverFlight(session []byte, index uint16) (records [][]byte, err error) {
	random := make([]byte, randomSize)
	if _, err := io.ReadFull(c.rand, random); err != nil {
		return nil, alertInternalError
	}
	add := func(kind byte, content []byte) {
		if err != nil {
			return
		}
		var r []byte
		if r, err = c.seal(kind, content); err == nil {
			records = append(records, r)
		}
	}
	add(recordHandshake, c.message(typeServerHello, func(b *cryptobyte.Builder) {
		b.AddUint16(versionTLS12)
		b.AddBytes(random)
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(session) })
		b.AddUint16(cipherSuite)
		b.AddUint8(0)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			addExtension(b, extSupportedVersions, func(b *cryptobyte.Builder) { b.AddUint16(versionTLS13) })
			addExtension(b, extPreSharedKey, func(b *cryptobyte.Builder) { b.AddUint16(index) })
		})
	}))
	if len(session) > 0 {
		add(recordChangeCipherSpec, []byte{1})
	}
	c.clientSecret, c.serverSecret = c.secrets.handshake(c.transcript)
	c.out, c.in = newProtection(c.serverSecret), newProtection(c.clientSecret)
	rest := c.message(typeEncryptedExtensions, func(b *cryptobyte.Builder) { b.AddUint16(0) })
	verify := finishedMAC(c.serverSecret, c.transcript)
	rest = append(rest, c.message(typeFinished, func(b *cryptobyte.Builder) { b.AddBytes(verify) })...)
	add(recordHandshake, rest)
	c.finishedAt = len(c.transcript)
	client, server := c.secrets.application(c.transcript)
	c.nextIn, c.out = client, newProtection(server)
	c.expect = clientFinished
	return records, err
}
