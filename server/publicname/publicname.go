// Package publicname tells by which of a server's public URLs a request came.
package publicname

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Names are the public URLs of one server: scheme, host and port, and a path without a
// slash at its end. The first is the canonical one, which stands for the server where
// there is no request to go by. There is at least one.
type Names []*url.URL

// Canonical returns the first name.
func (n Names) Canonical() *url.URL { return n[0] }

// Has reports whether text is one of the names.
func (n Names) Has(text string) bool {
	for _, u := range n {
		if u.String() == text {
			return true
		}
	}
	return false
}

type key struct{}

// Of returns the name by which a request came, by the request's context: one that passed
// [Names.Handler]. It is the canonical name for any other context.
func (n Names) Of(ctx context.Context) *url.URL {
	if u, ok := ctx.Value(key{}).(*url.URL); ok {
		return u
	}
	return n.Canonical()
}

// Handler passes requests on to next with the name by which they came: the one that the
// Host header names, or that X-Forwarded-Host names where proxied reports that a proxy
// wrote it. A request for any other host counts as one for the canonical name.
func (n Names) Handler(proxied func(*http.Request) bool, next http.Handler) http.Handler {
	if len(n) == 1 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u := n.find(r, proxied(r)); u != n.Canonical() {
			r = r.WithContext(context.WithValue(r.Context(), key{}, u))
		}
		next.ServeHTTP(w, r)
	})
}

func (n Names) find(r *http.Request, proxied bool) *url.URL {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	hosts := []string{r.Host}
	if proxied {
		if proto := list(r.Header, "X-Forwarded-Proto"); len(proto) > 0 {
			scheme = strings.ToLower(proto[0])
		}
		// The first proxy of a chain saw the host that the client named. A client may
		// write the header too, but names nothing by it that its Host could not name.
		hosts = append(list(r.Header, "X-Forwarded-Host"), hosts...)
	}
	for _, host := range hosts {
		if u := n.match(host, scheme, r.URL.Path); u != nil {
			return u
		}
	}
	return n.Canonical()
}

// list reads a header whose values are apart by commas.
func list(h http.Header, name string) (all []string) {
	for part := range strings.SplitSeq(strings.Join(h.Values(name), ","), ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// match returns the name for a host, or nil. Where several names have the host, the
// longest path that the request is below decides, and then the scheme. The scheme alone
// excludes no name: a proxy that the server does not trust may have taken TLS off.
func (n Names) match(host, scheme, path string) (found *url.URL) {
	name, port := split(host)
	best := -1
	for _, u := range n {
		ownName, ownPort := split(u.Host)
		if name != ownName {
			continue
		}
		ownPort = orDefault(ownPort, u.Scheme)
		score := 0
		switch {
		case orDefault(port, u.Scheme) == ownPort:
			score = 1 << 20
		case port != "":
			continue
		} // Some proxies pass the host on without its port.
		if u.Path == "" || path == u.Path || strings.HasPrefix(path, u.Path+"/") {
			score += 2 + 2*len(u.Path)
		}
		if u.Scheme == scheme {
			score++
		}
		if score > best {
			best, found = score, u
		}
	}
	return found
}

// split takes "host:port" apart. The host is in lower case, without brackets, and
// without the dot that a complete name may end with.
func split(hostport string) (host, port string) {
	u := url.URL{Host: hostport}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), u.Port()
}

func orDefault(port, scheme string) string {
	switch {
	case port != "":
		return port
	case scheme == "https":
		return "443"
	}
	return "80"
}
