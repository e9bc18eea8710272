package usage

import (
	"fmt"
	"net"
	"strings"
)

// CheckURL refuses a word that has no scheme, as people write addresses: what it
// should be is a question that only they can answer.
func CheckURL(word string) error {
	scheme, rest, found := strings.Cut(word, ":")
	// "localhost:8080" and "example.org:80/x" have a port and no scheme.
	port := rest != "" && rest[0] >= '0' && rest[0] <= '9' && !strings.HasPrefix(rest, "//")
	if found && scheme != "" && !strings.ContainsAny(scheme, "./ ") && !(port && scheme == "localhost") {
		return nil
	}
	return fmt.Errorf("%q is not a URL: add https://", word)
}

// IsLoopback reports whether a URL's host is this machine.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
