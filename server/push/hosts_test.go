package push_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/syncmanager/syncmanager/server/push"
)

// nowhere is a transport that must not be used.
type nowhere struct{ t *testing.T }

func (n nowhere) RoundTrip(r *http.Request) (*http.Response, error) {
	n.t.Errorf("a request to %s", r.URL)
	return nil, errors.New("nowhere")
}

// The server sends only to endpoints of listed push services.
func TestHosts(t *testing.T) {
	t.Parallel()
	s, d := start(t, config(nowhere{t}, io.Discard)), newDevice(t)
	for _, endpoint := range []string{
		"", "example.com", "//example.com/", "http://example.com/", "ftp://example.com/", "https:example.com", "https://",
		"https://example.org/", "https://notexample.com/", "https://example.com.evil.org/", "https://evil.org/example.com",
		"https://evil.org#.example.com", "https://evil.org?.example.com", `https://evil.org\.example.com/`, "https://example.com@evil.org/",
		"https://user@example.com/", "https://:pw@example.com/", "https://example.com:8443/", "https://example.com:80/", "https://example.com:/",
		"https://example.com./", "https://.example.com/", "https://a..example.com/", "https://a%2eexample.com/", "https://ex\u00e4mple.com/", "https://a b.example.com/",
		"https://127.0.0.1/", "https://[::1]/", "https://[::1]:443/", "https://2130706433/", "https://0x7f.1/", "https://169.254.169.254/latest/meta-data/",
		"https://localhost/", "https://com/",
	} {
		if err := s.Send(t.Context(), push.Message{To: d.at(endpoint)}); !errors.Is(err, push.ErrHost) {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func TestHostsOfTheList(t *testing.T) {
	t.Parallel()
	transport, got := pushService(t, http.StatusCreated)
	s, d := start(t, config(transport, io.Discard)), newDevice(t)
	for _, endpoint := range []string{"https://example.com/x", "https://EXAMPLE.com:443/x", "https://a.example.com/x"} {
		if err := s.Send(t.Context(), push.Message{To: d.at(endpoint)}); err != nil {
			t.Errorf("%s: %v", endpoint, err)
			continue
		}
		if r := <-got; r.URL.Path != "/x" {
			t.Errorf("%s: %s", endpoint, r.URL)
		}
	}
}

func TestListOfHosts(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "com", "*", "*.example.com", "https://example.com", "example.com:443", "example.com/x", ".example.com", "192.0.2.1", "::1"} {
		cfg := config(nowhere{t}, io.Discard)
		cfg.Hosts = []string{bad}
		if _, err := push.New(cfg); err == nil {
			t.Errorf("%q is taken for a host", bad)
		}
	}
	cfg := config(nowhere{t}, io.Discard)
	cfg.Hosts = push.DefaultHosts()
	start(t, cfg)
}

// A listed name may resolve to an internal address.
func TestNamesThatLeadInside(t *testing.T) {
	t.Parallel()
	transport := push.NewTransport()
	defer transport.CloseIdleConnections()
	// Every machine has this name of its own.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := transport.RoundTrip(r)
	if err == nil {
		_ = res.Body.Close()
	}
	if !errors.Is(err, push.ErrAddress) {
		t.Errorf("a connection to this machine: %v", err)
	}
}
