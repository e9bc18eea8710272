package oauth

import (
	"strconv"
	"strings"
)

// Clients are the programs that may ask for tokens, by their public IDs. None has a secret, so
// an ID does not prove which program asks.
var Clients = map[string]string{
	"5882386c6d801776": "Firefox",
	"a2270f727f45f648": "Firefox for Android",
	"3c49430b43dfba77": "Reference Browser for Android",
	"1b1a3e44c54fbb58": "Firefox for iOS",
	"8269bacd7bbc7f80": "Thunderbird",
	NativeClient:       "Sync Manager",
}

// NativeClient is the client of programs that have no page of their own and no
// web channel, and so listen on their computer for the browser to come back.
const NativeClient = "73796e636d616e61"

// IsLoopback reports whether uri is where such a program listens: on the loopback interface by
// its address, at any port, at one path. Any other spelling is refused, because two parsers may
// read different hosts from it.
//
// Source: RFC 8252, section 7.3.
func IsLoopback(uri string) bool {
	for _, host := range []string{"http://127.0.0.1:", "http://[::1]:"} {
		if rest, ok := strings.CutPrefix(uri, host); ok {
			port, ok := strings.CutSuffix(rest, "/callback")
			n, err := strconv.ParseUint(port, 10, 16)
			return ok && err == nil && n > 0 && strconv.FormatUint(n, 10) == port
		}
	}
	return false
}

// WebChannel is the redirection of clients that get the code through the page, as
// Firefox does.
const WebChannel = "urn:ietf:wg:oauth:2.0:oob:oauth-redirect-webchannel"
