// Package certs provides a server's TLS certificates: from files that another program renews
// ([Files], [Several]), or from an ACME authority ([Manager]).
package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// protocols are the protocols that a connection may use.
var protocols = []string{"h2", "http/1.1"}

// recheck is the minimum time between checks whether the files changed.
const recheck = 10 * time.Second

// Files is a certificate in two PEM files: the chain, starting with the server's own
// certificate, and the private key. A renewed pair is used within ten seconds, without a
// restart.
type Files struct {
	cert, key string
	now       func() time.Time
	log       *slog.Logger

	mu      sync.Mutex
	shown   *tls.Certificate
	stamp   [2]stamp // of the files when they were last read, with or without an error
	checked time.Time
}

// stamp changes when a file is replaced.
type stamp struct {
	changed time.Time
	size    int64
}

// NewFiles reads the pair. It fails if the two files do not form a valid pair.
func NewFiles(cert, key string, now func() time.Time, log *slog.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, now: now, log: log, checked: now()}
	var err error
	if f.stamp, err = f.stat(); err == nil {
		err = f.load()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use the certificate: %w", err)
	}
	return f, nil
}

// TLS returns the configuration for a listener.
func (f *Files) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, GetCertificate: f.certificate}
}

// Expires returns when the current certificate expires.
func (f *Files) Expires() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shown.Leaf.NotAfter
}

// certificate returns the newest valid certificate: incomplete files are not used.
func (f *Files) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if now.Sub(f.checked) < recheck {
		return f.shown, nil
	}
	f.checked = now
	found, err := f.stat()
	if err == nil && found != f.stamp {
		if err = f.load(); err == nil {
			f.log.Info("the certificate was renewed", "expires", f.shown.Leaf.NotAfter)
		}
		f.stamp = found
	}
	if err != nil {
		f.log.Error("the renewed certificate cannot be used; the old one stays in use", "expires", f.shown.Leaf.NotAfter, "err", err)
	}
	return f.shown, nil
}

func (f *Files) stat() (found [2]stamp, err error) {
	for i, path := range []string{f.cert, f.key} {
		info, statErr := os.Stat(path)
		if statErr != nil {
			err = errors.Join(err, statErr)
			continue
		}
		found[i] = stamp{info.ModTime(), info.Size()}
	}
	return found, err
}

func (f *Files) load() error {
	pair, err := tls.LoadX509KeyPair(f.cert, f.key) // checks that the two belong together
	if err != nil {
		return err
	}
	f.shown = &pair
	return nil
}
