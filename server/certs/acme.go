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

// ACME says how to get certificates from an authority.
type ACME struct {
	// Hosts are the names to get certificates for, one for each. A handshake for another
	// fails and asks the authority nothing, so that strangers cannot use up its limits.
	Hosts []string
	// Email, if set, is where the authority writes about trouble.
	Email string
	// Directory is the authority's address; default Let's Encrypt's.
	Directory string
	// Dir keeps the account's key and the certificates, each file 0600. It is made,
	// 0700, with the first of them.
	Dir       string
	Transport http.RoundTripper
}

// Manager gets a certificate with the first handshake, and renews it in time.
type Manager struct {
	auto *autocert.Manager

	mu      sync.Mutex
	expires map[string]time.Time // by the first name of each certificate that was shown
}

// NewManager asks the authority nothing yet. To have a Manager is to agree to the
// authority's terms.
func NewManager(c ACME) (*Manager, error) {
	for _, host := range c.Hosts {
		if !isName(host) {
			return nil, fmt.Errorf("%q is not a public name, and a certificate authority certifies no other", host)
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

// isName reports whether host is a name with a dot in it, and no address.
func isName(host string) bool {
	_, err := netip.ParseAddr(host)
	return err != nil && strings.Contains(strings.Trim(host, "."), ".")
}

// TLS is the configuration of a listener. It also answers the authority's
// challenge tls-alpn-01, for which the listener must be reached on port 443.
func (m *Manager) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     append(slices.Clone(protocols), acme.ALPNProto),
		GetCertificate: m.certificate,
	}
}

// certificate gets one, and notes when it expires.
func (m *Manager) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c, err := m.auto.GetCertificate(hello)
	// The certificate of a challenge is no one that visitors see.
	if err == nil && c.Leaf != nil && !slices.Contains(hello.SupportedProtos, acme.ALPNProto) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.expires[strings.Join(c.Leaf.DNSNames, " ")] = c.Leaf.NotAfter
	}
	return c, err
}

// Expires is when the first of the certificates does, as they were shown last; the zero
// time before the first visitor came.
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

// Challenges answers the authority's challenge http-01, which comes to port 80,
// and leaves the rest to next.
func (m *Manager) Challenges(next http.Handler) http.Handler { return m.auto.HTTPHandler(next) }
