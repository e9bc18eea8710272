package serve

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/certs"
)

// tlsOptions are the flags for TLS and the certificate.
type tlsOptions struct {
	cert, key               []string
	acme                    bool
	email, directory, roots string
	redirect                string
}

func (o *tlsOptions) addTo(flags *pflag.FlagSet) {
	flags.StringSliceVar(&o.cert, "tls-cert", nil, "use TLS with the certificate chain in `FILE`, in PEM; may be repeated for more names")
	flags.StringSliceVar(&o.key, "tls-key", nil, "the certificate's private key in `FILE`, in PEM; one for each --tls-cert, in the same order")
	flags.BoolVar(&o.acme, "acme", false, "get the certificate from an ACME authority, and accept its terms")
	flags.StringVar(&o.email, "acme-email", "", "the e-mail `ADDRESS` to which the authority writes about problems")
	flags.StringVar(&o.directory, "acme-directory", "", "the `URL` of the authority's directory; by default Let's Encrypt's")
	flags.StringVar(&o.roots, "acme-root", "", "also trust the root certificates in `FILE`, in PEM, for the authority")
	flags.StringVar(&o.redirect, "redirect-addr", "", "answer plain HTTP on `HOST:PORT`, usually :80, with a redirect to the public URL")
}

func (o *tlsOptions) on() bool { return o.acme || len(o.cert) > 0 }

func (o *tlsOptions) scheme() string {
	if o.on() {
		return "https"
	}
	return "http"
}

// check returns an error for options that contradict each other.
func (o *tlsOptions) check(public []string) error {
	first := ""
	if len(public) > 0 {
		first = public[0]
	}
	open := slices.IndexFunc(public, func(u string) bool { return strings.HasPrefix(u, "http://") })
	switch {
	case len(o.cert) != len(o.key):
		return usage.Errorf("--tls-cert and --tls-key go together")
	case o.acme && len(o.cert) > 0:
		return usage.Errorf("--acme and --tls-cert do not go together: choose where the certificate comes from")
	case o.acme && !strings.HasPrefix(first, "https://"):
		return usage.Errorf("--acme needs the name for the certificate: add --public-url https://sync.example.org")
	case !o.acme && (o.email != "" || o.directory != "" || o.roots != ""):
		return usage.Errorf("--acme-email, --acme-directory and --acme-root are only valid with --acme")
	case o.on() && open >= 0:
		return usage.Errorf("--public-url %s must begin with https:// if there is a certificate; to serve both, leave TLS to a proxy", public[open])
	case o.redirect != "" && !strings.HasPrefix(first, "https://"):
		return usage.Errorf("--redirect-addr needs a --public-url that begins with https://")
	}
	return nil
}

// certificate is what a server shows to its visitors.
type certificate interface {
	TLS() *tls.Config
	// Expires is when the first of its certificates does.
	Expires() time.Time
}

// open reads the certificates, or prepares to get them; shown is nil without TLS.
// redirect answers plain HTTP with the way to the public URL. Nothing is made yet.
func (o *tlsOptions) open(cfg server.Config, names []*url.URL) (shown certificate, redirect http.Handler, err error) {
	redirect = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		public := redirection(names, r.Host)
		// Only the path and the query come from the request; the rest could lead elsewhere.
		to := url.URL{Scheme: public.Scheme, Host: public.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusPermanentRedirect)
	})
	switch {
	case o.acme:
		m, err := o.manager(names, cfg)
		if err != nil {
			return nil, nil, err
		}
		return m, m.Challenges(redirect), nil
	case len(o.cert) > 0:
		files, err := o.files(cfg, names)
		if err != nil {
			return nil, nil, err
		}
		return files, redirect, nil
	}
	return nil, redirect, nil
}

// files reads the certificates of --tls-cert.
func (o *tlsOptions) files(cfg server.Config, names []*url.URL) (files certs.Several, err error) {
	for i, cert := range o.cert {
		pair, err := certs.NewFiles(cert, o.key[i], cfg.Now, cfg.Log)
		if err != nil {
			return nil, err
		}
		files = append(files, pair)
	}
	for _, u := range names {
		if !files.Covers(u.Hostname()) {
			cfg.Log.Warn("no certificate is for this public name: clients refuse to connect by it", "name", u.Hostname())
		}
	}
	return files, nil
}

// redirection returns the public URL that a plain HTTP request for a host is led to: the
// one with that host, or the first.
func redirection(names []*url.URL, host string) *url.URL {
	asked := url.URL{Host: host}
	for _, u := range names {
		if u.Scheme == "https" && strings.EqualFold(u.Hostname(), asked.Hostname()) {
			return u
		}
	}
	return names[0]
}

func (o *tlsOptions) manager(names []*url.URL, cfg server.Config) (*certs.Manager, error) {
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
	var hosts []string
	for _, u := range names {
		if !slices.Contains(hosts, u.Hostname()) {
			hosts = append(hosts, u.Hostname())
		}
	}
	return certs.NewManager(certs.ACME{
		Hosts: hosts, Email: o.email, Directory: o.directory, Dir: filepath.Join(cfg.Dir, "acme"), Transport: transport,
	})
}
