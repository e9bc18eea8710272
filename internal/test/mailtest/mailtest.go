// Package mailtest is a mail host in a test's process: a real SMTP server on the loopback
// interface that stores the messages it receives.
package mailtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Options configure a host. The zero value accepts everything.
type Options struct {
	// StartTLS offers TLS, with a certificate for Name.
	StartTLS bool
	// TLS makes connections start with TLS.
	TLS bool
	// User and Password, if set, are who may send, once the connection is secure.
	User, Password string
	// AtData, if set, is called for each message; its error refuses the message.
	AtData func() error
}

// Name is the host's name in its certificate.
const Name = "example.com"

// Host is a mail host.
type Host struct {
	// Addr is the address that it listens on, and URL the same in the form of 'serve --smtp'.
	Addr, URL string
	// Roots verifies its certificate.
	Roots *x509.CertPool
	// Connections counts those that were opened.
	Connections atomic.Int64

	options Options
	server  *smtp.Server
	got     chan Message
}

// Message is a received message.
type Message struct {
	// From and To are those of the SMTP envelope, Header that of the message.
	From, To string
	Header   netmail.Header
	Subject  string
	Text     string
	// Secure says that it was received over TLS; User is who sent it.
	Secure bool
	User   string
}

var code = regexp.MustCompile(`(?m)^\d{6}\r?$`)

// Code returns the code on a separate line of the message, or "".
func (m Message) Code() string { return code.FindString(m.Text) }

// Start starts a host. The caller must call [Host.Close].
func Start(options Options) (*Host, error) {
	h := &Host{options: options, got: make(chan Message, 100)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h.Addr, h.URL = l.Addr().String(), "smtp://"+l.Addr().String()
	h.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		h.Connections.Add(1)
		return &session{host: h, conn: c}, nil
	}))
	h.server.Domain, h.server.ErrorLog = Name, log.New(io.Discard, "", 0)
	if options.StartTLS || options.TLS {
		lent := httptest.NewTLSServer(nil) // which has a certificate for Name
		secure := &tls.Config{Certificates: lent.TLS.Certificates}
		h.Roots = x509.NewCertPool()
		h.Roots.AddCert(lent.Certificate())
		lent.Close()
		if options.TLS {
			l = tls.NewListener(l, secure)
		} else {
			h.server.TLSConfig = secure
		}
	}
	go h.server.Serve(l) //nolint:errcheck // it ends by Close
	return h, nil
}

// Close stops the host, which then refuses connections.
func (h *Host) Close() { _ = h.server.Close() }

// patience is how long Next waits for a message.
const patience = 30 * time.Second

// Next waits for the next message.
func (h *Host) Next(ctx context.Context) (Message, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case m := <-h.got:
		return m, nil
	case <-ctx.Done():
		return Message{}, fmt.Errorf("no message came: %w", ctx.Err())
	}
}

// Waiting returns how many received messages Next has not returned yet.
func (h *Host) Waiting() int { return len(h.got) }

type session struct {
	host *Host
	conn *smtp.Conn
	m    Message
}

func (s *session) AuthMechanisms() []string {
	if s.host.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.host.options.User || password != s.host.options.Password {
			return smtp.ErrAuthFailed
		}
		s.m.User = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.host.options.User != "" && s.m.User == "" {
		return smtp.ErrAuthRequired
	}
	s.m.From = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.m.To = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	if f := s.host.options.AtData; f != nil {
		if err := f(); err != nil {
			return err
		}
	}
	read, err := netmail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(read.Body))
	if err != nil {
		return err
	}
	m := s.m
	m.Header, m.Text = read.Header, string(text)
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject")); err != nil {
		return err
	}
	_, m.Secure = s.conn.TLSConnectionState()
	s.host.got <- m
	return nil
}

func (s *session) Reset() {}

func (s *session) Logout() error { return nil }
