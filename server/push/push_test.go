package push_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/internal/ece"
	"github.com/syncmanager/syncmanager/server/push"
)

var now = time.Unix(1_795_372_558, 0)

// device is a browser with a subscription.
type device struct{ *ece.Keys }

func newDevice(t *testing.T) device {
	t.Helper()
	keys, err := ece.GenerateKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return device{keys}
}

func (d device) at(endpoint string) push.Subscription {
	return push.Subscription{
		Endpoint:  endpoint,
		PublicKey: base64.RawURLEncoding.EncodeToString(d.Public()),
		AuthKey:   base64.RawURLEncoding.EncodeToString(d.Auth()),
	}
}

func config(transport http.RoundTripper, log io.Writer) push.Config {
	return push.Config{
		Secret: []byte("the secret of a server, 32 bytes"), Subject: "https://sync.example.org", Hosts: []string{"example.com"},
		Transport: transport, Now: func() time.Time { return now }, Rand: rand.Reader,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}
}

func start(t *testing.T, cfg push.Config) *push.Sender {
	t.Helper()
	s, err := push.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// received is a request to the push service, read.
type received struct {
	*http.Request
	body []byte
}

// pushService is one of example.com, over TLS. Its client leads that name to it.
func pushService(t *testing.T, code int) (http.RoundTripper, <-chan received) {
	t.Helper()
	got := make(chan received, 10)
	service := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- received{r, body}
		w.Header().Set("Location", "https://example.com/elsewhere")
		w.WriteHeader(code)
	}))
	t.Cleanup(service.Close)
	return service.Client().Transport, got
}

const endpoint = "https://example.com/wpush/v2/secret-of-the-device"

func TestSend(t *testing.T) {
	t.Parallel()
	transport, got := pushService(t, http.StatusCreated)
	s, d := start(t, config(transport, io.Discard)), newDevice(t)
	payload := []byte(`{"version":1}`)
	if err := s.Send(t.Context(), push.Message{To: d.at(endpoint), Payload: payload, TTL: 90 * time.Second}); err != nil {
		t.Fatal(err)
	}
	r := <-got
	if r.Method != "POST" || r.URL.Path != "/wpush/v2/secret-of-the-device" || r.Header.Get("TTL") != "90" || r.Header.Get("Content-Encoding") != "aes128gcm" {
		t.Errorf("the request: %s %s %v", r.Method, r.URL, r.Header)
	}
	if clear, err := d.Open(r.body); err != nil || !bytes.Equal(clear, payload) {
		t.Errorf("the device reads %q, %v", clear, err)
	}
	if _, err := newDevice(t).Open(r.body); err == nil {
		t.Error("another device reads the message")
	}
	key := checkVAPID(t, r.Header.Get("Authorization"))
	again := start(t, config(transport, io.Discard))
	if err := again.Send(t.Context(), push.Message{To: d.at(endpoint)}); err != nil {
		t.Fatal(err)
	}
	if !key.Equal(checkVAPID(t, (<-got).Header.Get("Authorization"))) {
		t.Error("the server's key is another one after a restart")
	}
}

