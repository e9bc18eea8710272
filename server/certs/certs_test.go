package certs_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/certs"
)

// files is a certificate on disk, and a clock.
type files struct {
	t         *testing.T
	cert, key string
	name      string // that the certificate is for
	now       time.Time
	log       bytes.Buffer
}

func newFiles(t *testing.T) *files {
	dir := t.TempDir()
	return &files{t: t, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), name: "sync.example.org", now: time.Unix(1_795_372_558, 0)}
}

func (f *files) open() (*certs.Files, error) {
	return certs.NewFiles(f.cert, f.key, func() time.Time { return f.now }, slog.New(slog.NewTextHandler(&f.log, nil)))
}

// renew writes a new pair with a serial number.
func (f *files) renew(serial int64) {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{f.name}, NotAfter: f.now.AddDate(0, 3, 0)}
	cert, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		f.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		f.t.Fatal(err)
	}
	f.write(f.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	f.write(f.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// write gives the file the time of the test's clock, as the disk's is coarse.
func (f *files) write(path string, text []byte) {
	f.t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Chtimes(path, f.now, f.now); err != nil {
		f.t.Fatal(err)
	}
}

func (f *files) shown(c *certs.Files) int64 {
	f.t.Helper()
	pair, err := c.TLS().GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		f.t.Fatal(err)
	}
	return pair.Leaf.SerialNumber.Int64()
}

// A renewed pair is used without a restart, and an invalid one never.
func TestRenewedFiles(t *testing.T) {
	f := newFiles(t)
	f.renew(1)
	c, err := f.open()
	if err != nil {
		t.Fatal(err)
	}
	later := func() { f.now = f.now.Add(11 * time.Second) }
	if n := f.shown(c); n != 1 {
		t.Fatalf("certificate %d", n)
	}
	later()
	f.renew(2)
	if n := f.shown(c); n != 2 {
		t.Errorf("after the renewal: certificate %d", n)
	}
	later()
	good, err := os.ReadFile(f.cert)
	if err != nil {
		t.Fatal(err)
	}
	f.write(f.cert, good[:len(good)/2])
	if n := f.shown(c); n != 2 || !strings.Contains(f.log.String(), "the old one stays") {
		t.Errorf("half a file: certificate %d, log %s", n, &f.log)
	}
	later()
	if err := os.Remove(f.cert); err != nil {
		t.Fatal(err)
	}
	if n := f.shown(c); n != 2 {
		t.Errorf("no file: certificate %d", n)
	}
	later()
	f.renew(3)
	if n := f.shown(c); n != 3 {
		t.Errorf("after all that: certificate %d", n)
	}
	// A key of another certificate.
	later()
	other := newFiles(t)
	other.renew(4)
	key, err := os.ReadFile(other.key)
	if err != nil {
		t.Fatal(err)
	}
	f.write(f.key, key)
	if n := f.shown(c); n != 3 {
		t.Errorf("another's key: certificate %d", n)
	}
	if strings.Contains(f.log.String(), "PRIVATE") {
		t.Error("the key is in the log")
	}
}

func TestBadFiles(t *testing.T) {
	f := newFiles(t)
	if _, err := f.open(); err == nil || !strings.Contains(err.Error(), f.cert) {
		t.Errorf("no files: %v", err)
	}
	f.renew(1)
	f.write(f.key, []byte("no key"))
	if _, err := f.open(); err == nil {
		t.Error("a key that is none is taken")
	}
}

// The server uses the certificate for the requested name.
func TestSeveral(t *testing.T) {
	public, own := newFiles(t), newFiles(t)
	public.renew(1)
	own.name = "nas.lan"
	own.now = own.now.AddDate(0, -1, 0)
	own.renew(2)
	var all certs.Several
	for _, f := range []*files{public, own} {
		c, err := f.open()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	for name, want := range map[string]int64{"sync.example.org": 1, "nas.lan": 2, "": 1, "evil.test": 1} {
		pair, err := all.TLS().GetCertificate(&tls.ClientHelloInfo{ServerName: name})
		if err != nil {
			t.Fatal(err)
		}
		if n := pair.Leaf.SerialNumber.Int64(); n != want {
			t.Errorf("%q is shown certificate %d, want %d", name, n, want)
		}
	}
	if !all.Covers("nas.lan") || !all.Covers("sync.example.org") || all.Covers("evil.test") {
		t.Error("which names are covered is wrong")
	}
	if want := own.now.AddDate(0, 3, 0); !all.Expires().Equal(want) {
		t.Errorf("the first expires at %v, want %v", all.Expires(), want)
	}
}
