package main

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	wire "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// traces is a collector, which decodes what it is sent by the published definitions.
type traces struct {
	t *testing.T
	*httptest.Server
	mu      sync.Mutex
	service map[string]string
	spans   []*wire.Span
}

func newTraces(t *testing.T) *traces {
	c := &traces{t: t, service: make(map[string]string)}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *traces) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	b, err := io.ReadAll(body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(b, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.t.Errorf("%s of %s: %v", r.URL.Path, r.Header.Get("Content-Type"), err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, from := range request.ResourceSpans {
		for _, a := range from.Resource.Attributes {
			c.service[a.Key] = a.Value.GetStringValue()
		}
		for _, scope := range from.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	out, _ := proto.Marshal(&collector.ExportTraceServiceResponse{})
	_, _ = w.Write(out)
}

// named returns the spans with a name.
func (c *traces) named(name string) (found []*wire.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

// A request's span and those of its statements arrive at the collector when the server ends, at the latest.
func TestServeSendsTraces(t *testing.T) {
	t.Parallel()
	c := newTraces(t)
	listen, stop := serving(t, "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--trusted-proxy", "127.0.0.1", "--otlp-endpoint", c.URL)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listen+"/auth/v1/account/status?uid="+strings.Repeat("ab", 16), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	stop()
	requests := c.named("GET /auth/v1/account/status")
	if len(requests) != 1 || c.service["service.name"] != "syncmanager" || c.service["service.version"] == "" {
		t.Fatalf("%d spans of the request, from %v", len(requests), c.service)
	}
	s := requests[0]
	if hex.EncodeToString(s.TraceId) != "4bf92f3577b34da6a3ce929d0e0e4736" || hex.EncodeToString(s.ParentSpanId) != "00f067aa0ba902b7" ||
		s.Kind != wire.Span_SPAN_KIND_SERVER || s.EndTimeUnixNano < s.StartTimeUnixNano {
		t.Errorf("the span is %v", s)
	}
	below := 0
	for _, other := range c.spans {
		if string(other.ParentSpanId) == string(s.SpanId) && strings.HasPrefix(other.Name, "sql") {
			below++
		}
		if strings.Contains(other.String(), strings.Repeat("ab", 16)) {
			t.Errorf("a span names an account: %v", other)
		}
	}
	if below == 0 {
		t.Error("the request has no statements")
	}
}

// A collector that takes a request and never answers delays no client, and not the end of the server.
func TestServeWithACollectorThatHangs(t *testing.T) {
	t.Parallel()
	asked, held := make(chan struct{}, 100), make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-held
	}))
	t.Cleanup(func() {
		close(held)
		hanging.Close()
	})
	listen, stop := serving(t, "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--otlp-endpoint", hanging.URL)
	// More than fit into the queue and what is sent at once.
	for range 3000 {
		answer, err := http.Get("http://" + listen + "/__lbheartbeat__")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatal(answer.Status)
		}
	}
	<-asked
	stop()
}

func TestServeRefusesACollector(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flag, variable, value, want string
	}{
		{"collector:4318", "", "", "--otlp-endpoint must be a URL"},
		{"http://ann:secret-word@collector:4318", "", "", "without a password"},
		{"", "OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense", "$OTEL_EXPORTER_OTLP_ENDPOINT must be a URL"},
		{"http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "must be http/protobuf"},
		{"http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS", "authorization secret-word", "name=value"},
		{"http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS", "a=secret-word%0d%0ab", "name=value"},
	} {
		args := []string{"serve", "--addr", "127.0.0.1:0", "--data", t.TempDir()}
		if c.flag != "" {
			args = append(args, "--otlp-endpoint", c.flag)
		}
		var stdout, stderr strings.Builder
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, func(name string) string {
			if name == c.variable {
				return c.value
			}
			return ""
		})
		if code != exitUsage || !strings.Contains(stderr.String(), c.want) || strings.Contains(stderr.String(), "secret-word") {
			t.Errorf("%s %s=%s: %d: %s", c.flag, c.variable, c.value, code, &stderr)
		}
	}
}
