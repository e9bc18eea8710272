// Package server is the whole of a Sync 1.5 service in one http.Handler:
// accounts, token server and storage, on one data folder.
package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/mail"
)

// Config says how a Server works. All fields without a default must be set.
type Config struct {
	// Dir is the data folder. It is made, 0700, if it is not there.
	Dir string
	// PublicURL is the server's root as clients see it: scheme, host and port. A
	// proxy in front of the server may change all of them, so it must be told.
	PublicURL string
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

	// Mail, if set, says how e-mail is sent, which accounts.SignUpEmail needs.
	Mail *Mail

	// Push, if set, says how devices are woken by push messages. Without it they are
	// not.
	Push *Push

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

// public reads PublicURL.
func (c *Config) public() (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(c.PublicURL, "/"))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the public URL %q must be like https://sync.example.org", c.PublicURL)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, errors.New("the public URL must be a scheme and a host, without a path or a user")
	}
	return u, nil
}
