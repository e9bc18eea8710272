package door_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/api/door"
)

// BenchmarkCall calls a verb over the socket, as a client does that keeps its connection.
func BenchmarkCall(b *testing.B) {
	e := newEnv(b, func(c *door.Config) { c.PerSecond = 1e9 })
	path, served := e.listen()
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	b.Cleanup(client.CloseIdleConnections)
	for b.Loop() {
		r, err := client.Post("http://localhost/v1/bookmarks.get", "application/json", strings.NewReader(`{"id": "menu________"}`))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK {
			b.Fatal(r.Status, err)
		}
		_ = r.Body.Close()
		<-served
	}
}

// BenchmarkList lists 10,000 bookmarks.
func BenchmarkList(b *testing.B) {
	e := newEnv(b, func(c *door.Config) { c.PerSecond = 1e9 })
	fill(b, e.device.Bookmarks, 10_000)
	for b.Loop() {
		e.handler.ServeHTTP(nullWriter{}, request("POST", "/v1/bookmarks.list", ""))
	}
}

// nullWriter drops what is written.
type nullWriter struct{}

func (nullWriter) Header() http.Header         { return http.Header{} }
func (nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (nullWriter) WriteHeader(int)             {}
