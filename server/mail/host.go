package mail

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
)

// Host is a mail host that takes messages for the rest of the world.
type Host struct {
	Name string
	Port int
	// TLS says that the connection begins with TLS (smtps). Otherwise it goes over
	// to it by STARTTLS before anything else is said.
	TLS bool
	// User is who to sign in as, or "": the host takes messages from this machine.
	User string
}

// ParseHost reads a mail host like smtp://user@mail.example.org:587, or smtps://
// for one that begins with TLS. Without a port it takes 587, or 465 for smtps.
func ParseHost(text string) (Host, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return Host{}, errors.New("the mail host must be like smtp://user@mail.example.org:587 or smtps://user@mail.example.org:465") // text may hold a password
	}
	if _, has := u.User.Password(); has {
		return Host{}, errors.New("a password does not belong into the mail host's URL, where others see it; put it into a file")
	}
	h := Host{Name: u.Hostname(), Port: 587, TLS: u.Scheme == "smtps", User: u.User.Username()}
	if h.TLS {
		h.Port = 465
	}
	if p := u.Port(); p != "" {
		if h.Port, err = strconv.Atoi(p); err != nil || h.Port < 1 || h.Port > 65535 {
			return Host{}, fmt.Errorf("%s is no port of a mail host", p)
		}
	}
	return h, nil
}

// local reports whether the host is on this machine, to which there is no way
// that anybody could listen on.
func (h Host) local() bool {
	ip := net.ParseIP(h.Name)
	return h.Name == "localhost" || ip != nil && ip.IsLoopback()
}
