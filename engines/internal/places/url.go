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

// Normalise brings a URL that a person typed or a file brought into the form in
// which browsers store it, so that two that lead to one page are the same bytes.
//
// A web address (see [webPorts]) is spelt as the URL Standard has it. The rest of
// any other URL is bytes: its scheme alone is brought into lower case, for
// what follows may be base64 or a script. Tabs and line ends go from both.
//
// An error says why url cannot be stored: it is not a URL, or a web address that
// no browser can store, which Firefox would delete on every device. It does not
// repeat url.
func Normalise(url string) (string, error) {
	scheme, rest, err := cutScheme(withoutLineEnds.Replace(url))
	if err != nil {
		return "", err
	}
	if isWeb(scheme) {
		if rest, err = spell(scheme, rest, spellRest); err != nil {
			return "", err
		}
	}
	if url = scheme + ":" + rest; len(url) > MaxURL {
		return "", errLong(len(url))
	}
	return url, nil
}

// Accept is [Normalise] for what another device stored. Of a web address it spells
// the scheme and the host alone, by which pages are found and told apart. A
// browser spelt the rest; another spelling would overwrite that one with the next
// edit. What Normalise refuses, because no browser can store it, stays as it is.
func Accept(url string) (string, error) {
	scheme, rest, err := cutScheme(url)
	if err != nil {
		return "", err
	}
	if isWeb(scheme) {
		if spelt, err := spell(scheme, rest, func(rest string) string { return rest }); err == nil {
			rest = spelt
		}
	}
	return scheme + ":" + rest, nil
}

// Spellings returns the forms under which the page of a URL may be stored: that of
// [Normalise] and that of [Accept].
func Spellings(url string) (forms []string) {
	for _, spell := range []func(string) (string, error){Normalise, Accept} {
		if form, err := spell(url); err == nil && !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	return forms
}

var withoutLineEnds = strings.NewReplacer("\t", "", "\r", "", "\n", "")

func errLong(bytes int) error {
	return fmt.Errorf("%w: it has %d bytes, and the most is %d", ErrURL, bytes, MaxURL)
}

// cutScheme splits a URL at its first colon, and refuses what cannot be one.
func cutScheme(url string) (scheme, rest string, err error) {
	url = strings.TrimFunc(url, func(r rune) bool { return r <= ' ' })
	switch {
	case url == "":
		return "", "", fmt.Errorf("%w: it is empty", ErrURL)
	case len(url) > MaxURL:
		return "", "", errLong(len(url))
	case !utf8.ValidString(url):
		return "", "", fmt.Errorf("%w: it is not UTF-8", ErrURL)
	case strings.ContainsFunc(url, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", "", fmt.Errorf("%w: it has control characters", ErrURL)
	}
	scheme, rest, ok := strings.Cut(url, ":")
	if !ok || !isScheme(scheme) {
		return "", "", fmt.Errorf("%w: it has no scheme", ErrURL)
	}
	return strings.ToLower(scheme), rest, nil
}

// webPorts are the schemes whose URLs browsers spell in one way, and their default ports.
var webPorts = map[string]string{"http": "80", "https": "443", "ftp": "21", "ws": "80", "wss": "443"}

func isWeb(scheme string) bool { return webPorts[scheme] != "" }

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

// RevHost is the host of a URL, as HostRange bounds it.
func RevHost(url string) string {
	_, host := splitOrigin(url)
	return reverseHost(host)
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
