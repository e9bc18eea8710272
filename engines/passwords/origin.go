package passwords

import (
	"fmt"
	"net/url"
	"strings"
)

// normalise brings a user's login into the form in which Firefox stores it, and
// checks it.
func (l *Login) normalise() error {
	origin, err := Origin(l.Hostname)
	if err != nil {
		return fmt.Errorf("%w: its hostname is not a web address", ErrInvalid)
	}
	l.Hostname = origin
	if l.FormSubmitURL != "" && l.FormSubmitURL != "javascript:" {
		if l.FormSubmitURL, err = Origin(l.FormSubmitURL); err != nil {
			return fmt.Errorf("%w: its formSubmitURL is not a web address", ErrInvalid)
		}
	}
	if err := l.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// defaultPorts are left out of an origin.
var defaultPorts = map[string]string{"http": "80", "https": "443", "ftp": "21"}

// Origin is the origin of a URL as Firefox stores it: scheme://host[:port], in
// lower case, without the scheme's usual port, user, path or anything behind. A
// bare host name is taken for an https site.
func Origin(raw string) (string, error) {
	raw = strings.TrimSpace(raw)
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || u.Hostname() == "" {
		// The error of url.Parse holds the text, and that may be a secret in the
		// wrong column.
		return "", fmt.Errorf("%w: not a web address", ErrInvalid)
	}
	scheme := strings.ToLower(u.Scheme)
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := u.Port(); port != "" && port != defaultPorts[scheme] {
		host += ":" + port
	}
	return scheme + "://" + host, nil
}
