package serve

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/certs"
)

// tlsOptions say where the certificate comes from, if there is one.
type tlsOptions struct {
	cert, key               string
	acme                    bool
	email, directory, roots string
	redirect                string
}

func (o *tlsOptions) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.cert, "tls-cert", "", "speak TLS with the certificate chain in `FILE`, in PEM")
	flags.StringVar(&o.key, "tls-key", "", "the certificate's private key, in PEM, in `FILE`")
	flags.BoolVar(&o.acme, "acme", false, "get the certificate from an ACME authority, whose terms you accept by this")
	flags.StringVar(&o.email, "acme-email", "", "where the authority writes to in case of trouble: an e-mail `ADDRESS`")
	flags.StringVar(&o.directory, "acme-directory", "", "the authority's directory `URL`; default Let's Encrypt")
	flags.StringVar(&o.roots, "acme-root", "", "trust the authority by the root certificates in `FILE`, in PEM, too")
	flags.StringVar(&o.redirect, "redirect-addr", "", "answer plain HTTP on `HOST:PORT`, mostly :80, by the way to the public URL")
}

func (o *tlsOptions) on() bool { return o.acme || o.cert != "" }

func (o *tlsOptions) scheme() string {
	if o.on() {
		return "https"
	}
	return "http"
}

// check finds what does not fit together.
func (o *tlsOptions) check(public string) error {
	switch {
	case (o.cert == "") != (o.key == ""):
		return usage.Errorf("--tls-cert and --tls-key go together")
	case o.acme && o.cert != "":
		return usage.Errorf("--acme and --tls-cert do not go together: choose where the certificate comes from")
	case o.acme && !strings.HasPrefix(public, "https://"):
		return usage.Errorf("--acme needs the name for the certificate: add --public-url https://sync.example.org")
	case !o.acme && (o.email != "" || o.directory != "" || o.roots != ""):
		return usage.Errorf("--acme-email, --acme-directory and --acme-root are of use with --acme only")
	case o.on() && strings.HasPrefix(public, "http://"):
		return usage.Errorf("with a certificate, the public URL begins with https://")
	case o.redirect != "" && !strings.HasPrefix(public, "https://"):
		return usage.Errorf("--redirect-addr needs --public-url with https:// to lead to")
	}
	return nil
}

// wrap puts TLS around plain, if it is on, and tells s when the certificate expires.
// redirect answers plain HTTP with the way to the public URL.
func (o *tlsOptions) wrap(plain net.Listener, s *server.Server, cfg server.Config) (l net.Listener, redirect http.Handler, err error) {
	public, err := url.Parse(cfg.PublicURL)
	if err != nil {
		return nil, nil, err
	}
	l = plain
	redirect = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Only the path and the query come from the request; the rest could lead elsewhere.
		to := url.URL{Scheme: public.Scheme, Host: public.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusPermanentRedirect)
	})
	switch {
	case o.acme:
		m, err := o.manager(public.Hostname(), cfg)
		if err != nil {
			return nil, nil, err
		}
		l, redirect = tls.NewListener(plain, m.TLS()), m.Challenges(redirect)
		s.SetCertificate(m.Expires)
	case o.cert != "":
		files, err := certs.NewFiles(o.cert, o.key, cfg.Now, cfg.Log)
		if err != nil {
			return nil, nil, err
		}
		l = tls.NewListener(plain, files.TLS())
		s.SetCertificate(files.Expires)
	}
	return l, redirect, nil
}

func (o *tlsOptions) manager(host string, cfg server.Config) (*certs.Manager, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second}
	if o.roots != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		text, err := os.ReadFile(o.roots)
		if err != nil {
			return nil, fmt.Errorf("cannot read the authority's root certificates: %w", err)
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s does not hold a certificate in PEM", o.roots)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return certs.NewManager(certs.ACME{
		Host: host, Email: o.email, Directory: o.directory, Dir: filepath.Join(cfg.Dir, "acme"), Transport: transport,
	})
}
