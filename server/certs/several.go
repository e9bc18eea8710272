package certs

import (
	"crypto/tls"
	"time"
)

// Several holds the certificates of a server with several names. It must not be empty.
type Several []*Files

// TLS returns the configuration for a listener.
func (s Several) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, GetCertificate: s.certificate}
}

// certificate returns the first certificate for the name that the client asks for. If there
// is none, or the client does not send a name, it returns the first certificate of all.
func (s Several) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	for _, f := range s {
		c, err := f.certificate(hello)
		if err != nil || hello.ServerName != "" && c.Leaf.VerifyHostname(hello.ServerName) == nil {
			return c, err
		}
	}
	return s[0].certificate(hello)
}

// Covers reports whether one of the certificates is for host.
func (s Several) Covers(host string) bool {
	for _, f := range s {
		if c, err := f.certificate(nil); err == nil && c.Leaf.VerifyHostname(host) == nil {
			return true
		}
	}
	return false
}

// Expires returns the earliest expiry of the certificates.
func (s Several) Expires() (first time.Time) {
	for _, f := range s {
		if at := f.Expires(); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}
