// Package push wakes devices by Web Push: it encrypts a message for a device, and sends it to
// the device's push service.
//
// The endpoint that a device registers cannot be trusted, so messages are sent only to push
// services that the operator lists, and [NewTransport] connects only to public addresses.
// Messages are sent in the background, so that they never make a request fail. A message that cannot
// be sent is tried again for some minutes; without it, the device notices the change when it polls
// next.
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
	"github.com/syncmanager/syncmanager/server/outbox"
)

const (
	// MaxPayload is the maximum size of a payload, in bytes: push services accept bodies of
	// 4096 bytes, of which the encryption needs 103.
	MaxPayload = 4096 - 103
	// workers is how many messages are sent at once, queueSize how many may wait, and
	// queueSizeOf how many of one account.
	workers     = 4
	queueSize   = 1024
	queueSizeOf = 256
	// leastLife and mostLife bound how long a message is tried again. Between them, it is as
	// long as the message waits at the push service.
	leastLife, mostLife = time.Minute, time.Hour
	// sendTimeout bounds one message.
	sendTimeout = 10 * time.Second
)

var (
	// ErrHost means that [Config.Hosts] does not contain the push service.
	ErrHost = errors.New("the operator does not allow this push service")
	// ErrKeys means that the keys of a subscription are missing or invalid.
	ErrKeys = errors.New("the subscription has no valid keys")
	// ErrTooLong means that a payload is longer than [MaxPayload].
	ErrTooLong = errors.New("the push message is too long")
	// ErrBusy means that too many messages are waiting already.
	ErrBusy = errors.New("too many push messages are waiting")
	// ErrClosed means that the sender was closed.
	ErrClosed = errors.New("the push sender is closed")
)

// Config configures a [Sender]. All fields without a default must be set.
type Config struct {
	// Secret is what this server's signing key (VAPID) is derived from. The same secret gives
	// the same key.
	Secret []byte
	// Subject is this server's public URL, with which a push service can contact the
	// operator.
	Subject string
	// Hosts are the host names of the push services that messages may be sent to. Subdomains
	// are included.
	Hosts []string
	// Transport connects to them; see [NewTransport].
	Transport http.RoundTripper
	// Expired, if set, is called when a push service says that the subscription of a message has
	// ended.
	Expired func(context.Context, Message)
	// Queue is where messages wait; default: in memory.
	Queue outbox.Queue
	Now   func() time.Time
	Rand  io.Reader
	Log   *slog.Logger
}

// Subscription is a device's push subscription, as its browser created it. The keys are in
// base64url. The endpoint is secret: it allows anyone to wake the device.
type Subscription struct{ Endpoint, PublicKey, AuthKey string }

// Message is for one device.
type Message struct {
	// Account and Device name the device, for [Config.Expired].
	Account, Device string

	To      Subscription
	Payload []byte
	// TTL is how long the push service stores the message for a device that is offline. It is
	// rounded down to seconds; 0 means not at all.
	TTL time.Duration
}

// Sender sends messages. It is safe for concurrent use. The caller must call [Sender.Close].
type Sender struct {
	cfg    Config
	vapid  *vapid
	outbox *outbox.Outbox[Message]
}

// New starts a Sender. It fails if a host is not a DNS name.
func New(cfg Config) (*Sender, error) {
	if err := CheckHosts(cfg.Hosts); err != nil {
		return nil, err
	}
	v, err := newVAPID(cfg.Secret, cfg.Subject)
	if err != nil {
		return nil, err
	}
	s := &Sender{cfg: cfg, vapid: v}
	s.outbox = outbox.New(outbox.Config[Message]{
		Kind: "push", Queue: cfg.Queue, Workers: workers, Size: queueSize, SizeOf: queueSizeOf, Timeout: sendTimeout, Soon: true,
		Send: s.deliver, Now: cfg.Now, Rand: cfg.Rand, Log: cfg.Log,
	})
	return s, nil
}

// Waiting returns how many messages wait to be sent.
func (s *Sender) Waiting() int { return s.outbox.Waiting() }

