package mail_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/syncmanager/syncmanager/internal/test/mailtest"
	"github.com/syncmanager/syncmanager/server/mail"
)

// log is text that many write to.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// env is a mail host and one who sends by it.
type env struct {
	*mailtest.Host
	t   *testing.T
	log log
}

func newEnv(t *testing.T, options mailtest.Options) *env {
	t.Helper()
	h, err := mailtest.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return &env{Host: h, t: t}
}

// sender sends by the host under the name of its certificate, or by its address
// when url is "".
func (w *env) sender(url string, change func(*mail.Config)) *mail.Sender {
	w.t.Helper()
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, w.Addr)
	}
	if url == "" {
		url = w.URL
	}
	host, err := mail.ParseHost(url)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := mail.Config{
		Host: host, From: "Sync <sync@example.org>", Hello: "sync.example.org", Roots: w.Roots, Dial: dial, Patience: time.Minute,
		Now: func() time.Time { return time.Unix(1_795_372_558, 0) }, Rand: rand.Reader, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	s, err := mail.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

func (w *env) next() mailtest.Message {
	w.t.Helper()
	m, err := w.Next(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

const ann = "ann@example.org"

var note = mail.Message{To: ann, Subject: "Für dich", Text: "Hello Ann,\n\n123456\n\nÄ long line: " + strings.Repeat("and on ", 200) + "\n.\n"}

// A message arrives unchanged, whatever it contains.
func TestSend(t *testing.T) {
	w := newEnv(t, mailtest.Options{})
	if err := w.sender("", nil).Send(t.Context(), note); err != nil {
		t.Fatal(err)
	}
	m := w.next()
	if m.From != "sync@example.org" || m.To != ann || m.Subject != note.Subject || strings.ReplaceAll(m.Text, "\r\n", "\n") != note.Text {
		t.Errorf("what came is %+v", m)
	}
	for name, want := range map[string]string{
		"From": `"Sync" <sync@example.org>`, "To": "<" + ann + ">", "Auto-Submitted": "auto-generated", "Date": "Sun, 22 Nov 2026", "Message-Id": "@example.org>",
	} {
		if got := m.Header.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s is %q", name, got)
		}
	}
}

// To a host on another machine, neither a message nor the password is sent without
// encryption.
func TestSecureWay(t *testing.T) {
	const name = mailtest.Name
	const user, password = "sync", "pa ss:word"
	for what, c := range map[string]struct {
		offers mailtest.Options
		url    string
		change func(*mail.Config)
		err    error
	}{
		"STARTTLS":                    {mailtest.Options{StartTLS: true}, "smtp://sync@" + name, nil, nil},
		"smtps":                       {mailtest.Options{TLS: true}, "smtps://sync@" + name, nil, nil},
		"no STARTTLS":                 {mailtest.Options{}, "smtp://sync@" + name, nil, mail.ErrUnsent},
		"no STARTTLS, and no user":    {mailtest.Options{}, "smtp://" + name, nil, mail.ErrUnsent},
		"a certificate of nobody":     {mailtest.Options{StartTLS: true}, "smtp://sync@" + name, func(c *mail.Config) { c.Roots = x509.NewCertPool() }, mail.ErrUnsent},
		"smtps, the same":             {mailtest.Options{TLS: true}, "smtps://sync@" + name, func(c *mail.Config) { c.Roots = x509.NewCertPool() }, mail.ErrUnsent},
		"another's certificate":       {mailtest.Options{StartTLS: true}, "smtp://sync@mail.example.net", nil, mail.ErrUnsent},
		"smtps to a host without TLS": {mailtest.Options{}, "smtps://sync@" + name, nil, mail.ErrUnsent},
		"a wrong password":            {mailtest.Options{StartTLS: true}, "smtp://sync@" + name, func(c *mail.Config) { c.Password = "guess" }, mail.ErrUnsent},
	} {
		t.Run(what, func(t *testing.T) {
			if strings.Contains(c.url, user+"@") {
				c.offers.User, c.offers.Password = user, password
			}
			w := newEnv(t, c.offers)
			err := w.sender(c.url, func(cfg *mail.Config) {
				cfg.Password = password
				if c.change != nil {
					c.change(cfg)
				}
			}).Send(t.Context(), note)
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v; %s", err, c.err, &w.log)
			}
			if text := w.log.String(); strings.Contains(text, password) || strings.Contains(text, "123456") || (text == "") != (c.err == nil) {
				t.Errorf("the log says %q", text)
			}
			if c.err != nil {
				if n := w.Waiting(); n > 0 {
					t.Errorf("%d messages came", n)
				}
				return
			}
			if m := w.next(); !m.Secure || m.User != user {
				t.Errorf("it came by %q, over TLS: %v", m.User, m.Secure)
			}
		})
	}
}

// Only a single plain address is accepted.
func TestHeaderInjection(t *testing.T) {
	w := newEnv(t, mailtest.Options{})
	s := w.sender("", nil)
	for _, to := range []string{
		"", "ann", "ann@example.org\r\nBcc: eve@example.org", "ann@example.org\nX: y", "ann@example.org\r", "ann@example.org>\r\nRCPT TO:<eve@example.org",
		"ann@example.org, eve@example.org", "Ann <ann@example.org>", "<ann@example.org>", "ann@example.org\x00", " ann@example.org",
		"\"a\r\n\"@example.org",
	} {
		if err := s.Send(t.Context(), mail.Message{To: to, Subject: "Hello", Text: "x"}); !errors.Is(err, mail.ErrAddress) {
			t.Errorf("%q: %v", to, err)
		}
	}
	if err := s.Send(t.Context(), mail.Message{To: ann, Subject: "Hello\r\nBcc: eve@example.org", Text: "x"}); err == nil {
		t.Error("a subject of two lines is sent")
	}
	if n := w.Connections.Load(); n > 0 {
		t.Errorf("the host was spoken to %d times", n)
	}
}

// A refusal by the host, or a missing host, is reported at once, and logged without the
// message and its address.
func TestRefused(t *testing.T) {
	w := newEnv(t, mailtest.Options{AtData: func() error {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "no mail for " + ann + " about 123456"}
	}})
	s := w.sender("", nil)
	if err := s.Send(t.Context(), note); !errors.Is(err, mail.ErrUnsent) {
		t.Errorf("a message that was refused: %v", err)
	}
	w.Close()
	if err := s.Send(t.Context(), note); !errors.Is(err, mail.ErrUnsent) {
		t.Errorf("a host that is down: %v", err)
	}
	text := w.log.String()
	if strings.Contains(text, "123456") || strings.Contains(text, ann) || !strings.Contains(text, "554") || !strings.Contains(text, "connection refused") {
		t.Errorf("the log says %s", text)
	}
}

