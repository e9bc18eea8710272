package usage

import (
	"fmt"
	"net"
	"strings"
)

// CheckURL returns an error for an address without a scheme. Only the user knows which
// scheme is meant.
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
