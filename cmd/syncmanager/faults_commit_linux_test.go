package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

// The connection to the database is cut when a commit has arrived and its answer has not, again and again.
func TestFaultTheAnswerToACommitIsLost(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	// cut cuts a connection at its next commit; deaf cuts each that asks what became of a commit.
	var cut, deaf atomic.Bool
	var cuts atomic.Int64
	c := newCluster(t, server.Relay(t, func(sent string) bool {
		return strings.Contains(sent, "SELECT step FROM") && deaf.Load()
	}, func(answer string) bool {
		is := strings.Contains(answer, pgtest.Committed) && cut.CompareAndSwap(true, false)
		if is {
			cuts.Add(1)
		}
		return is
	}), 2)
	during(t, c, func(l *load) {
		for range 30 {
			cut.Store(true)
			l.awaitAcked(5)
		}
	})
	if cuts.Load() < 20 {
		t.Errorf("only %d commits were cut", cuts.Load())
	}

	// Of one write after the other: the server finds out what became of it, or the client tries again.
	u := newLoadUser(t, c.proxy.URL, loadUsers)
	write := func(n int, since string) (int, string) {
		t.Helper()
		code, _, header, err := u.do(t.Context(), http.MethodPost, "/storage/tabs", fmt.Sprintf(`[{"id":"one","payload":"write %d"}]`, n),
			"X-If-Unmodified-Since", since)
		check(t, err)
		return code, header.Get("X-Last-Modified")
	}
	_, since := write(0, "0")
	for n := range 10 {
		deaf.Store(n%2 == 1)
		cut.Store(true)
		before := cuts.Load()
		code, at := write(n+1, since)
		for tries := 0; n%2 == 1 && code == http.StatusOK && tries < 10; tries++ { // it was another commit of the servers
			since = at
			cut.Store(true)
			code, at = write(n+1, since)
		}
		if cuts.Load() == before {
			t.Fatal("no commit was cut")
		}
		deaf.Store(false)
		if n%2 == 1 { // nothing is known of it
			if code != http.StatusServiceUnavailable {
				t.Errorf("write %d was answered with %d", n+1, code)
			}
			if code, _ = write(n+1, since); code != http.StatusPreconditionFailed {
				t.Errorf("write %d, which is there, was tried again and answered with %d", n+1, code)
			}
		} else if code != http.StatusOK || at <= since {
			t.Errorf("write %d was answered with %d, at %s after %s", n+1, code, at, since)
		}
		var records []struct{ Payload string }
		code, answer, header, err := u.do(t.Context(), http.MethodGet, "/storage/tabs?full=1", "")
		check(t, err)
		check(t, json.Unmarshal(answer, &records))
		if len(records) != 1 || records[0].Payload != fmt.Sprint("write ", n+1) {
			t.Errorf("after write %d: %d %s", n+1, code, answer)
		}
		since = header.Get("X-Last-Modified")
	}
}