// checkVAPID checks a signature as a push service does (RFC 8292), and returns
// the key.
func checkVAPID(t *testing.T, header string) *ecdsa.PublicKey {
	t.Helper()
	token, k, ok := strings.Cut(strings.TrimPrefix(header, "vapid t="), ", k=")
	point, err := base64.RawURLEncoding.DecodeString(k)
	if err != nil || !ok {
		t.Fatalf("Authorization: %s", header)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := parsed.Claims(key, &claims); err != nil {
		t.Fatal(err)
	}
	expires, _ := claims["exp"].(float64)
	if life := time.Unix(int64(expires), 0).Sub(now); life <= 0 || life > 24*time.Hour {
		t.Errorf("the signature is good for %v", life)
	}
	if claims["aud"] != "https://example.com" || claims["sub"] != "https://sync.example.org" {
		t.Errorf("it says %v", claims)
	}
	return key
}

// What a push service answers: that a subscription is over, or anything else.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for code, expired := range map[int]bool{201: false, 307: false, 404: true, 410: true, 413: false, 429: false, 500: false} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			var log bytes.Buffer
			transport, got := pushService(t, code)
			cfg, told := config(transport, &log), false
			m := push.Message{Account: "a", Device: "d", To: newDevice(t).at(endpoint)}
			cfg.Expired = func(_ context.Context, over push.Message) {
				told = over.Account == "a" && over.Device == "d" && over.To == m.To
			}
			s := start(t, cfg)
			if err := s.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			s.Close(t.Context())
			if told != expired || len(got) != 1 {
				t.Errorf("expired: %v, want %v; %d requests", told, expired, len(got))
			}
			if logged := log.Len() > 0; logged != (code > 201 && !expired) {
				t.Errorf("the log: %q", &log)
			}
			if strings.Contains(log.String(), "secret") {
				t.Errorf("the endpoint is in the log: %s", &log)
			}
			if err := s.Send(t.Context(), m); !errors.Is(err, push.ErrClosed) {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}

func TestBadMessages(t *testing.T) {
	t.Parallel()
	s, d := start(t, config(nowhere{t}, io.Discard)), newDevice(t)
	to := d.at(endpoint)
	for name, m := range map[string]push.Message{
		"no keys":  {To: push.Subscription{Endpoint: endpoint}},
		"no point": {To: push.Subscription{Endpoint: endpoint, PublicKey: to.AuthKey, AuthKey: to.AuthKey}},
		"no auth":  {To: push.Subscription{Endpoint: endpoint, PublicKey: to.PublicKey, AuthKey: "%"}},
	} {
		if err := s.Send(t.Context(), m); !errors.Is(err, push.ErrKeys) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Send(t.Context(), push.Message{To: to, Payload: make([]byte, push.MaxPayload+1)}); !errors.Is(err, push.ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
}

// The longest payload makes a body of 4096 bytes, which all services take.
func TestLongestPayload(t *testing.T) {
	t.Parallel()
	transport, got := pushService(t, http.StatusCreated)
	s := start(t, config(transport, io.Discard))
	if err := s.Send(t.Context(), push.Message{To: newDevice(t).at(endpoint), Payload: make([]byte, push.MaxPayload)}); err != nil {
		t.Fatal(err)
	}
	if n := len((<-got).body); n != 4096 {
		t.Errorf("a body of %d bytes", n)
	}
}

// silent is a push service that never answers. It counts the requests.
type silent struct{ n atomic.Int64 }

func (s *silent) RoundTrip(r *http.Request) (*http.Response, error) {
	s.n.Add(1)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// A push service that does not answer delays neither Send nor Close.
func TestSilentService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := &silent{}
		cfg := config(service, io.Discard)
		cfg.Now = time.Now
		s, to := start(t, cfg), newDevice(t).at(endpoint)
		taken := 0
		for ; taken < 10_000; taken++ {
			if err := s.Send(t.Context(), push.Message{Account: fmt.Sprint(taken), To: to}); err != nil {
				if !errors.Is(err, push.ErrBusy) {
					t.Fatal(err)
				}
				break
			}
			synctest.Wait() // each worker takes what it can
		}
		if taken != 1024 {
			t.Errorf("%d messages were taken", taken)
		}
		time.Sleep(2 * time.Minute) // they are of no use by then
		if n := service.n.Load(); n < 4*5 {
			t.Errorf("%d requests in two minutes: some wait for ever", n)
		}
		if err := s.Send(t.Context(), push.Message{To: to}); err != nil {
			t.Errorf("when there is room again: %v", err)
		}
		before := time.Now()
		s.Close(t.Context())
		if took := time.Since(before); took > 15*time.Second {
			t.Errorf("it closed after %v", took)
		}
	})
}
