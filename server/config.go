// Package server is a complete Sync 1.5 service as one [http.Handler]: accounts, token server
// and storage, on one data folder. [New] opens the folder, [Server.Serve] answers requests,
// and [Server.Close] closes it.
package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/net/idna"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/lazyre"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/external"
	"github.com/syncmanager/syncmanager/server/mail"
	"github.com/syncmanager/syncmanager/server/publicname"
	"github.com/syncmanager/syncmanager/server/push"
	"github.com/syncmanager/syncmanager/server/storage"
)

// Config configures a [Server]. All fields without a default must be set.
type Config struct {
	// Dir is the data folder. It is created with mode 0700 if it does not exist.
	Dir string
	// PublicURL is the server's root as clients see it: scheme, host and port, and perhaps a
	// path that prefixes all others. It cannot be found out, because a proxy in front of the
	// server may change all of them.
	PublicURL string
	// OtherURLs are further roots of the same server. An answer uses the root that the
	// request's Host header names, or X-Forwarded-Host behind a proxy. Requests for other
	// hosts, and mails and push messages, use PublicURL.
	OtherURLs []string
	// Now is the clock; default [time.Now].
	Now func() time.Time
	// Rand is the source of all secrets; default [crypto/rand.Reader].
	Rand io.Reader
	// Log is where the server's failures and the security log go; default [slog.Default].
	Log *slog.Logger
	// Version is shown at /__version__; default "dev".
	Version string

	// External, if set, is another accounts server, whose accounts use this storage. This
	// server then has no accounts of its own, and ignores the fields about signing up and in
	// below.
	External *External
	// SignUp says who may create an account; default [accounts.SignUpOpen].
	SignUp accounts.SignUp
	// SignIn bounds how often passwords may be tried.
	SignIn accounts.Limits
	// Memory is how many bytes the server may use in total; default 256 MiB. A quarter of it
	// is for password stretching, a quarter for open connections, an eighth for the bodies of
	// requests in progress, and an eighth for users' files that stay open, up to 1024: a request
	// of a user whose file is closed costs more.
	Memory int64
	// PasswordCost is the scrypt cost of new passwords, as a power of two. The default is
	// right for production; tests use a lower cost.
	PasswordCost int
	// Proxies are the networks whose X-Forwarded-For header is trusted. Without them, the
	// sender of a request is the peer of the connection.
	Proxies []netip.Prefix
	// SocketProxy says that the peer of a Unix domain socket is such a proxy.
	SocketProxy bool
	// CORS lists the origins, like https://app.example.org, whose web pages may use the
	// service from a browser; the default is none.
	CORS []string

	// Mail, if set, says how e-mail is sent. [accounts.SignUpEmail] requires it.
	Mail *Mail

	// Push, if set, says how push messages wake devices. Without it, the server sends none.
	Push *Push

	// Database, if set, is a PostgreSQL database, 14 or newer, in which everything is kept: accounts,
	// tokens, records, and the servers' secret. Any number of servers, each with its own Dir, may
	// use the same one; a device may send each request to another of them. It is a connection string of
	// libpq; what it leaves out comes from the environment and from the password file, as
	// in psql. New refuses a data folder that has accounts or records, and, without a
	// Database, one that was used with it. Backups are those of the database; Repair
	// and Compact fail with [ErrNoFiles]. How
	// much an address may have in progress, and how many push messages an account gets, is counted by
	// each server.
	Database string

	// Node, if set, makes this a storage node of another server, which has the accounts and gives out the
	// tokens: it serves records only. Its PublicURL must be the URL by which the other server knows it.
	Node *Node
	// NodeTransport connects to the storage nodes of this server; default is a transport of its own.
	NodeTransport http.RoundTripper

	// Backend, if set, keeps the records of all users; default is one SQLite file per user in
	// the data folder. The server closes it, also when New fails. Quotas, listing and removing
	// users, and purging work with any; Repair and Compact need a storage.FilePerUser, and
	// package backup copies the data folder, so it refuses one whose records are elsewhere.
	// New refuses a data folder that has users' files; without a Backend, it refuses one
	// that has users and no folder for their files. The disk reserve then protects
	// accounts and tokens only: the Backend itself refuses what does not fit.
	Backend storage.Backend

	// Limits bound what a storage client may send; a zero means the default.
	Limits bso.Limits
	// Quota is how many bytes a user may store; 0 means any amount.
	Quota int64
	// DiskReserve is how many bytes of the disk stay free: if less is free, sign-ups and
	// uploads are refused. 0 means 200 MB, or a twentieth of a disk smaller than 4 GB; a
	// negative number means no reserve.
	DiskReserve int64
	// Disk returns the free space and the size, in bytes, of the disk that a folder is on;
	// the default asks the operating system.
	Disk func(dir string) (left, size int64, err error)
	// BatchRoom is how many bytes the uploads that wait for their commit may take, of all users and
	// all servers on the Database together; 0 means 4 GiB. More are refused until some are committed or
	// given up. Without a Database, they may take what is free of the disk.
	BatchRoom int64
	// MaxWaiting bounds how many requests use the storage or wait for it; see
	// [storage.Config.MaxWaiting]. Requests for tokens, which lead to more, are refused with them.
	MaxWaiting int
	// TokenDuration is how long a storage token is valid; default [token.DefaultDuration].
	TokenDuration time.Duration
	// Traces, if set, gets a span of each request and of each of its statements, by the patterns of paths
	// and the names of statements. A request continues the trace that its traceparent header names only if a
	// trusted proxy sent it. Whoever sets Traces closes it after the server.
	Traces trace.TracerProvider
	// OperatorPages, if set, makes the handler of what is below /admin, such as console.New. It gets requests whose path
	// begins with /admin, without the path of the public URL, and calls otherwise for those that it does not answer. It is
	// not called for a server without accounts of its own.
	OperatorPages func(s *Server, otherwise http.Handler) (http.Handler, error)
	// PurgeTicks, if set, starts a [Server.Purge] at each tick; default every hour.
	PurgeTicks <-chan time.Time
}

