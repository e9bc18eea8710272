package mail

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
)

// Host is a mail host that relays the server's messages.
type Host struct {
	Name string
	Port int
	// TLS says that the connection starts with TLS (smtps). Otherwise it switches to TLS with
	// STARTTLS first.
	TLS bool
	// User is the user to sign in as; "" means that the host accepts messages from this
	// machine without signing in.
	User string
}

// ParseHost parses the URL of a mail host, like smtp://user@mail.example.org:587. The scheme
// smtps means that the connection starts with TLS. The default port is 587 for smtp, and 465
// for smtps.
func ParseHost(text string) (Host, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return Host{}, errors.New("the mail host must be like smtp://user@mail.example.org:587 or smtps://user@mail.example.org:465") // text may contain a password
	}
	if _, has := u.User.Password(); has {
		return Host{}, errors.New("the mail host's URL contains a password, which other users can see: put it into a file")
	}
	h := Host{Name: u.Hostname(), Port: 587, TLS: u.Scheme == "smtps", User: u.User.Username()}
	if h.TLS {
		h.Port = 465
	}
	if p := u.Port(); p != "" {
		if h.Port, err = strconv.Atoi(p); err != nil || h.Port < 1 || h.Port > 65535 {
			return Host{}, fmt.Errorf("the mail host's port must be from 1 to 65535, not %s", p)
		}
	}
	return h, nil
}

// local reports whether the host is on this machine, so that nobody can listen to the
// connection.
func (h Host) local() bool {
	ip := net.ParseIP(h.Name)
	return h.Name == "localhost" || ip != nil && ip.IsLoopback()
}
