package push

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ErrAddress means that the name of a push service resolves to an address that is not public.
var ErrAddress = errors.New("the address of the push service is not public")

// DefaultHosts are the push services of Firefox, Chrome and Safari.
func DefaultHosts() []string {
	return []string{"updates.push.services.mozilla.com", "fcm.googleapis.com", "web.push.apple.com"}
}

// allowed parses an endpoint: an https URL with one of hosts or its subdomains, on the
// default port.
func allowed(endpoint string, hosts []string) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Opaque != "" || u.Host == "" {
		return nil, ErrHost
	}
	name := strings.ToLower(strings.TrimSuffix(u.Host, ":443"))
	if !isName(name) {
		return nil, ErrHost
	}
	for _, h := range hosts {
		h = strings.ToLower(h)
		if name == h || strings.HasSuffix(name, "."+h) {
			u.Host, u.Fragment = name, ""
			return u, nil
		}
	}
	return nil, ErrHost
}

// isName reports whether host is a DNS name, in ASCII and with a dot. It is not an IP address
// in any notation: those have a number as their last label.
func isName(host string) bool {
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(strings.ToLower(l), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	return len(labels) > 1 && len(host) <= 253 && (last[0] < '0' || last[0] > '9')
}

// NewTransport returns a transport that connects to public addresses only, and fails with
// [ErrAddress] otherwise. It checks the address of each connection itself, so that a name
// cannot resolve to another address after the check. It does not use a proxy, which would
// open the connection instead.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: sendTimeout, Control: onlyPublic}
	return &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: sendTimeout,
		MaxResponseHeaderBytes: 16 << 10, MaxIdleConnsPerHost: workers, IdleConnTimeout: 90 * time.Second,
	}
}

// onlyPublic is called before each connection, with the resolved address.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || at.Port() != 443 || !isPublic(at.Addr()) {
		return fmt.Errorf("%w: %s", ErrAddress, address)
	}
	return nil
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// special are the networks in IANA's registries of special addresses that the methods of
// [netip.Addr] do not cover.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carrier-grade NAT
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // including Teredo
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("fec0::/10"),
}

// isPublic reports whether an address is on the public internet. For an IPv4 address embedded
// in an IPv6 address, it checks the IPv4 address.
func isPublic(a netip.Addr) bool {
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	a = a.Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate() &&
		!slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}
