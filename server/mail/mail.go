// Package mail sends the server's e-mail through a mail host that the operator configures.
//
// Messages are sent in the background. [Sender.Send] waits a few seconds for the host's
// response, long enough to notice that a host is down, and short enough that a slow host does
// not delay the caller. A message that was not sent by then is tried again for an hour, and
// outlives the process if it waits in a database. The connection uses TLS with a certificate for the
// host's name, unless the host is on this machine.
//
// Sources: RFC 5321 (SMTP), RFC 6409 (submission), RFC 8314 (TLS for it), RFC
// 3834 (messages that programs send).
package mail

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/syncmanager/syncmanager/server/outbox"
)

const (
	// workers is how many messages are sent at once, queueSize how many may wait, and
	// queueSizeOf how many to one address. A message that is older than life is of no use.
	workers     = 2
	queueSize   = 1000
	queueSizeOf = 8
	life        = time.Hour
	// sendTimeout bounds one message.
	sendTimeout = time.Minute
	// defaultPatience is long enough to notice that a host is down.
	defaultPatience = 3 * time.Second
)

var (
	// ErrAddress means that a message has an invalid address or subject.
	ErrAddress = errors.New("not an e-mail address that a message can be sent to")
	// ErrUnsent means that the mail host refused the message or could not be reached.
	ErrUnsent = errors.New("the mail host did not accept the message")
	// ErrBusy means that too many messages are waiting already.
	ErrBusy = errors.New("too many e-mails are waiting")
	// ErrClosed means that the sender was closed.
	ErrClosed = errors.New("the sender of e-mails is closed")
)

// Config configures a [Sender]. All fields without a default must be set.
type Config struct {
	Host Host
	// Password is the password of [Host.User].
	Password string
	// From is the sender's address, with or without a name.
	From string
	// Hello is the host name in this server's EHLO command.
	Hello string
	// Roots are the certificate authorities for the host's certificate; default those of the
	// system.
	Roots *x509.CertPool
	// Patience is how long [Sender.Send] waits for the host's response; default three
	// seconds.
	Patience time.Duration
	// Dial connects to the host; default a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Queue is where messages wait; default: in memory.
	Queue outbox.Queue
	Now   func() time.Time
	Rand  io.Reader
	Log   *slog.Logger
}

// Message is a text for one address.
type Message struct{ To, Subject, Text string }

// Sender sends messages. It is safe for concurrent use. The caller must call [Sender.Close].
type Sender struct {
	cfg    Config
	from   *netmail.Address
	outbox *outbox.Outbox[job]
}

// job is a message that waits. Its ID and Date stay the same if it is sent again, so that a reader
// gets it once.
type job struct {
	Message
	ID   string
	Date time.Time
}

// ParseSender parses the address that e-mails come from, with or without a name.
func ParseSender(text string) (*netmail.Address, error) {
	from, err := netmail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a sender for e-mails: give an address like sync@example.org", text)
	}
	return from, nil
}

// New starts a Sender.
func New(cfg Config) (*Sender, error) {
	from, err := ParseSender(cfg.From)
	if err != nil {
		return nil, err
	}
	if cfg.Host.User != "" && cfg.Password == "" {
		return nil, fmt.Errorf("the mail host wants a password for %s", cfg.Host.User)
	}
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	s := &Sender{cfg: cfg, from: from}
	s.outbox = outbox.New(outbox.Config[job]{
		Kind: "mail", Queue: cfg.Queue, Workers: workers, Size: queueSize, SizeOf: queueSizeOf, Timeout: sendTimeout,
		Send: s.deliver, Now: cfg.Now, Rand: cfg.Rand, Log: cfg.Log,
	})
	return s, nil
}

// Waiting returns how many messages wait to be sent.
func (s *Sender) Waiting() int { return s.outbox.Waiting() }

