// Package publicname determines which of a server's public URLs a request was sent to.
package publicname

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Names are the public URLs of one server: scheme, host and port, and a path without a
// trailing slash. The first is the canonical URL, which is used where there is no request.
// Names must not be empty.
type Names []*url.URL

// Canonical returns the first URL.
func (n Names) Canonical() *url.URL { return n[0] }

// Has reports whether text is one of the URLs.
func (n Names) Has(text string) bool {
	for _, u := range n {
		if u.String() == text {
			return true
		}
	}
	return false
}

type key struct{}

// Of returns the URL that a request was sent to. ctx is the context of a request that passed
// [Names.Handler]; for any other context, Of returns the canonical URL.
func (n Names) Of(ctx context.Context) *url.URL {
	if u, ok := ctx.Value(key{}).(*url.URL); ok {
		return u
	}
	return n.Canonical()
}

// Handler determines the URL that a request was sent to, for [Names.Of], and calls next. The
// Host header names the URL, or X-Forwarded-Host if proxied reports that a trusted proxy
// forwarded the request. A request for any other host counts as sent to the canonical URL.
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
		// The first proxy of a chain saw the host that the client named. A client may forge
		// the header, but gains nothing: it could name the same host in Host.
		hosts = append(list(r.Header, "X-Forwarded-Host"), hosts...)
	}
	for _, host := range hosts {
		if u := n.match(host, scheme, r.URL.Path); u != nil {
			return u
		}
	}
	return n.Canonical()
}

// list returns the values of a comma-separated header.
func list(h http.Header, name string) (all []string) {
	for part := range strings.SplitSeq(strings.Join(h.Values(name), ","), ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// match returns the URL for a host, or nil. If several URLs have the host, it prefers the
// longest path that is a prefix of the request's, and then the same scheme. A different
// scheme does not exclude a URL: a proxy that the server does not trust may have terminated
// TLS.
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
		} // some proxies forward the host without its port
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

// split splits "host:port". The host is returned in lower case, without brackets, and without
// a trailing dot.
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
