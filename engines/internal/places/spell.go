package places

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Browsers spell a web address in one way, that of the URL Standard: a host in
// ASCII, no port where it is the scheme's own, no "." and ".." in the path, and in
// escapes what an address cannot have. What a person typed is spelt like that here, or
// a page would be another one than the browser's.

// spell spells what follows the scheme and its colon in a web address. rest spells
// what follows the host; it is given at least "/".
func spell(scheme, url string, rest func(string) string) (string, error) {
	authority, path := cutAuthority(strings.TrimLeft(url, `/\`))
	user, host := cutUser(authority)
	host, err := spellHost(scheme, host)
	if err != nil {
		return "", err
	}
	if path == "" || path[0] != '/' && path[0] != '\\' {
		path = "/" + path
	}
	if user = escape(user, inUser); user == "@" || user == ":@" {
		user = ""
	}
	return "//" + user + host + rest(path), nil
}

// hosts turns a host's name into ASCII as browsers do.
var hosts = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false))

// notInHost are the characters that no host has besides controls.
const notInHost = " #%/:<>?@[\\]^|"

// spellHost spells the host of a web address, with its port.
func spellHost(scheme, host string) (string, error) {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name, port = host[:i], host[i+1:]
	}
	port, err := spellPort(scheme, port)
	if err != nil {
		return "", err
	}
	switch {
	case name == "":
		return "", fmt.Errorf("%w: it has no host", ErrURL)
	case name[0] == '[':
		name, err = spellIPv6(name)
	default:
		name, err = spellName(name)
	}
	return name + port, err
}

// spellPort returns the port with its colon; "" if it is the default.
func spellPort(scheme, port string) (string, error) {
	if port == "" {
		return "", nil
	}
	if strings.Trim(port, "0123456789") != "" {
		return "", fmt.Errorf("%w: its port is not a number", ErrURL)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", fmt.Errorf("%w: its port is beyond 65535", ErrURL)
	}
	if port = strconv.FormatUint(n, 10); port == webPorts[scheme] {
		return "", nil
	}
	return ":" + port, nil
}

func spellName(name string) (string, error) {
	name = unescape(name)
	if strings.IndexFunc(name, func(r rune) bool { return r >= 0x80 }) < 0 {
		name = strings.ToLower(name)
	} else {
		ascii, err := hosts.ToASCII(name)
		if err != nil {
			return "", fmt.Errorf("%w: its host is not a name that browsers know", ErrURL)
		}
		name = ascii // some letters stand for several, "/" among them
	}
	if name == "" {
		return "", fmt.Errorf("%w: it has no host", ErrURL)
	}
	if i := strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune(notInHost, r) }); i >= 0 {
		return "", fmt.Errorf("%w: its host has the character %q", ErrURL, name[i])
	}
	return spellIPv4(name)
}

// spellIPv6 spells an address in brackets.
func spellIPv6(name string) (string, error) {
	inside, closed := strings.CutSuffix(name[1:], "]")
	a, err := netip.ParseAddr(inside)
	if !closed || err != nil || !a.Is6() || a.Zone() != "" {
		return "", fmt.Errorf("%w: its host is not an address of IPv6, which goes in brackets", ErrURL)
	}
	if a.Is4In6() {
		b := a.As16()
		return fmt.Sprintf("[::ffff:%x:%x]", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15])), nil
	}
	return "[" + a.String() + "]", nil
}

// spellIPv4 spells a host whose last part is a number: it must be an address, and
// may be written in fewer than four parts, in octal and in hexadecimal.
func spellIPv4(name string) (string, error) {
	parts := strings.Split(strings.TrimSuffix(name, "."), ".")
	last := parts[len(parts)-1]
	if _, ok := ipv4Number(last); !ok && (last == "" || strings.Trim(last, "0123456789") != "") {
		return name, nil
	}
	bad := fmt.Errorf("%w: its host is not an address of IPv4, though it ends in a number", ErrURL)
	if len(parts) > 4 {
		return "", bad
	}
	var address uint64
	for i, part := range parts {
		n, ok := ipv4Number(part)
		if !ok {
			return "", bad
		}
		if i < len(parts)-1 {
			if n > 255 {
				return "", bad
			}
			address |= n << (24 - 8*i)
			continue
		}
		if n >= 1<<(32-8*i) {
			return "", bad
		}
		address |= n
	}
	return netip.AddrFrom4([4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)}).String(), nil
}

// ipv4Number reads a part of such an address.
func ipv4Number(s string) (n uint64, ok bool) {
	base := 10
	switch {
	case s == "":
		return 0, false
	case strings.HasPrefix(s, "0x"):
		if s, base = s[2:], 16; s == "" {
			return 0, true
		}
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	n, err := strconv.ParseUint(s, base, 64)
	return n, err == nil
}

// What an address escapes besides controls and what is not ASCII, by its part.
const (
	inUser     = " \"#<>?^`{}[]\\|"
	inPath     = " \"#<>?^`{}"
	inQuery    = " \"#<>'"
	inFragment = " \"<>`"
)

// spellRest spells what follows the host of a web address.
func spellRest(rest string) string {
	rest, fragment, hasFragment := strings.Cut(rest, "#")
	path, query, hasQuery := strings.Cut(rest, "?")
	var b strings.Builder
	b.WriteString(escape(withoutDots(strings.ReplaceAll(path, `\`, "/")), inPath))
	if hasQuery {
		b.WriteString("?" + escape(query, inQuery))
	}
	if hasFragment {
		b.WriteString("#" + escape(fragment, inFragment))
	}
	return b.String()
}

// withoutDots walks a path's "." and "..", which may be escaped.
func withoutDots(path string) string {
	segments := strings.Split(path, "/")[1:]
	kept := segments[:0]
	for i, s := range segments {
		last := i == len(segments)-1
		switch strings.ReplaceAll(strings.ToLower(s), "%2e", ".") {
		case ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, s)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}

func escape(s, also string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(also, c) >= 0 {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
