package channel

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// hostile returns a relay that sends these messages and then waits.
func hostile(t *testing.T, messages ...string) Relay {
	t.Helper()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.CloseNow() }()
		for _, m := range messages {
			if conn.Write(r.Context(), websocket.MessageText, []byte(m)) != nil {
				return
			}
		}
		for {
			if _, _, err := conn.Read(r.Context()); err != nil {
				return
			}
		}
	}))
	t.Cleanup(h.Close)
	return Relay{URI: "ws" + strings.TrimPrefix(h.URL, "http"), HTTP: h.Client(), Rand: rand.Reader}
}

const hello = `{"channelid":"abc","link":"/v1/ws/abc"}`

func TestHostileRelays(t *testing.T) {
	t.Parallel()
	for name, messages := range map[string][]string{
		"not JSON": {"x"}, "no ID": {"{}"}, "a strange ID": {`{"channelid":"../x"}`}, "a long ID": {`{"channelid":"` + strings.Repeat("x", 65) + `"}`},
		"too long": {strings.Repeat("x", maxEnvelope+1)},
	} {
		if _, err := Create(t.Context(), hostile(t, messages...)); err == nil || !strings.Contains(err.Error(), "does not answer as one") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Join(t.Context(), hostile(t, hello), "other", make([]byte, KeySize)); err == nil {
		t.Error("it joins another channel than it was asked to")
	}
	for name, message := range map[string]string{
		"not JSON": "x", "other JSON": `[1]`, "not base64url": `{"message":"%%%%"}`, "not a record": `{"message":"AAAA"}`, "empty": `{}`,
		"a long record": `{"message":"` + strings.Repeat("A", 40_000) + `"}`,
	} {
		for side, begin := range map[string]func(Relay) (*Channel, error){
			"created": func(r Relay) (*Channel, error) { return Create(t.Context(), r) },
			"joined":  func(r Relay) (*Channel, error) { return Join(t.Context(), r, "abc", make([]byte, KeySize)) },
		} {
			c, err := begin(hostile(t, hello, message))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Receive(t.Context()); err == nil || errors.Is(err, ErrClosed) {
				t.Errorf("%s, %s: %v", name, side, err)
			}
			if err := c.Send(t.Context(), "x", nil); err == nil {
				t.Errorf("%s, %s: it sends", name, side)
			}
			c.Close(t.Context())
			c.Close(t.Context())
		}
	}
}

func TestRefusingRelays(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{404: "has expired or has been used", 429: "too many pairings", 302: "HTTP 302", 500: "HTTP 500"} {
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
		t.Cleanup(h.Close)
		r := Relay{URI: "ws" + strings.TrimPrefix(h.URL, "http"), HTTP: h.Client(), Rand: rand.Reader}
		if _, err := Join(t.Context(), r, "abc", make([]byte, KeySize)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("HTTP %d: %v", code, err)
		}
		r.URI = "ftp" + strings.TrimPrefix(r.URI, "ws")
		if _, err := Create(t.Context(), r); err == nil {
			t.Error("it connects to " + r.URI)
		}
	}
	r := Relay{URI: "ws://127.0.0.1:1", HTTP: http.DefaultClient, Rand: rand.Reader}
	if _, err := Create(t.Context(), r); err == nil || !strings.Contains(err.Error(), "cannot connect to the pairing relay 127.0.0.1:1") {
		t.Error(err)
	}
}
