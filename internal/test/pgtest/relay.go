package pgtest

import (
	"io"
	"net"
	"net/url"
	"testing"
)

// Committed is in the server's answer to COMMIT.
const Committed = "C\x00\x00\x00\x0bCOMMIT\x00"

// Relay listens for connections to the server on another address, and returns the connection string. It cuts a
// connection before it passes on what the client sent if sent returns true for it, or what the server answered
// if answered does. Both are called by several goroutines.
func (s *Server) Relay(t testing.TB, sent, answered func(data string) bool) string {
	t.Helper()
	return s.Listen(t, func(client, server net.Conn) {
		go pass(client, server, sent)
		go pass(server, client, answered)
	})
}

// Listen listens for connections to the server on another address, and returns the connection string. The
// function that it is given passes on what both sides of a connection send, and closes them.
func (s *Server) Listen(t testing.TB, relay func(client, server net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", s.Socket())
			if err != nil { // the server is stopped
				_ = client.Close()
				continue
			}
			relay(client, server)
		}
	}()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	return "postgres:///?" + url.Values{"host": {host}, "port": {port}, "user": {"test"}, "dbname": {"postgres"}, "sslmode": {"disable"}}.Encode()
}

// pass passes on what one side sends, until it ends or cut returns true. Then it closes both.
func pass(from, to net.Conn, cut func(data string) bool) {
	defer func() { _, _ = from.Close(), to.Close() }()
	_, _ = io.Copy(cutting{to, cut}, from)
}

// cutting is a writer that ends with an error before the data that cut returns true for.
type cutting struct {
	to  net.Conn
	cut func(data string) bool
}

func (c cutting) Write(p []byte) (int, error) {
	if c.cut(string(p)) {
		return 0, net.ErrClosed
	}
	return c.to.Write(p)
}
