package postgres_test

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/storage"
)

// anyone takes every request for user 1's.
type anyone struct{}

func (anyone) Authenticate(*http.Request) (int64, bool, error) { return 1, false, nil }

// How often a request waits for the database does not depend on how many records it has.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	wire := count(t, server)
	b := open(t, wire.url, time.Now)
	service := storage.New(storage.Config{Backend: b, Auth: anyone{}, Now: time.Now, Rand: rand.Reader})
	do := func(method, path, body string) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, "http://sync.example/1.5/1"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		service.ServeHTTP(answer, r)
		if answer.Code >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, answer.Code, answer.Body)
		}
		return answer
	}
	records := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`{"id":"%d","payload":"sealed"}`, i))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	newBatch := func() string {
		var started struct{ Batch string }
		if err := json.Unmarshal(do("POST", "/storage/c?batch=true", records(1)).Body.Bytes(), &started); err != nil {
			t.Fatal(err)
		}
		return url.QueryEscape(started.Batch)
	}
	batch := ""
	for _, request := range []struct {
		what string
		want int64
		do   func()
	}{
		{"info/collections", 1, func() { do("GET", "/info/collections", "") }},
		{"GET of a record", 3, func() { do("GET", "/storage/c/1", "") }},
		{"GET of a page", 2, func() { do("GET", "/storage/c?full=1&limit=10", "") }},
		{"GET of all", 2, func() { do("GET", "/storage/c?full=1", "") }},
		{"PUT", 4, func() { do("PUT", "/storage/c/1", `{"payload":"sealed"}`) }},
		{"POST of 1", 3, func() { do("POST", "/storage/c", records(1)) }},
		{"POST of 100", 3, func() { do("POST", "/storage/c", records(100)) }},
		{"POST that begins a batch", 3, func() { do("POST", "/storage/c?batch=true", records(100)) }},
		{"POST to a batch", 3, func() { do("POST", "/storage/c?batch="+batch, records(100)) }},
		{"POST that commits", 5, func() { do("POST", "/storage/c?commit=true&batch="+batch, records(100)) }},
		{"DELETE of a record", 5, func() { do("DELETE", "/storage/c/1", "") }},
		{"DELETE of a collection", 2, func() { do("DELETE", "/storage/c", "") }},
	} {
		var trips int64
		for range 2 { // statements are prepared the first time
			batch = newBatch()
			do("PUT", "/storage/c/1", `{"payload":"sealed"}`)
			before := wire.trips.Load()
			request.do()
			trips = wire.trips.Load() - before
		}
		if trips != request.want {
			t.Errorf("%s takes %d round trips, want %d", request.what, trips, request.want)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// wire passes on what is sent to a server, and counts for how many answers a client waits.
type wire struct {
	url   string
	trips atomic.Int64
}

func count(t *testing.T, server *pgtest.Server) *wire {
	t.Helper()
	w := &wire{}
	w.url = server.Listen(t, func(client, upstream net.Conn) {
		go func() { _, _ = io.Copy(client, upstream); _ = client.Close() }()
		go w.pass(upstream, client)
	})
	return w
}

// pass passes on a client's messages. It waits after each Sync and each simple query.
func (w *wire) pass(upstream io.WriteCloser, client io.Reader) {
	defer func() { _ = upstream.Close() }()
	for first := true; ; first = false {
		head := make([]byte, 5)
		if first { // the first message has no type
			head = head[1:]
		}
		if _, err := io.ReadFull(client, head); err != nil {
			return
		}
		if kind := head[0]; !first && (kind == 'S' || kind == 'Q') {
			w.trips.Add(1)
		}
		if _, err := upstream.Write(head); err != nil {
			return
		}
		if _, err := io.CopyN(upstream, client, int64(binary.BigEndian.Uint32(head[len(head)-4:]))-4); err != nil {
			return
		}
	}
}
