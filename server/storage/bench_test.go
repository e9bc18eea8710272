package storage_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// request returns a request that can be served several times.
func (s *server) request(method, path, body string) func() *http.Request {
	return func() *http.Request {
		r, err := http.NewRequest(method, "/storage/1.5/1"+path, strings.NewReader(body))
		if err != nil {
			s.t.Fatal(err)
		}
		r.Header.Set("Authorization", "1")
		r.Header.Set("Content-Type", "text/plain")
		return r
	}
}

// sealed returns a POST body of n records with payloads like encrypted ones, of 500 bytes.
func sealed(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"id":"%012d","payload":"{\"ciphertext\":\"%s\",\"IV\":\"%s==\",\"hmac\":\"%s\"}"}`,
			i, strings.Repeat("Ab3+", 85), strings.Repeat("x", 22), strings.Repeat("0f", 32)))
	}
	return "[" + strings.Join(all, ",") + "]"
}

func BenchmarkGet100(b *testing.B) {
	s := start(b)
	s.do("POST", "/storage/c", sealed(100)).want(200)
	next := s.request("GET", "/storage/c?full=1&limit=1000", "")
	size := s.do("GET", "/storage/c?full=1", "").Body.Len()
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		serve(s, next())
	}
}

func BenchmarkPost100(b *testing.B) {
	s := start(b)
	body := sealed(100)
	next := s.request("POST", "/storage/c", body)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		serve(s, next())
	}
}

func BenchmarkInfoCollections(b *testing.B) {
	s := start(b)
	for i := range 12 {
		s.do("PUT", fmt.Sprintf("/storage/c%d/a", i), `{}`).want(200)
	}
	next := s.request("GET", "/info/collections", "")
	b.ReportAllocs()
	for b.Loop() {
		serve(s, next())
	}
}
