package main

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// Behind deploy/nginx.conf the server gets each request as the device sent it: with the
// unchanged path, which the device signed, and with up to the largest body that the server
// accepts. It also gets the device's address.
func TestNginxPassesAllOn(t *testing.T) {
	if findNginx() == "" {
		t.Skip("left out: it needs nginx")
	}
	type request struct {
		uri, host, from string
		size            int64
	}
	asked := make(chan request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Error(err)
		}
		asked <- request{r.RequestURI, r.Host, r.Header.Get("X-Forwarded-For"), n}
		w.Header().Set("X-Weave-Timestamp", "1.00")
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := writeCertificate(cert, key); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	stop, err := startNginx(l, dir, strings.TrimPrefix(server.URL, "http://"), cert, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)

	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // its certificate is the test's own
	t.Cleanup(transport.CloseIdleConnections)
	put := func(uri string, size int) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "PUT", "https://"+l.Addr().String(), strings.NewReader(strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		r.URL = &url.URL{Scheme: "https", Host: r.URL.Host, Opaque: "//" + r.URL.Host + uri}
		r.Header.Set("X-Forwarded-For", "192.0.2.1") // values from others are ignored
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode < 300 && resp.Header.Get("X-Weave-Timestamp") != "1.00" {
			t.Errorf("the answer's headers are %v", resp.Header)
		}
		return resp.StatusCode
	}
	const largest = 2_600_000 // beyond bso.DefaultLimits' max_request_bytes
	for _, uri := range []string{
		"/storage/1.5/1/storage/bookmarks/plain", "/storage/1.5/1/storage/col/a%2Fb", "/storage/1.5/1/storage/col/..", "/storage/1.5/1/storage/col/%2E%2e/x",
		"/storage/1.5/1//storage/./col/x?full=1&ids=a,b%2Cc", "/storage/1.5/1/storage/col/%7Bid%7D", "/storage/1.5/1/storage/col/{id}",
	} {
		if code := put(uri, largest); code != http.StatusNoContent {
			t.Errorf("%s: %d", uri, code)
		} else if got, want := <-asked, (request{uri, "127.0.0.1", "192.0.2.1, 127.0.0.1", largest}); got != want {
			t.Errorf("the server was asked %+v; want %+v", got, want)
		}
	}
	if code := put("/", 4_000_000); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a request of 4 MB: %d", code)
	}
}
