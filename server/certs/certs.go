// Package certs finds the certificates that a server shows: files that somebody
// else renews, or an ACME authority that the server asks itself.
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

// protocols are what a connection may speak.
var protocols = []string{"h2", "http/1.1"}

// recheck is how often, at most, handshakes look whether the files changed.
const recheck = 10 * time.Second

// Files is a certificate in two PEM files: the chain, its own certificate first,
// and the private key. A renewed pair is shown within seconds, without a
// restart.
type Files struct {
	cert, key string
	now       func() time.Time
	log       *slog.Logger

	mu      sync.Mutex
	shown   *tls.Certificate
	stamp   [2]stamp // of the files when they were last read, well or not
	checked time.Time
}

// stamp tells a file from one that replaced it.
type stamp struct {
	changed time.Time
	size    int64
}

// NewFiles reads the pair, which must be sound.
func NewFiles(cert, key string, now func() time.Time, log *slog.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, now: now, log: log, checked: now()}
	var err error
	if f.stamp, err = f.look(); err == nil {
		err = f.load()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use the certificate: %w", err)
	}
	return f, nil
}

// TLS is the configuration of a listener.
func (f *Files) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, GetCertificate: f.certificate}
}

// Expires is when the certificate that is shown does.
func (f *Files) Expires() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shown.Leaf.NotAfter
}

// certificate is the newest that was sound: half-written files change nothing.
func (f *Files) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if now.Sub(f.checked) < recheck {
		return f.shown, nil
	}
	f.checked = now
	found, err := f.look()
	if err == nil && found != f.stamp {
		if err = f.load(); err == nil {
			f.log.Info("the certificate was renewed", "expires", f.shown.Leaf.NotAfter)
		}
		f.stamp = found
	}
	if err != nil {
		f.log.Error("the renewed certificate cannot be used; the old one stays", "expires", f.shown.Leaf.NotAfter, "err", err)
	}
	return f.shown, nil
}

func (f *Files) look() (found [2]stamp, err error) {
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
	pair, err := tls.LoadX509KeyPair(f.cert, f.key) // which checks that the two belong together
	if err != nil {
		return err
	}
	f.shown = &pair
	return nil
}
