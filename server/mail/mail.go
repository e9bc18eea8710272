// Package mail sends the server's e-mail through a mail host that the operator
// names.
//
// Sending happens aside: whoever wants a message sent waits a moment for what
// the host says, so that a host that is down is noticed, and no longer, so that
// a slow one holds nobody up. The host is spoken to over TLS, with a certificate
// for its name, unless it is on this machine. A message that cannot be sent is
// lost: its sender is told, or asks for another one.
//
// Sources: RFC 5321 (SMTP), RFC 6409 (submission), RFC 8314 (TLS for it), RFC
// 3834 (messages that programs send).
package mail

import (
	"context"
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

	"github.com/syncmanager/syncmanager/server/internal/outbox"
)

const (
	// workers is how many messages are on their way at once, and queueSize how many
	// wait for that.
	workers   = 2
	queueSize = 64
	// sendTimeout bounds one message.
	sendTimeout = time.Minute
	// defaultPatience is long enough for a host that is down to be found so.
	defaultPatience = 3 * time.Second
)

var (
	// ErrAddress means an address that no message can be sent to.
	ErrAddress = errors.New("it is no e-mail address that a message can be sent to")
	// ErrUnsent means that the mail host did not take the message, or was not there.
	ErrUnsent = errors.New("the mail host did not take the message")
	// ErrBusy means that too many messages wait already.
	ErrBusy = errors.New("too many e-mails are waiting")
	// ErrClosed means that the sender was closed.
	ErrClosed = errors.New("the sender of e-mails is closed")
)

// Config says how a Sender works. All fields without a default must be set.
type Config struct {
	Host Host
	// Password is that of Host.User.
	Password string
	// From is the sender's address, with or without a name.
	From string
	// Hello is how this server names itself to the host.
	Hello string
	// Roots are the authorities for the host's certificate; default those of the
	// system.
	Roots *x509.CertPool
	// Patience is how long Send waits for what the host says; default three seconds.
	Patience time.Duration
	// Dial connects to the host; default a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Now  func() time.Time
	Rand io.Reader
	Log  *slog.Logger
}

// Message is a text for one address.
type Message struct{ To, Subject, Text string }

// Sender sends messages. Close it.
type Sender struct {
	cfg    Config
	from   *netmail.Address
	outbox *outbox.Outbox[job]
}

// job is a message that can be sent, and where to say how that went.
type job struct {
	to   string
	msg  *mail.Msg
	done chan<- error
}

// ParseSender reads the address that e-mails come from, with or without a name.
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
		Workers: workers, Size: queueSize, Timeout: sendTimeout,
		Send: func(ctx context.Context, j job) { j.done <- s.deliver(ctx, j) },
	})
	return s, nil
}

// Waiting is how many messages wait to be sent.
func (s *Sender) Waiting() int { return s.outbox.Waiting() }

// Send takes a message to be sent. It waits a moment for what the host says, but
// not beyond the end of ctx; nil may mean that the message is still on its way.
// The error is ErrAddress, ErrUnsent, ErrBusy or ErrClosed.
func (s *Sender) Send(ctx context.Context, m Message) error {
	to, err := netmail.ParseAddress(m.To)
	if err != nil || to.Name != "" || to.Address != m.To || strings.ContainsAny(m.To+m.Subject, "\r\n\x00") {
		return ErrAddress
	}
	msg, err := s.write(to, m)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	switch err := s.outbox.Put(job{to.Address, msg, done}); {
	case errors.Is(err, outbox.ErrFull):
		return ErrBusy
	case err != nil:
		return ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return nil
	}
}

// write makes the message as it goes over the wire.
func (s *Sender) write(to *netmail.Address, m Message) (*mail.Msg, error) {
	id := make([]byte, 16)
	if _, err := io.ReadFull(s.cfg.Rand, id); err != nil {
		return nil, fmt.Errorf("no randomness: %w", err)
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	msg.ToMailAddress(to)
	msg.Subject(m.Subject)
	msg.SetDateWithValue(s.cfg.Now())
	msg.SetMessageIDWithValue(hex.EncodeToString(id) + s.from.Address[strings.LastIndexByte(s.from.Address, '@'):])
	// No answering machine answers it.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	return msg, nil
}

// deliver sends one message. What goes wrong is logged without the message and
// without its address.
func (s *Sender) deliver(ctx context.Context, j job) error {
	err := s.post(ctx, j.msg)
	if err == nil {
		return nil
	}
	s.cfg.Log.WarnContext(ctx, "cannot send an e-mail", "host", s.cfg.Host.Name, "err", reason(err, j.to))
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
	// The host has it, however the farewell goes.
	_ = c.CloseWithSMTPClient(conn)
	return nil
}

// reason says why a message was not sent, without the address that the host may
// repeat.
func reason(err error, to string) string {
	if e, ok := errors.AsType[*mail.SendError](err); ok {
		return fmt.Sprintf("%v (SMTP %d)", e.Reason, e.ErrorCode())
	}
	return strings.ReplaceAll(err.Error(), to, "…")
}

// Close takes no more messages, and sends those that wait, for some seconds at
// most and not beyond the end of ctx. What could not be sent then is lost.
func (s *Sender) Close(ctx context.Context) { s.outbox.Close(ctx) }