// Send queues a message and does not wait until it is sent. The error is [ErrHost],
// [ErrKeys], [ErrTooLong], [ErrBusy] or [ErrClosed], or that of the queue.
func (s *Sender) Send(ctx context.Context, m Message) error {
	if _, _, err := s.check(m); err != nil {
		return err
	}
	// What the message is about has happened, also if the client does not wait for the answer.
	err := s.outbox.Put(context.WithoutCancel(ctx), m.Account, m, min(max(m.TTL, leastLife), mostLife))
	switch {
	case errors.Is(err, outbox.ErrFull):
		return ErrBusy
	case errors.Is(err, outbox.ErrClosed):
		return ErrClosed
	}
	return err
}

// check returns where a message goes, and who can read it.
func (s *Sender) check(m Message) (endpoint *url.URL, receiver *ece.Receiver, err error) {
	endpoint, err = allowed(m.To.Endpoint, s.cfg.Hosts)
	if err != nil {
		return nil, nil, err
	}
	public, err1 := decode(m.To.PublicKey)
	auth, err2 := decode(m.To.AuthKey)
	receiver, err3 := ece.NewReceiver(public, auth)
	switch {
	case errors.Join(err1, err2, err3) != nil:
		return nil, nil, ErrKeys
	case len(m.Payload) > MaxPayload:
		return nil, nil, ErrTooLong
	}
	return endpoint, receiver, nil
}

// decode decodes base64 in either alphabet, with or without padding, because browsers differ.
func decode(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(text))
}

// deliver sends one message. It logs failures with the push service's name, without the
// endpoint.
func (s *Sender) deliver(ctx context.Context, m Message) error {
	endpoint, receiver, err := s.check(m)
	if err != nil { // the operator has other hosts now
		return fmt.Errorf("%w: %w", outbox.ErrRefused, err)
	}
	code, err := s.post(ctx, endpoint, receiver, m)
	switch {
	case err != nil:
		s.cfg.Log.WarnContext(ctx, "cannot send a push message", "host", endpoint.Host, "err", err)
		return err
	case code == http.StatusNotFound || code == http.StatusGone:
		if s.cfg.Expired != nil {
			s.cfg.Expired(ctx, m)
		}
	case code/100 == 2:
	case code/100 == 5 || code == http.StatusTooManyRequests:
		s.cfg.Log.WarnContext(ctx, "a push service has no time for a message", "host", endpoint.Host, "status", code)
		return errBusyService
	default:
		s.cfg.Log.WarnContext(ctx, "a push service refused a message", "host", endpoint.Host, "status", code)
	}
	return nil
}

var errBusyService = errors.New("the push service is busy")

// post sends the request. It calls the transport directly, because an http.Client would
// follow redirects to other hosts.
func (s *Sender) post(ctx context.Context, endpoint *url.URL, receiver *ece.Receiver, m Message) (code int, err error) {
	body, err := receiver.Seal(m.Payload, s.cfg.Rand)
	if err != nil {
		return 0, err
	}
	authorization, err := s.vapid.authorize(endpoint, s.cfg.Now())
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("the endpoint is malformed") // err contains the endpoint
	}
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Content-Encoding", "aes128gcm")
	r.Header.Set("Content-Type", "application/octet-stream")
	r.Header.Set("TTL", strconv.FormatInt(int64(m.TTL/time.Second), 10))
	res, err := s.cfg.Transport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	// Read the body so that the connection can be reused.
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10)
	return res.StatusCode, nil
}

// Close accepts no more messages, and sends those that wait, for at most ten seconds and not
// beyond the end of ctx. Messages that are not sent by then stay in the queue; those in memory are lost.
func (s *Sender) Close(ctx context.Context) {
	s.outbox.Close(ctx)
	if t, ok := s.cfg.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// CheckHosts fails if one of hosts is not a DNS name, since it would never match.
func CheckHosts(hosts []string) error {
	for _, h := range hosts {
		if !isName(h) {
			return fmt.Errorf("%q is not the host name of a push service: give one like %s", h, DefaultHosts()[0])
		}
	}
	return nil
}
