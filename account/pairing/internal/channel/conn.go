// Package channel is the channel between two devices that pair: messages in JSON, encrypted
// with a key that one device shows to the other as a QR code, over a relay that can read none
// of them.
//
// The encryption is a small part of TLS 1.3: an external pre-shared key alone
// (psk_ke), one cipher suite (TLS_AES_128_GCM_SHA256), one record per message. It has no
// forward secrecy, so nothing that is secret for longer than the pairing is sent: the
// account's key is encrypted for the other device's own key.
//
// Source: RFC 8446, and Mozilla's fxa-pairing-channel for which part of it.
package channel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// KeySize is the size of a channel's key, in bytes.
const KeySize = 32

// Alert is a TLS alert: why a side refuses to go on.
type Alert uint8

// The alerts of this package. Others may be received.
const (
	alertCloseNotify         Alert = 0
	alertUnexpectedMessage   Alert = 10
	alertBadRecordMAC        Alert = 20
	alertRecordOverflow      Alert = 22
	alertHandshakeFailure    Alert = 40
	alertIllegalParameter    Alert = 47
	alertDecodeError         Alert = 50
	alertDecryptError        Alert = 51
	alertProtocolVersion     Alert = 70
	alertInternalError       Alert = 80
	alertMissingExtension    Alert = 109
	alertUnsupportedExt      Alert = 110
	alertUnknownPSKIdentity  Alert = 115
	levelWarning, levelFatal       = 1, 2
)

func (a Alert) Error() string {
	switch a {
	case alertDecryptError, alertUnknownPSKIdentity, alertBadRecordMAC:
		return "the two devices do not have the same pairing key"
	}
	return fmt.Sprintf("the pairing channel failed (TLS alert %d)", uint8(a))
}

// ErrClosed means that the other side closed the channel.
var ErrClosed = errors.New("the other device closed the pairing")

// Conn is one side of an encrypted channel, without I/O. It is not safe for concurrent use.
type Conn struct {
	psk, id    []byte
	rand       io.Reader
	expect     state
	transcript []byte
	secrets    schedule
	in, out    *protection // nil: not encrypted yet
	sessionID  []byte
	// seenCCS says that the other side sent the change_cipher_spec that is allowed once.
	seenCCS bool
	// clientSecret and serverSecret are the traffic secrets of the handshake.
	clientSecret, serverSecret []byte
	// nextIn is the secret under which the client sends after its Finished, which covers the
	// first finishedAt bytes of the transcript; both are the server's.
	nextIn     []byte
	finishedAt int
	err        error
	closed     bool // we sent close_notify
}

// state is what a side waits for.
type state int

const (
	serverHello state = iota
	encryptedExtensions
	serverFinished
	clientHello
	clientFinished
	connected
)

// NewClient returns the side that joins a channel, and its first record. id is the channel's ID.
func NewClient(psk, id []byte, rand io.Reader) (*Conn, []byte, error) {
	c := &Conn{psk: psk, id: id, rand: rand, expect: serverHello}
	first, err := c.hello()
	return c, first, err
}

// NewServer returns the side that created a channel. id is the channel's ID.
func NewServer(psk, id []byte, rand io.Reader) *Conn {
	return &Conn{psk: psk, id: id, rand: rand, expect: clientHello}
}

// Connected reports whether both sides proved that they have the key.
func (c *Conn) Connected() bool { return c.expect == connected && c.err == nil }

// Receive takes one record of the other side. It returns the records to send in answer, also
// with an error, and the message that the record contained, or nil. The error is an [Alert] or
// [ErrClosed], and comes again at each later call.
func (c *Conn) Receive(record []byte) (message []byte, answer [][]byte, err error) {
	if c.err != nil {
		return nil, nil, c.err
	}
	message, answer, err = c.receive(record)
	if err == nil {
		return message, answer, nil
	}
	c.err = err
	if a, ok := errors.AsType[sent](err); ok {
		c.err = Alert(a)
	} else if a, ok := errors.AsType[Alert](err); ok {
		if r, err := c.seal(recordAlert, []byte{levelFatal, byte(a)}); err == nil {
			answer = append(answer, r)
		}
	}
	return nil, answer, c.err
}

// sent is an alert of the other side, which is not answered.
type sent Alert

func (s sent) Error() string { return Alert(s).Error() }

func (c *Conn) receive(record []byte) (message []byte, answer [][]byte, err error) {
	kind, content, err := c.open(record)
	if err != nil {
		return nil, nil, err
	}
	switch kind {
	case recordChangeCipherSpec:
		// Allowed once during the handshake, for middleboxes; it has no meaning.
		if c.seenCCS || !bytes.Equal(content, []byte{1}) || c.expect != encryptedExtensions && c.expect != clientFinished {
			return nil, nil, alertUnexpectedMessage
		}
		c.seenCCS = true
		return nil, nil, nil
	case recordAlert:
		if len(content) != 2 {
			return nil, nil, alertDecodeError
		}
		if Alert(content[1]) == alertCloseNotify {
			return nil, nil, ErrClosed
		}
		return nil, nil, sent(content[1])
	case recordHandshake:
		answer, err = c.handshakes(content)
		return nil, answer, err
	case recordData:
		if c.expect != connected {
			return nil, nil, alertUnexpectedMessage
		}
		return content, nil, nil
	}
	return nil, nil, alertUnexpectedMessage
}

// Send returns the record of a message.
func (c *Conn) Send(message []byte) ([]byte, error) {
	switch {
	case c.err != nil:
		return nil, c.err
	case c.closed:
		return nil, errors.New("the pairing channel is closed")
	case c.expect != connected:
		return nil, errors.New("the pairing channel is not connected yet")
	}
	return c.seal(recordData, message)
}

// Close returns the record that tells the other side that nothing more is sent, or nil.
func (c *Conn) Close() []byte {
	if c.closed || c.err != nil && !errors.Is(c.err, ErrClosed) {
		return nil
	}
	c.closed = true
	r, err := c.seal(recordAlert, []byte{levelWarning, byte(alertCloseNotify)})
	if err != nil {
		return nil
	}
	return r
}
