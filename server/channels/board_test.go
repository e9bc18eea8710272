package channels_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server/channels"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// several are servers that share a database.
type several struct {
	*testclock.Clock
	t       *testing.T
	relays  []*channels.Relay
	servers []*httptest.Server
}

func newSeveral(t *testing.T, n int) *several {
	t.Helper()
	s := &several{t: t, Clock: testclock.At(time.Unix(1_700_000_000, 0))}
	database := pgtest.Database(t)
	for range n {
		board, err := channels.OpenBoard(t.Context(), database, rand.Reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = board.Close() })
		relay := channels.New(channels.Config{
			Board: board, Now: s.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
			Sender: func(r *http.Request) channels.Sender {
				from := r.UserAgent()
				return channels.Sender{Address: from, Network: from, Shared: from == "proxy"}
			},
		})
		mux := http.NewServeMux()
		mux.Handle("GET "+channels.Prefix+"{$}", relay)
		mux.Handle("GET "+channels.Prefix+"{id}", relay)
		server := httptest.NewServer(mux)
		t.Cleanup(func() {
			relay.Close()
			server.Close()
		})
		s.relays, s.servers = append(s.relays, relay), append(s.servers, server)
	}
	return s
}

// dial connects to a server from an address; the channel's ID is "" for a refusal with a status.
func (s *several) dial(server int, from, id string) (conn *websocket.Conn, got string, status int) {
	s.t.Helper()
	conn, res, err := websocket.Dial(s.t.Context(), "ws"+strings.TrimPrefix(s.servers[server].URL, "http")+channels.Prefix+id,
		&websocket.DialOptions{HTTPHeader: http.Header{"User-Agent": {from}}})
	if res == nil {
		s.t.Fatal(err)
	}
	if err != nil {
		return nil, "", res.StatusCode
	}
	s.t.Cleanup(func() { _ = conn.CloseNow() })
	var hello struct {
		ID string `json:"channelid"`
	}
	s.read(conn, &hello)
	return conn, hello.ID, res.StatusCode
}

func (s *several) read(conn *websocket.Conn, out any) {
	s.t.Helper()
	_, text, err := conn.Read(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(out); err != nil {
		s.t.Fatal(err)
	}
}

func (s *several) write(conn *websocket.Conn, text string) {
	s.t.Helper()
	if err := conn.Write(s.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

// wants reads messages, which must be these.
func (s *several) wants(conn *websocket.Conn, from string, want ...string) {
	s.t.Helper()
	for _, text := range want {
		var got message
		if s.read(conn, &got); got.Message != text || got.Sender.Remote != from || got.Sender.UserAgent != from {
			s.t.Errorf("%+v, want %s from %s", got, text, from)
		}
	}
}

// Parties of a channel that are connected to different servers hear each other, in order, and when
// one leaves.
func TestPartiesAtTwoServers(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, 3)
	a, id, _ := s.dial(0, "a", "")
	b, _, status := s.dial(1, "b", id)
	if status != http.StatusSwitchingProtocols {
		t.Fatalf("the second party: HTTP %d", status)
	}
	for server := range 3 {
		if _, _, status := s.dial(server, "c", id); status != http.StatusNotFound {
			t.Errorf("a third party at server %d: HTTP %d", server, status)
		}
	}
	s.write(b, "aGVsbG8")
	s.wants(a, "b", "aGVsbG8")
	var many []string
	for i := range 10 {
		many = append(many, fmt.Sprintf("AAA%d", i))
		s.write(a, many[i])
	}
	s.wants(b, "a", many...)
	s.write(b, "bGFzdA")
	go func() { _ = b.Close(websocket.StatusNormalClosure, "") }()
	s.wants(a, "b", "bGFzdA")
	_, _, err := a.Read(t.Context())
	if why := websocket.CloseStatus(err); why != websocket.StatusNormalClosure || !strings.Contains(err.Error(), "the other device left") {
		t.Errorf("the other device left: %v", err)
	}
	if _, _, status := s.dial(2, "c", id); status != http.StatusNotFound {
		t.Errorf("after its end: HTTP %d", status)
	}
}

// Both parties at one of the servers need no other; a misused channel ends at both.
func TestEndsAtTwoServers(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, 2)
	a, id, _ := s.dial(1, "a", "")
	b, _, _ := s.dial(1, "b", id)
	s.write(a, "aGVsbG8")
	s.wants(b, "a", "aGVsbG8")

	a, id, _ = s.dial(0, "a", "")
	b, _, _ = s.dial(1, "b", id)
	s.write(b, "<script>")
	for _, conn := range []*websocket.Conn{a, b} {
		if _, _, err := conn.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "misused") {
			t.Errorf("a channel that was misused: %v", err)
		}
	}
	// A server that stops tells the other.
	a, id, _ = s.dial(0, "a", "")
	b, _, _ = s.dial(1, "b", id)
	go s.relays[0].Close()
	if _, _, err := b.Read(t.Context()); !strings.Contains(fmt.Sprint(err), "the other device left") {
		t.Errorf("of a server that stopped: %v", err)
	}
	_, _, _ = a.Read(t.Context())
	// Who comes too late finds nothing, also when nobody told of the end.
	_, id, _ = s.dial(1, "a", "")
	s.Pass(channels.Lifetime)
	if _, _, status := s.dial(1, "b", id); status != http.StatusNotFound {
		t.Errorf("after its life: HTTP %d", status)
	}
}

// All servers together create as many channels as one, and bad IDs are no question to the database.
func TestManyChannelsAtTwoServers(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, 2)
	var mu sync.Mutex
	created := 0
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() {
			for range 32 {
				if _, id, _ := s.dial(i, "a", ""); id != "" {
					mu.Lock()
					created++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if created < 32 || created > 33 { // two that are created at once may miss each other
		t.Errorf("%d channels of one network, want 32", created)
	}
	if _, _, status := s.dial(1, "a", ""); status != http.StatusTooManyRequests {
		t.Errorf("one more: HTTP %d", status)
	}
	if _, id, _ := s.dial(1, "b", ""); id == "" {
		t.Error("another network gets none")
	}
	for _, bad := range []string{"AAAAAAAAAAAAAAAAAAAAAA", "x", strings.Repeat("A", 5000), "%00", "%ff"} {
		if _, _, status := s.dial(0, "a", bad); status != http.StatusNotFound {
			t.Errorf("channel %.30s: HTTP %d", bad, status)
		}
	}
	s.Pass(channels.Lifetime)
	if _, id, _ := s.dial(0, "a", ""); id == "" {
		t.Error("none later")
	}
}