// A slow host delays neither Send nor Close, and the queue is bounded.
func TestSlowHost(t *testing.T) {
	busy, release := make(chan struct{}, 100), make(chan struct{})
	w := newEnv(t, mailtest.Options{AtData: func() error {
		busy <- struct{}{}
		<-release
		return nil
	}})
	s := w.sender("", func(c *mail.Config) { c.Patience = time.Nanosecond })
	for range 2 { // all that are sent at once
		if err := s.Send(t.Context(), note); err != nil {
			t.Fatal(err)
		}
		<-busy
	}
	for _, c := range []struct {
		what string
		to   func(n int) string
		most int
	}{
		{"one address", func(int) string { return ann }, 8},
		{"many addresses", func(n int) string { return fmt.Sprintf("ann%d@example.org", n) }, 1000},
	} {
		waiting := 0
		var err error
		for ; err == nil && waiting < 2000; waiting++ {
			err = s.Send(t.Context(), mail.Message{To: c.to(waiting), Subject: "x", Text: "x"})
		}
		if !errors.Is(err, mail.ErrBusy) || waiting > c.most || waiting < c.most/2 {
			t.Errorf("%s: after %d messages that wait: %v", c.what, waiting, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.Close(ended)
	if err := s.Send(t.Context(), note); !errors.Is(err, mail.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	close(release)
}

func TestParseHost(t *testing.T) {
	for text, want := range map[string]mail.Host{
		"smtp://mail.example.org":               {Name: "mail.example.org", Port: 587},
		"smtp://localhost:25/":                  {Name: "localhost", Port: 25},
		"smtps://sync@mail.example.org":         {Name: "mail.example.org", Port: 465, TLS: true, User: "sync"},
		"smtp://sync%40example.org@[::1]:2525":  {Name: "::1", Port: 2525, User: "sync@example.org"},
		"smtps://sync@mail.example.org:1":       {Name: "mail.example.org", Port: 1, TLS: true, User: "sync"},
		"mail.example.org":                      {},
		"mail.example.org:587":                  {},
		"https://mail.example.org":              {},
		"smtp://":                               {},
		"smtp://mail.example.org:0":             {},
		"smtp://mail.example.org:70000":         {},
		"smtp://mail.example.org/x":             {},
		"smtp://mail.example.org?starttls=no":   {},
		"smtp://sync:secret@mail.example.org":   {},
		"smtp://sync:secret@mail.example.org:x": {},
	} {
		got, err := mail.ParseHost(text)
		if got != want || (err == nil) != (want != mail.Host{}) {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	for from, ok := range map[string]bool{"sync@example.org": true, "Sync <sync@example.org>": true, "sync": false, "": false, "sync@example.org\r\nBcc: x@y": false} {
		s, err := mail.New(mail.Config{Host: mail.Host{Name: "localhost", Port: 25}, From: from, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if (err == nil) != ok {
			t.Errorf("the sender %q: %v", from, err)
		}
		if s != nil {
			s.Close(t.Context())
		}
	}
	if _, err := mail.New(mail.Config{Host: mail.Host{Name: "mail.example.org", Port: 25, User: "sync"}, From: ann}); err == nil {
		t.Error("a user without a password is taken")
	}
}
