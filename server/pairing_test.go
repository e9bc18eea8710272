package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
)

// Two devices that pair reach each other also where a proxy leads them to different servers.
func TestPairingAtTwoServers(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	var conns []*websocket.Conn
	id := ""
	for range 2 {
		w := newEnv(t, func(c *server.Config) { c.Database = database })
		h := httptest.NewServer(w.server.Handler())
		t.Cleanup(h.Close)
		conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(h.URL, "http")+"/v1/ws/"+id, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.CloseNow() })
		_, text, err := conn.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var hello map[string]string
		if err := json.Unmarshal(text, &hello); err != nil {
			t.Fatal(err)
		}
		conns, id = append(conns, conn), hello["channelid"]
	}
	for i, from := range conns {
		if err := from.Write(t.Context(), websocket.MessageText, []byte("aGVsbG8")); err != nil {
			t.Fatal(err)
		}
		if _, text, err := conns[1-i].Read(t.Context()); err != nil || !strings.Contains(string(text), `"message":"aGVsbG8"`) {
			t.Errorf("the other device has %s, %v", text, err)
		}
	}
}

// Two devices that pair reach each other through the server, at the host's root whatever the
// path of the public URL, and each is told the other's address.
func TestPairingChannel(t *testing.T) {
	t.Parallel()
	for name, public := range map[string]string{"root": root, "path": root + "/my/sync"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEnv(t, func(c *server.Config) {
				c.PublicURL, c.Proxies = public, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
			})
			h := httptest.NewServer(w.server.Handler())
			t.Cleanup(h.Close)
			connect := func(id, from string) (*websocket.Conn, string) {
				conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(h.URL, "http")+"/v1/ws/"+id,
					&websocket.DialOptions{HTTPHeader: http.Header{"X-Forwarded-For": {"203.0.113.9, " + from}}})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = conn.CloseNow() })
				_, text, err := conn.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var hello map[string]string
				if err := json.Unmarshal(text, &hello); err != nil {
					t.Fatal(err)
				}
				return conn, hello["channelid"]
			}
			a, id := connect("", "192.0.2.1")
			b, _ := connect(id, "192.0.2.2")
			if err := a.Write(t.Context(), websocket.MessageText, []byte("aGVsbG8")); err != nil {
				t.Fatal(err)
			}
			_, text, err := b.Read(t.Context())
			if err != nil || string(text) != `{"message":"aGVsbG8","sender":{"ua":"Go-http-client/1.1","remote":"192.0.2.1"}}` {
				t.Errorf("%s, %v", text, err)
			}
			if err := w.server.Close(t.Context()); err != nil { // with a channel open
				t.Error(err)
			}
			if _, _, err := b.Read(t.Context()); err == nil {
				t.Error("the channel outlives the server")
			}
		})
	}
}

// A server without accounts of its own does not relay.
func TestNoPairingWithOtherAccounts(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *server.Config) { c.External = &server.External{URL: "https://accounts.test", AllowAll: true} })
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", root+"/v1/ws/", nil))
	if rec.Code != http.StatusNotFound {
		t.Errorf("HTTP %d", rec.Code)
	}
}
