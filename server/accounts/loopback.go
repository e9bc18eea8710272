package accounts

import (
	"strconv"
	"strings"
)

// nativeClient is the client of programs that have no page of their own and no
// web channel, and so listen on their computer for the browser to come back.
const nativeClient = "73796e636d616e61"

// isLoopback reports whether uri is where such a program listens: on the loopback
// interface by its address, at any port, at one path. What is not spelled just so
// is refused, for two parsers may differ on whose host it is.
//
// Source: RFC 8252, section 7.3.
func isLoopback(uri string) bool {
	for _, host := range []string{"http://127.0.0.1:", "http://[::1]:"} {
		if rest, ok := strings.CutPrefix(uri, host); ok {
			port, ok := strings.CutSuffix(rest, "/callback")
			n, err := strconv.ParseUint(port, 10, 16)
			return ok && err == nil && n > 0 && strconv.FormatUint(n, 10) == port
		}
	}
	return false
}
