package certs

import (
	"crypto/tls"
	"time"
)

// Several are the certificates of a server with several names. There is at least one.
type Several []*Files

// TLS is the configuration of a listener.
func (s Several) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, GetCertificate: s.certificate}
}

// certificate is the first one for the name that the client asks for, and the first of
// all for a client that asks for none or for another.
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

// Expires is when the first of them does.
func (s Several) Expires() (first time.Time) {
	for _, f := range s {
		if at := f.Expires(); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}
