package places

import (
	"strings"

	"golang.org/x/net/idna"
)

// Browsers spell a web address in one way, that of the URL Standard: a host in
// ASCII, no port where it is the scheme's own, no "." and ".." in the path, and in
// escapes what an address cannot have. What a person typed is spelt like that here, or
// a page would be another one than the browser's.

// hosts turns a host's name into ASCII as browsers do.
var hosts = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// spellHost spells the host of a web address, with its port. A name that is none is
// left as it is.
func spellHost(scheme, host string) string {
	host = strings.ToLower(host)
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name, port = host[:i], host[i:]
	}
	if port == ":" || scheme == "http" && port == ":80" || scheme == "https" && port == ":443" {
		port = ""
	}
	if strings.IndexFunc(name, func(r rune) bool { return r >= 0x80 }) < 0 {
		return name + port
	}
	// Some letters stand for several, "/" among them.
	if ascii, err := hosts.ToASCII(name); err == nil && ascii != "" && !strings.ContainsAny(ascii, " #%/:<>?@[\\]^|") {
		name = ascii
	}
	return name + port
}

// What an address escapes besides controls and what is not ASCII, by its part.
const (
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