// External is another accounts server.
type External struct {
	// URL is its root, like https://accounts.firefox.com.
	URL string
	// Allow lists the uids of the accounts that may use this storage. AllowAll allows all
	// accounts of that server.
	Allow     []string
	AllowAll  bool
	Transport http.RoundTripper
}

// Node is what a storage node has of the server that it belongs to.
type Node struct {
	// URL is the node's root, as [Server.AddNode] was told.
	URL string
	// Secret is the result of [Server.AddNode].
	Secret []byte
}

// Push says which push services the server sends messages to.
type Push struct {
	// Hosts are their host names. Subdomains are included.
	Hosts []string
	// Transport connects to them. It should refuse other addresses, as the one from
	// [push.NewTransport] does.
	Transport http.RoundTripper
}

// Mail says which mail host delivers the server's e-mail.
type Mail struct {
	Host mail.Host
	// Password is the password of the user at that host.
	Password string
	// From is the sender's address, with or without a name.
	From string
}

// maxNames bounds the number of public URLs: each keeps its own pages in memory.
const maxNames = 32

// names parses the public URLs and drops duplicates.
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

// ParsePublicURL parses a server's public URL. It converts an internationalized host name to
// Punycode, as clients do.
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

// isPrefix matches the path that a public URL may have: plain segments, none of them "." or
// "..".
var isPrefix = lazyre.New(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)

// isOrigin matches the origin of a page, as browsers send it.
var isOrigin = lazyre.New(`^[a-z][a-z0-9+.-]*://[a-z0-9._-]+(:[0-9]{1,5})?$|^[a-z]+://\[[0-9a-f:]+\](:[0-9]{1,5})?$`)

// check validates the configuration before New creates anything.
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
	if c.Node != nil {
		return c.checkNode()
	}
	if c.External != nil {
		_, err := c.external()
		return err
	}
	return nil
}

// checkNode validates the configuration of a storage node.
func (c *Config) checkNode() error {
	names, err := c.names()
	switch {
	case err != nil:
		return err
	case c.External != nil:
		return errors.New("a storage node has no accounts: name the other accounts server at the server that the node belongs to")
	case !names.Has(c.Node.URL):
		return fmt.Errorf("the node's secret is for %s, and the public URL is %s", c.Node.URL, names.Canonical())
	}
	return nil
}

// external returns the verifier for access tokens of the other accounts server.
func (c *Config) external() (*external.Verifier, error) {
	root, err := url.Parse(c.External.URL)
	if err != nil {
		return nil, fmt.Errorf("the accounts server %q must be like https://accounts.firefox.com", c.External.URL)
	}
	return external.New(external.Config{
		Server: root, Allow: c.External.Allow, AllowAll: c.External.AllowAll, Transport: c.External.Transport, Now: c.Now, Log: c.Log,
	})
}

// checkCORS refuses origins that no browser sends.
func (c *Config) checkCORS() error {
	for _, o := range c.CORS {
		if !isOrigin.MatchString(o) {
			return fmt.Errorf("the origin %q must be like https://app.example.org, in lower case and without a path", o)
		}
	}
	return nil
}
