package storage_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestOverARealConnection tests what a recorder cannot: that a path arrives as
// it was sent, that HEAD has no body, and that a long listing is complete.
func TestOverARealConnection(t *testing.T) {
	t.Parallel()
	s := start(t)
	web := httptest.NewServer(s)
	defer web.Close()
	send := func(method, path, body string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, web.URL+"/storage/1.5/1"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "1")
		r.Header.Set("Content-Type", "text/plain")
		res, err := web.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var b bytes.Buffer
		if _, err := b.ReadFrom(res.Body); err != nil {
			t.Fatal(err)
		}
		return res, b.String()
	}
	if res, body := send("PUT", "/storage/forms/%2FDxrbGUj%2F%2F..%2F+", `{"payload":"x"}`); res.StatusCode != 200 {
		t.Fatalf("%s: %s", res.Status, body)
	}
	if res, body := send("GET", "/storage/forms?ids=/DxrbGUj//../+", ""); body != `["/DxrbGUj//../+"]` || res.ContentLength != int64(len(body)) {
		t.Errorf("%s: %s", res.Status, body)
	}
	if res, body := send("HEAD", "/storage/forms?full=1", ""); res.StatusCode != 200 || body != "" || res.Header.Get("X-Last-Modified") == "" {
		t.Errorf("%s: %v", res.Status, res.Header)
	}
	for range 2 { // 4 MB, twice the same
		send("POST", "/storage/c", list(0, 40, 50_000))
		send("POST", "/storage/c", list(40, 40, 50_000))
	}
	if res, body := send("GET", "/storage/c?full=1", ""); len(body) < 4_000_000 || !strings.HasSuffix(body, `"}]`) || res.Header.Get("X-Weave-Records") != "80" {
		t.Errorf("%s: %d bytes", res.Status, len(body))
	}
}
