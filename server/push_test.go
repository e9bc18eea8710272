package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/syncmanager/syncmanager/internal/ece"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server"
)

// pushed is a request to a push service: whose, and what it said.
type pushed struct {
	path string
	body []byte
}

// browser is a session with a device that hears push messages.
type browser struct {
	w       *env
	session onepw.HAWK
	keys    *ece.Keys
}

func (w *env) browser(path, endpoint string, credentials map[string]string) *browser {
	w.t.Helper()
	var in struct {
		SessionToken string `json:"sessionToken"`
	}
	if err := json.Unmarshal(post(w.t, w.server.Handler(), path, credentials), &in); err != nil {
		w.t.Fatal(err)
	}
	token, err := hex.DecodeString(in.SessionToken)
	if err != nil {
		w.t.Fatal(err)
	}
	keys, err := ece.GenerateKeys(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	b := &browser{w, onepw.SessionToken(token), keys}
	b.do("POST", "/auth/v1/account/device", map[string]any{
		"name": endpoint, "type": "desktop", "pushCallback": "https://example.com/" + endpoint,
		"pushPublicKey": base64.RawURLEncoding.EncodeToString(keys.Public()), "pushAuthKey": base64.RawURLEncoding.EncodeToString(keys.Auth()),
	})
	return b
}

// do makes a request of the session, which must succeed.
func (b *browser) do(method, path string, in any) []byte {
	t := b.w.t
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, root+path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	nonce, err := hawk.Nonce(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hawk.Sign(r, hawk.Credentials{ID: b.session.ID, Key: b.session.Key}, b.w.Now().Unix(), nonce, hawk.PayloadHash("application/json", body))
	rec := httptest.NewRecorder()
	b.w.server.Handler().ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
	}
	return rec.Body.Bytes()
}

// A device learns through its push service that another one is there, can read
// what it is told, and sees when its subscription is over.
func TestPush(t *testing.T) {
	t.Parallel()
	got, closing := make(chan pushed, 10), make(chan *server.Server, 1)
	service := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- pushed{r.URL.Path, body}
		// It answers when the server is half closed already: no database of tokens.
		s := <-closing
		for answer := httptest.NewRecorder(); answer.Code == http.StatusOK; {
			answer = httptest.NewRecorder()
			s.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "GET", root+"/__heartbeat__", nil))
		}
		w.WriteHeader(http.StatusGone)
	}))
	defer service.Close()
	w := newEnv(t, func(c *server.Config) {
		c.Push = &server.Push{Hosts: []string{"example.com"}, Transport: service.Client().Transport}
	})
	credentials := map[string]string{"email": email, "authPW": "1111111111111111111111111111111111111111111111111111111111111111"}
	a := w.browser("/auth/v1/account/create", "desk", credentials)
	w.browser("/auth/v1/account/login", "lap", credentials)
	m := <-got
	clear, err := a.keys.Open(m.body)
	if err != nil || m.path != "/desk" || string(clear) != `{"command":"fxaccounts:device_connected","data":{"deviceName":"lap"},"version":1}` {
		t.Errorf("%s reads %s, %v", m.path, clear, err)
	}
	// Closing waits for what the service answers, and remembers it.
	closing <- w.server
	if err := w.server.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.open()
	var devices []struct {
		Name    string `json:"name"`
		Expired bool   `json:"pushEndpointExpired"`
	}
	if err := json.Unmarshal(a.do("GET", "/auth/v1/account/devices", nil), &devices); err != nil {
		t.Fatal(err)
	}
	if len(devices) != 2 || !devices[0].Expired || devices[1].Expired {
		t.Errorf("the devices: %+v", devices)
	}
	if len(got) != 0 {
		t.Errorf("%d more messages", len(got))
	}
}
