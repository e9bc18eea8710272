package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
)

func TestLoginOverOpenHTTPWarns(t *testing.T) {
	for server, warns := range map[string]bool{
		"http://sync.example.org": true, "http://192.168.1.7:8000/": true, "http://[2001:db8::1]:8000": true, "HTTP://nas": true,
		"https://sync.example.org": false, "http://localhost:8000": false, "http://127.0.0.1:8000": false, "http://[::1]": false,
		"sync.example.org": false, "mozilla": false, "": false,
	} {
		var said bytes.Buffer
		a := &app{Console: term.Console{Err: &said}}
		a.warnOfOpenHTTP(server)
		if got := strings.Contains(said.String(), "not encrypted"); got != warns {
			t.Errorf("%s: it says %q", server, &said)
		}
	}
}
