package passwords

import (
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// normalise brings a user's login into the form in which Firefox stores it, and
// checks it.
func (l *Login) normalise() error {
	origin, err := Origin(l.Hostname)
	if err != nil {
		return invalid("its hostname is not a web address")
	}
	l.Hostname = origin
	if l.FormSubmitURL != "" {
		if l.FormSubmitURL, err = formOrigin(l.FormSubmitURL); err != nil {
			return invalid("its formSubmitURL is not a web address")
		}
	}
	if err := l.check(); err != nil {
		return invalid("%w", err)
	}
	return nil
}

// scriptAction is the action of every form that runs a script.
const scriptAction = "javascript:"

// formOrigin is the origin of a form's action as Firefox stores it.
func formOrigin(raw string) (string, error) {
	raw = strings.TrimSpace(raw)
	if len(raw) >= len(scriptAction) && strings.EqualFold(raw[:len(scriptAction)], scriptAction) {
		return scriptAction, nil
	}
	return Origin(raw)
}

// defaultPorts are left out of an origin.
var defaultPorts = map[string]string{"http": "80", "https": "443", "ftp": "21"}

// Origin is the origin of a URL as Firefox stores it: scheme://host[:port], in
// lower case and ASCII, without the scheme's usual port, user, path or anything behind.
// A bare host name is taken for an https site.
func Origin(raw string) (string, error) {
	raw = strings.TrimSpace(raw)
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || u.Hostname() == "" {
		// The error of url.Parse holds the text, and that may be a secret in the
		// wrong column.
		return "", invalid("not a web address")
	}
	scheme := strings.ToLower(u.Scheme)
	host := asciiHost(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := u.Port(); port != "" && port != defaultPorts[scheme] {
		host += ":" + port
	}
	return scheme + "://" + host, nil
}

// hosts spells host names as browsers do.
var hosts = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// asciiHost is a host's name as browsers store it: "xn--bcher-kva.example". One that
// has no such name stays as it is.
func asciiHost(host string) string {
	host = strings.ToLower(host)
	if strings.IndexFunc(host, func(r rune) bool { return r >= 0x80 }) < 0 {
		return host
	}
	// Some letters stand for several, "/" among them.
	if ascii, err := hosts.ToASCII(host); err == nil && ascii != "" && !strings.ContainsAny(ascii, " #%/:<>?@[\\]^|") {
		return ascii
	}
	return host
}

// asciiOrigin is an origin that any program stored, as Firefox stores it.
func asciiOrigin(origin string) string {
	if strings.IndexFunc(origin, func(r rune) bool { return r >= 0x80 }) < 0 {
		return origin
	}
	if ascii, err := Origin(origin); err == nil {
		return ascii
	}
	return origin
}

// UnicodeOrigin is an origin with its host as people read it: "https://bücher.example".
func UnicodeOrigin(origin string) string {
	if !strings.Contains(origin, "xn--") {
		return origin
	}
	scheme, host, ok := strings.Cut(origin, "://")
	if !ok {
		return origin
	}
	name, port, hasPort := strings.Cut(host, ":")
	if readable, err := hosts.ToUnicode(name); err == nil {
		name = readable
	}
	if hasPort {
		name += ":" + port
	}
	return scheme + "://" + name
}
