// Package otlp sends spans to a collector of OpenTelemetry, as protobuf over HTTP. The collector may be
// away or slow: spans wait in a bounded queue, and what does not fit is dropped.
//
// OpenTelemetry's own exporter needs gRPC's packages, which make the program a sixth larger.
package otlp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
)

const (
	// queue is how many spans may wait.
	queue = 2048
	// sendTimeout is how long sending some may take.
	sendTimeout = 10 * time.Second
	// maxAnswer is how much of an answer is read, in bytes.
	maxAnswer = 64 << 10
)

// Config says where spans go.
type Config struct {
	// Endpoint is the URL that they are posted to, usually ending in /v1/traces.
	Endpoint string
	// Headers are sent along, such as a password.
	Headers http.Header
	// Service and Version name the program, unless $OTEL_SERVICE_NAME does.
	Service, Version string
	Transport        http.RoundTripper
	// Log is told when sending begins to fail, and when it works again.
	Log *slog.Logger
}

// Settings returns where spans go, by the value of --otlp-endpoint and the variables that OpenTelemetry
// defines; ok is false for nowhere.
func Settings(flag string, getenv func(string) string) (c Config, ok bool, err error) {
	const base, traces = "OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"
	name := "--otlp-endpoint"
	switch {
	case flag != "":
		c.Endpoint = below(flag)
	case getenv("OTEL_SDK_DISABLED") == "true" || getenv("OTEL_TRACES_EXPORTER") == "none":
		return c, false, nil
	case getenv(traces+"ENDPOINT") != "":
		name, c.Endpoint = "$"+traces+"ENDPOINT", getenv(traces+"ENDPOINT")
	case getenv(base+"ENDPOINT") != "":
		name, c.Endpoint = "$"+base+"ENDPOINT", below(getenv(base+"ENDPOINT"))
	default:
		return c, false, nil
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return c, false, usage.Errorf("%s must be a URL like http://collector:4318, without a password", name)
	}
	for _, variable := range []string{traces + "PROTOCOL", base + "PROTOCOL"} {
		if protocol := getenv(variable); protocol != "" && protocol != "http/protobuf" {
			return c, false, usage.Errorf("$%s must be http/protobuf, not %q: use the collector's port for HTTP, usually 4318", variable, protocol)
		}
	}
	headers := getenv(traces + "HEADERS")
	if headers == "" {
		headers = getenv(base + "HEADERS")
	}
	c.Headers, err = parseHeaders(headers)
	return c, err == nil, err
}

// below returns the URL for spans below a collector's URL.
func below(endpoint string) string { return strings.TrimRight(endpoint, "/") + "/v1/traces" }

// parseHeaders reads headers like "name=value,other=value". An error does not contain a value.
func parseHeaders(text string) (http.Header, error) {
	all := make(http.Header)
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !found || name == "" || err != nil || strings.ContainsAny(name+value, "\r\n") {
			return nil, usage.Errorf("$OTEL_EXPORTER_OTLP_HEADERS must be like name=value,other=value, with the values percent-encoded")
		}
		all.Add(name, value)
	}
	return all, nil
}

// New returns a provider whose spans are sent. Shutdown sends what waits.
func New(ctx context.Context, c Config) (*sdktrace.TracerProvider, error) {
	r, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", c.Service), attribute.String("service.version", c.Version),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("cannot read $OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	e := &exporter{cfg: c, http: &http.Client{
		Transport: c.Transport, Timeout: sendTimeout,
		// The headers are for the collector alone.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	return sdktrace.NewTracerProvider(sdktrace.WithResource(r), sdktrace.WithBatcher(e,
		sdktrace.WithMaxQueueSize(queue), sdktrace.WithExportTimeout(sendTimeout))), nil
}

// exporter implements [sdktrace.SpanExporter].
type exporter struct {
	cfg  Config
	http *http.Client

	mu      sync.Mutex
	failing bool
	lost    int
}

// ExportSpans implements [sdktrace.SpanExporter]. Spans that cannot be sent are lost; the log says so.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.send(ctx, spans)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err != nil && !e.failing:
		e.failing = true
		e.cfg.Log.WarnContext(ctx, "traces cannot be sent to the collector, and are lost", "err", err)
	case err == nil && e.failing:
		e.cfg.Log.WarnContext(ctx, "traces are sent again", "lost", e.lost)
		e.failing, e.lost = false, 0
	}
	if err != nil {
		e.lost += len(spans)
	}
	return nil
}

func (e *exporter) send(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	body, err := proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: group(spans)})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.cfg.Endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, values := range e.cfg.Headers {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := e.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // so that the connection is used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answered %s", answer.Status)
	}
	return nil
}

// Shutdown implements [sdktrace.SpanExporter].
func (e *exporter) Shutdown(context.Context) error {
	e.http.CloseIdleConnections()
	return nil
}
