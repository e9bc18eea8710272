// Package push wakes devices by Web Push: it encrypts a message for a device,
// and hands it to the push service that the device named.
//
// Where a device says to send cannot be trusted, so a message is sent only to
// services that the operator lists, and [NewTransport] connects only to public
// addresses. Messages are sent in the background: that never delays or fails what a
// message is about, and a message that cannot be sent is lost. Devices find out
// when they ask next.
//
// Sources: RFC 8030 (Web Push), RFC 8291 (its encryption), RFC 8292 (VAPID).
package push

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/ece"
	"github.com/syncmanager/syncmanager/server/internal/outbox"
)

const (
	// MaxPayload is the size of the longest payload, in bytes: push services take
	// bodies of 4096, of which the encryption needs 103.
	MaxPayload = 4096 - 103
	// workers is how many messages are on their way at once, and queueSize how many
	// wait for that.
	workers   = 4
	queueSize = 1024
	// sendTimeout bounds one message.
	sendTimeout = 10 * time.Second
)

var (
	// ErrHost means that the operator does not list the push service.
	ErrHost = errors.New("the operator does not allow this push service")
	// ErrKeys means that a subscription has no keys to encrypt with, or bad ones.
	ErrKeys = errors.New("the subscription has no valid keys")
	// ErrTooLong means a payload beyond MaxPayload.
	ErrTooLong = errors.New("the push message is too long")
	// ErrBusy means that too many messages wait already.
	ErrBusy = errors.New("too many push messages are waiting")
	// ErrClosed means that the sender was closed.
	ErrClosed = errors.New("the push sender is closed")
)

// Config says how a Sender works. All fields must be set.
type Config struct {
	// Secret is what the key that signs for this server (VAPID) is made from. The
	// same secret gives the same key.
	Secret []byte
	// Subject is this server's public URL, by which a push service can find its
	// operator.
	Subject string
	// Hosts are the push services that messages may go to: each name, and the names
	// below it.
	Hosts []string
	// Transport reaches them; it should be of NewTransport's kind.
	Transport http.RoundTripper
	Now       func() time.Time
	Rand      io.Reader
	Log       *slog.Logger
}

// Subscription is where a device listens, and its keys, in base64url, all as its
// browser made them. The endpoint is a secret: who knows it can wake the device.
type Subscription struct{ Endpoint, PublicKey, AuthKey string }

// Message is for one device.
type Message struct {
	To      Subscription
	Payload []byte
	// TTL is how long the push service keeps the message for a device that is
	// offline, in whole seconds; 0: not at all.
	TTL time.Duration
	// Expired, if set, is called when the service says that the subscription is
	// over.
	Expired func(context.Context)
}

// Sender sends messages. Close it.
type Sender struct {
	cfg    Config
	vapid  *vapid
	outbox *outbox.Outbox[job]
}

// job is a message that was found good.
type job struct {
	Message
	endpoint *url.URL
	receiver *ece.Receiver
}

// New starts a Sender. It refuses hosts that are not names.
func New(cfg Config) (*Sender, error) {
	if err := CheckHosts(cfg.Hosts); err != nil {
		return nil, err
	}
	v, err := newVAPID(cfg.Secret, cfg.Subject)
	if err != nil {
		return nil, err
	}
	s := &Sender{cfg: cfg, vapid: v}
	s.outbox = outbox.New(outbox.Config[job]{Workers: workers, Size: queueSize, Timeout: sendTimeout, Send: s.deliver})
	return s, nil
}

// Waiting is how many messages wait to be sent.
func (s *Sender) Waiting() int { return s.outbox.Waiting() }

// Send takes a message to be sent, and does not wait for that. The error is
// ErrHost, ErrKeys, ErrTooLong, ErrBusy or ErrClosed.
func (s *Sender) Send(m Message) error {
	endpoint, err := allowed(m.To.Endpoint, s.cfg.Hosts)
	if err != nil {
		return err
	}
	public, err1 := decode(m.To.PublicKey)
	auth, err2 := decode(m.To.AuthKey)
	receiver, err3 := ece.NewReceiver(public, auth)
	switch {
	case errors.Join(err1, err2, err3) != nil:
		return ErrKeys
	case len(m.Payload) > MaxPayload:
		return ErrTooLong
	}
	switch err := s.outbox.Put(job{m, endpoint, receiver}); {
	case errors.Is(err, outbox.ErrFull):
		return ErrBusy
	case err != nil:
		return ErrClosed
	}
	return nil
}

// decode reads base64 of either alphabet, padded or not: browsers differ.
func decode(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(text))
}

// deliver sends one message. Failures are logged with the service's name alone,
// without the endpoint.
func (s *Sender) deliver(ctx context.Context, j job) {
	code, err := s.post(ctx, j)
	switch {
	case err != nil:
		s.cfg.Log.WarnContext(ctx, "cannot send a push message", "host", j.endpoint.Host, "err", err)
	case code == http.StatusNotFound || code == http.StatusGone:
		if j.Expired != nil {
			j.Expired(context.WithoutCancel(ctx))
		}
	case code/100 != 2:
		s.cfg.Log.WarnContext(ctx, "a push service refused a message", "host", j.endpoint.Host, "status", code)
	}
}

// post makes the request. It asks the transport itself, as a client would follow
// redirections to anywhere.
func (s *Sender) post(ctx context.Context, j job) (code int, err error) {
	body, err := j.receiver.Seal(j.Payload, s.cfg.Rand)
	if err != nil {
		return 0, err
	}
	authorization, err := s.vapid.authorize(j.endpoint, s.cfg.Now())
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, j.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("the endpoint is malformed") // err has it
	}
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Content-Encoding", "aes128gcm")
	r.Header.Set("Content-Type", "application/octet-stream")
	r.Header.Set("TTL", strconv.FormatInt(int64(j.TTL/time.Second), 10))
	res, err := s.cfg.Transport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	// So that the connection can be used again; what it says does not matter.
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10)
	return res.StatusCode, nil
}

// Close takes no more messages, and sends those that wait, for some seconds at
// most and not beyond the end of ctx. What could not be sent then is lost.
func (s *Sender) Close(ctx context.Context) {
	s.outbox.Close(ctx)
	if t, ok := s.cfg.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// CheckHosts fails if one of the hosts is not the name of a host, which would never match.
func CheckHosts(hosts []string) error {
	for _, h := range hosts {
		if !isName(h) {
			return fmt.Errorf("%q is not the name of a push service, like %s", h, DefaultHosts()[0])
		}
	}
	return nil
}
