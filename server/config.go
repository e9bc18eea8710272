// Package server is the whole of a Sync 1.5 service in one http.Handler:
// accounts, token server and storage, on one data folder.
package server

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/external"
	"github.com/syncmanager/syncmanager/server/mail"
	"github.com/syncmanager/syncmanager/server/publicname"
	"github.com/syncmanager/syncmanager/server/push"
	"github.com/syncmanager/syncmanager/server/storage"
)

// Config says how a Server works. All fields without a default must be set.
type Config struct {
	// Dir is the data folder. It is made, 0700, if it is not there.
	Dir string
	// PublicURL is the server's root as clients see it: scheme, host and port, and a path
	// below which everything is. A proxy in front of the server may change all of them,
	// so it must be told.
	PublicURL string
	// OtherURLs are more roots of the same server. A request is answered in the one that
	// its Host header names, or X-Forwarded-Host behind a proxy; one for any other host,
	// and what is sent without being asked for, in PublicURL.
	OtherURLs []string
	Now       func() time.Time
	Rand      io.Reader
	Log       *slog.Logger
	// Version is what /__version__ tells; default "dev".
	Version string

	// External, if set, is another accounts server, whose accounts come here. Then
	// this one has no accounts of its own, and what the fields below say of signing
	// up and in does not matter.
	External *External
	// SignUp says who may make an account; default accounts.SignUpOpen.
	SignUp accounts.SignUp
	// SignIn bounds how often passwords may be tried.
	SignIn accounts.Limits
	// Memory is how many bytes the server may take in all; default 256 MiB. A quarter of
	// it stretches passwords, a quarter is for open connections, and an eighth for the
	// bodies of requests that are under way.
	Memory int64
	// PasswordCost is the scrypt cost of new passwords, as a power of two; default
	// onepw.DefaultCost, which only tests lower.
	PasswordCost int
	// Proxies are the networks whose X-Forwarded-For header is believed. Without
	// them the sender of a request is whoever opened the connection.
	Proxies []netip.Prefix
	// SocketProxy says that who connects by a socket file is such a proxy.
	SocketProxy bool
	// CORS lists the origins, like https://app.example.org, whose web pages may use the
	// service from a browser; default none.
	CORS []string

	// Mail, if set, says how e-mail is sent, which accounts.SignUpEmail needs.
	Mail *Mail

	// Push, if set, says how devices are woken by push messages. Without it they are
	// not.
	Push *Push

	// Backend, if set, keeps the records of all users; default is one SQLite file per user in
	// the data folder. The server closes it, also when New fails. Quotas, listing and removing
	// users, and purging work with any; Repair and Compact need a storage.FilePerUser, and
	// package backup copies the data folder, so it refuses one whose records are elsewhere.
	// New refuses a data folder that has users' files; without a Backend, it refuses one
	// that has users and no folder for their files. The disk reserve then protects
	// accounts and tokens only: the Backend itself refuses what does not fit.
	Backend storage.Backend

	// Limits bound what a storage client may send; a zero takes the default.
	Limits bso.Limits
	// Quota is how many bytes a user may store; 0: no quota.
	Quota int64
	// DiskReserve is how many bytes of the disk stay free: with less, nobody signs up or
	// stores anything. 0 takes 200 MB, or a twentieth of a disk that is smaller than 4 GB;
	// less than 0: none.
	DiskReserve int64
	// Disk tells how much of the disk that a folder is on is left, and its size; default
	// capacity.Disk.
	Disk func(dir string) (left, size int64, err error)
	// TokenDuration is how long a storage token is good; default
	// token.DefaultDuration.
	TokenDuration time.Duration
	// PurgeTicks, if set, says when to remove what expired; default every hour.
	PurgeTicks <-chan time.Time
}

// External is an accounts server elsewhere.
type External struct {
	// URL is its root, like https://accounts.firefox.com.
	URL string
	// Allow lists the uids of the accounts that may come. AllowAll lets come whoever
	// has an account there.
	Allow     []string
	AllowAll  bool
	Transport http.RoundTripper
}

// Push says which push services messages go to.
type Push struct {
	// Hosts are their names; the names below them count too.
	Hosts []string
	// Transport reaches them. It should connect to nothing else, as that of
	// push.NewTransport does.
	Transport http.RoundTripper
}

// Mail says which mail host takes the server's e-mail.
type Mail struct {
	Host mail.Host
	// Password is that of the host's user.
	Password string
	// From is the sender's address, with or without a name.
	From string
}

// maxNames bounds how many public URLs a server has: each has pages of its own in memory.
const maxNames = 32

// names reads the public URLs. One that is named twice counts once.
func (c *Config) names() (all publicname.Names, err error) {
	for _, text := range append([]string{c.PublicURL}, c.OtherURLs...) {
		u, err := ParsePublicURL(text)
		if err != nil {
			return nil, err
		}
		if !all.Has(u.String()) {
			all = append(all, u)
		}
	}
	if len(all) > maxNames {
		return nil, fmt.Errorf("%d public URLs are too many: name at most %d", len(all), maxNames)
	}
	return all, nil
}

// ParsePublicURL reads a server's public URL. A name in another script is written as
// clients do: in Punycode.
func ParsePublicURL(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the public URL %q must be like https://sync.example.org", text)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil || !isPrefix.MatchString(u.Path):
		return nil, fmt.Errorf("the public URL %q must be a scheme, a host and perhaps a path, like https://example.org/sync", text)
	}
	if host := u.Hostname(); net.ParseIP(host) == nil {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil && strings.ContainsFunc(host, func(r rune) bool { return r >= 0x80 }) {
			return nil, fmt.Errorf("the public URL %q has no valid name: %w", text, err)
		}
		if err == nil && u.Port() != "" {
			ascii += ":" + u.Port()
		}
		if err == nil {
			u.Host = ascii
		}
	}
	return u, nil
}

// isPrefix is what a path in the public URL may be: plain words, none of them "." or "..".
var isPrefix = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)

// isOrigin is what a browser calls a page's origin.
var isOrigin = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://[a-z0-9._-]+(:[0-9]{1,5})?$|^[a-z]+://\[[0-9a-f:]+\](:[0-9]{1,5})?$`)

// check finds what is wrong with the configuration before anything is made by it.
func (c *Config) check() error {
	if err := c.checkCORS(); err != nil {
		return err
	}
	if c.Push != nil {
		if err := push.CheckHosts(c.Push.Hosts); err != nil {
			return err
		}
	}
	if c.Mail != nil {
		if _, err := mail.ParseSender(c.Mail.From); err != nil {
			return err
		}
	}
	if c.External != nil {
		_, err := c.external()
		return err
	}
	return nil
}

// external returns what verifies the access tokens of the accounts server elsewhere.
func (c *Config) external() (*external.Verifier, error) {
	root, err := url.Parse(c.External.URL)
	if err != nil {
		return nil, fmt.Errorf("the accounts server %q must be like https://accounts.firefox.com", c.External.URL)
	}
	return external.New(external.Config{
		Server: root, Allow: c.External.Allow, AllowAll: c.External.AllowAll, Transport: c.External.Transport, Now: c.Now, Log: c.Log,
	})
}

// checkCORS refuses what no browser would name.
func (c *Config) checkCORS() error {
	for _, o := range c.CORS {
		if !isOrigin.MatchString(o) {
			return fmt.Errorf("the origin %q must be like https://app.example.org, in lower case and without a path", o)
		}
	}
	return nil
}