// Send queues a message, and waits up to [Config.Patience] for the host's response, but not
// beyond the end of ctx. If the host has refused it by then, it is not tried again. nil may mean that
// it is still being sent. The error is [ErrAddress], [ErrUnsent], [ErrBusy] or [ErrClosed], or that of
// the queue.
func (s *Sender) Send(ctx context.Context, m Message) error {
	to, err := netmail.ParseAddress(m.To)
	if err != nil || to.Name != "" || to.Address != m.To || strings.ContainsAny(m.To+m.Subject, "\r\n\x00") {
		return ErrAddress
	}
	id := make([]byte, 16)
	if _, err := io.ReadFull(s.cfg.Rand, id); err != nil {
		return fmt.Errorf("cannot read random bytes: %w", err)
	}
	whose := sha256.Sum256([]byte("mail to " + m.To))
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	err = s.outbox.Send(ctx, hex.EncodeToString(whose[:]), job{m, hex.EncodeToString(id), s.cfg.Now()}, life)
	switch {
	case errors.Is(err, outbox.ErrFull):
		return ErrBusy
	case errors.Is(err, outbox.ErrClosed):
		return ErrClosed
	}
	return err
}

// write returns the message in the form in which it is sent.
func (s *Sender) write(j job) *mail.Msg {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	msg.ToMailAddress(&netmail.Address{Address: j.To})
	msg.Subject(j.Subject)
	msg.SetDateWithValue(j.Date)
	msg.SetMessageIDWithValue(j.ID + s.from.Address[strings.LastIndexByte(s.from.Address, '@'):])
	// Keeps automatic replies away.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, j.Text)
	return msg
}

// deliver sends one message. It logs errors without the message and its address.
func (s *Sender) deliver(ctx context.Context, j job) error {
	err := s.post(ctx, s.write(j))
	if err == nil {
		return nil
	}
	s.cfg.Log.WarnContext(ctx, "cannot send an e-mail", "host", s.cfg.Host.Name, "err", reason(err, j.To))
	if e, ok := errors.AsType[*mail.SendError](err); ok && e.ErrorCode() >= 500 { // a refusal for ever
		return fmt.Errorf("%w: %w", ErrUnsent, outbox.ErrRefused)
	}
	return ErrUnsent
}

func (s *Sender) post(ctx context.Context, msg *mail.Msg) error {
	h := s.cfg.Host
	secure := &tls.Config{ServerName: h.Name, RootCAs: s.cfg.Roots, MinVersion: tls.VersionTLS12}
	dial := func(_ context.Context, network, address string) (net.Conn, error) {
		conn, err := s.cfg.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { conn.Close() })
		if !h.TLS {
			return conn, nil
		}
		over := tls.Client(conn, secure)
		return over, over.HandshakeContext(ctx)
	}
	options := []mail.Option{
		mail.WithPort(h.Port), mail.WithTimeout(sendTimeout), mail.WithTLSConfig(secure), mail.WithDialContextFunc(dial),
		mail.WithHELO(s.cfg.Hello), mail.WithoutNoop(),
	}
	switch {
	case h.TLS:
		options = append(options, mail.WithSSL())
	case h.local():
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if h.User != "" {
		options = append(options, mail.WithUsername(h.User), mail.WithPassword(s.cfg.Password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	c, err := mail.NewClient(h.Name, options...)
	if err != nil {
		return err
	}
	conn, err := c.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	if err := c.SendWithSMTPClient(conn, msg); err != nil {
		return err
	}
	// The host has accepted the message, even if QUIT fails.
	_ = c.CloseWithSMTPClient(conn)
	return nil
}

// reason returns why a message was not sent, without the address, which the host may repeat.
func reason(err error, to string) string {
	if e, ok := errors.AsType[*mail.SendError](err); ok {
		return fmt.Sprintf("%v (SMTP %d)", e.Reason, e.ErrorCode())
	}
	return strings.ReplaceAll(err.Error(), to, "…")
}

// Close accepts no more messages, and sends those that wait, for at most ten seconds and not
// beyond the end of ctx. Messages that are not sent by then stay in the queue; those in memory are lost.
func (s *Sender) Close(ctx context.Context) { s.outbox.Close(ctx) }
