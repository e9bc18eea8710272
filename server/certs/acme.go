package certs

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// ACME configures how a [Manager] gets certificates from an ACME authority.
type ACME struct {
	// Hosts are the host names; each gets its own certificate. A handshake for another name
	// fails without a request to the authority, so that clients cannot use up its rate
	// limits.
	Hosts []string
	// Email, if set, is the address for the authority's notices.
	Email string
	// Directory is the URL of the authority's directory; default Let's Encrypt.
	Directory string
	// Dir is the folder for the account's key and the certificates. Files have mode 0600; the
	// folder is created with mode 0700 when it is first needed.
	Dir       string
	Transport http.RoundTripper
}

// Manager gets certificates from an ACME authority: each at its first handshake, and again
// before it expires.
type Manager struct {
	auto *autocert.Manager

	mu      sync.Mutex
	expires map[string]time.Time // by the names of each certificate in use
}

// NewManager returns a Manager without contacting the authority. The Manager accepts the
// authority's terms of service.
func NewManager(c ACME) (*Manager, error) {
	for _, host := range c.Hosts {
		if !isName(host) {
			return nil, fmt.Errorf("%q is not a public host name: a certificate authority certifies only public names", host)
		}
	}
	directory := c.Directory
	if directory == "" {
		directory = autocert.DefaultACMEDirectory
	}
	return &Manager{expires: make(map[string]time.Time), auto: &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(c.Dir),
		HostPolicy: autocert.HostWhitelist(c.Hosts...),
		Email:      c.Email,
		Client:     &acme.Client{DirectoryURL: directory, HTTPClient: &http.Client{Transport: c.Transport}, UserAgent: "syncmanager"},
	}}, nil
}

// isName reports whether host is a name with a dot, and not an IP address.
func isName(host string) bool {
	_, err := netip.ParseAddr(host)
	return err != nil && strings.Contains(strings.Trim(host, "."), ".")
}

// TLS returns the configuration for a listener. It also answers the authority's tls-alpn-01
// challenge, which comes to port 443.
func (m *Manager) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     append(slices.Clone(protocols), acme.ALPNProto),
		GetCertificate: m.certificate,
	}
}

// certificate returns the certificate for a handshake, and notes when it expires.
func (m *Manager) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c, err := m.auto.GetCertificate(hello)
	// Clients never see the certificate of a challenge.
	if err == nil && c.Leaf != nil && !slices.Contains(hello.SupportedProtos, acme.ALPNProto) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.expires[strings.Join(c.Leaf.DNSNames, " ")] = c.Leaf.NotAfter
	}
	return c, err
}

// Expires returns the earliest expiry of the certificates in use. It is the zero time before
// the first handshake.
func (m *Manager) Expires() (first time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, at := range m.expires {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// Challenges returns a handler that answers the authority's http-01 challenge, which comes to
// port 80, and passes other requests to next.
func (m *Manager) Challenges(next http.Handler) http.Handler { return m.auto.HTTPHandler(next) }
