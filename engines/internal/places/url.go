package places

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxURL bounds URLs, in bytes, as Firefox does.
const MaxURL = 64 << 10

// ErrURL is wrapped by every error of [Normalise].
var ErrURL = errors.New("not a URL")

// Normalise brings a URL into the form in which two that lead to one page are
// the same bytes: no space around it, scheme and host in lower case, at least "/"
// as the path of a URL with a host, and a web address spelt as browsers do. An error tells why url cannot be stored; it
// does not repeat it.
func Normalise(url string) (string, error) {
	url = strings.TrimFunc(url, func(r rune) bool { return r <= ' ' })
	switch {
	case url == "":
		return "", fmt.Errorf("%w: it is empty", ErrURL)
	case len(url) > MaxURL:
		return "", fmt.Errorf("%w: it has %d bytes, and the most is %d", ErrURL, len(url), MaxURL)
	case !utf8.ValidString(url):
		return "", fmt.Errorf("%w: it is not UTF-8", ErrURL)
	case strings.ContainsFunc(url, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", fmt.Errorf("%w: it has control characters", ErrURL)
	}
	scheme, rest, ok := strings.Cut(url, ":")
	if !ok || !isScheme(scheme) {
		return "", fmt.Errorf("%w: it has no scheme", ErrURL)
	}
	scheme = strings.ToLower(scheme)
	rest, hasHost := strings.CutPrefix(rest, "//")
	if !hasHost {
		return scheme + ":" + rest, nil
	}
	authority, path := cutAuthority(rest)
	user, host := cutUser(authority)
	if host == "" && isWeb(scheme) {
		return "", fmt.Errorf("%w: it has no host", ErrURL)
	}
	if path == "" || path[0] != '/' && path[0] != '\\' && isWeb(scheme) {
		path = "/" + path
	}
	if !isWeb(scheme) {
		return scheme + "://" + user + strings.ToLower(host) + path, nil
	}
	url = scheme + "://" + user + spellHost(scheme, host) + spellRest(path)
	if len(url) > MaxURL {
		return "", fmt.Errorf("%w: it has %d bytes, and the most is %d", ErrURL, len(url), MaxURL)
	}
	return url, nil
}

func isWeb(scheme string) bool { return scheme == "http" || scheme == "https" }

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !('0' <= s[i] && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.')) {
			return false
		}
	}
	return s != ""
}

// cutAuthority splits what follows "//".
func cutAuthority(rest string) (authority, path string) {
	if i := strings.IndexAny(rest, `/\?#`); i >= 0 {
		return rest[:i], rest[i:]
	}
	return rest, ""
}

// cutUser splits an authority; user keeps its "@".
func cutUser(authority string) (user, host string) {
	i := strings.LastIndexByte(authority, '@') + 1
	return authority[:i], authority[i:]
}

// splitOrigin returns what a URL's origin is known by: "https://" and
// "example.org:8443".
func splitOrigin(url string) (prefix, host string) {
	scheme, rest, _ := strings.Cut(url, ":")
	rest, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return scheme + ":", ""
	}
	authority, _ := cutAuthority(rest)
	_, host = cutUser(authority)
	return scheme + "://", host
}

// reverseHost turns "www.example.org:80" into "gro.elpmaxe.www.", so that a
// host's subdomains are those that begin as it does.
func reverseHost(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.Contains(host[i:], "]") {
		host = host[:i]
	}
	letters := []rune(strings.ToLower(strings.TrimSuffix(host, ".")))
	slices.Reverse(letters)
	return string(letters) + "."
}

// HostRange returns the values of origins.rev_host, from first and before last,
// that a host and its subdomains have.
func HostRange(host string) (first, last string) {
	first = reverseHost(host)
	return first, strings.TrimSuffix(first, ".") + "/" // "/" comes after "."
}

// hashURL is FNV-1a of 64 bits. It is stored, so it never changes.
func hashURL(url string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(url)) // it cannot fail
	return int64(h.Sum64())
}

// Origin returns the row of a URL's origin, and makes it if there is none.
func (t *Tx) Origin(url string) (id int64, err error) {
	prefix, host := splitOrigin(url)
	if id, ok := t.origins[prefix+host]; ok {
		return id, nil
	}
	if err := t.QueryRow(sqlOrigin, prefix, host, reverseHost(host)).Scan(&id); err != nil {
		return 0, err
	}
	if t.origins == nil {
		t.origins = make(map[string]int64)
	}
	t.origins[prefix+host] = id
	return id, nil
}

// HashURL is the value of places.url_hash.
func HashURL(url string) int64 { return hashURL(url) }
