package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/syncmanager/syncmanager/server"
)

// traced is a server with the spans that it made.
func traced(t *testing.T, settings func(*server.Config)) (*env, func() []string, *tracetest.InMemoryExporter) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	w := newEnv(t, func(c *server.Config) {
		c.Traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
		if settings != nil {
			settings(c)
		}
	})
	names := func() (all []string) {
		for _, s := range spans.GetSpans() {
			all = append(all, s.Name)
		}
		return all
	}
	return w, names, spans
}

func TestTraces(t *testing.T) {
	t.Parallel()
	w, names, spans := traced(t, nil)
	d := w.device(true)
	for _, want := range []string{"POST /auth/v1/account/create", "sqlAddAccount", "GET /1.0/{application}/{version}"} {
		if !slices.Contains(names(), want) {
			t.Errorf("no span is called %s: %q", want, names())
		}
	}
	d.must("PUT", "/storage/custom-kind/other-id", `{"payload":"sealed"}`) // the first of a collection has another statement
	spans.Reset()
	d.must("PUT", "/storage/custom-kind/secret-id", `{"payload":"sealed"}`)
	all := spans.GetSpans()
	request := all[len(all)-1]
	if request.Name != "PUT /storage/1.5/{uid}/storage/{collection}/{id}" || request.Parent.IsValid() {
		t.Errorf("the request is called %q, below %v", request.Name, request.Parent.SpanID())
	}
	put := all[slices.Index(names(), "sqlPut")]
	if put.Parent.SpanID() != request.SpanContext.SpanID() || put.SpanContext.TraceID() != request.SpanContext.TraceID() {
		t.Error("a statement is not below its request")
	}
	d.do("GET", "/storage/custom-kind?ids=secret-id", "")
	d.do("GET", "/info/collections", "")
	d.do("GET", "/nonsense/custom-kind", "")
	d.do("GET", "/storage/custom-kind/secret-id/custom-kind", "")
	d.do("BREW", "/storage/custom-kind", "")
	var b strings.Builder
	for _, s := range spans.GetSpans() {
		b.WriteString(s.Name + s.Status.Description)
		for _, a := range s.Attributes {
			b.WriteString(" " + string(a.Key) + "=" + a.Value.String() + "\n")
		}
	}
	for _, secret := range []string{"custom-kind", "secret-id", "sealed", "nonsense", "BREW", d.account.Session().UID, d.token.ID, "alice"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("the spans tell %s:\n%s", secret, &b)
		}
	}
	if !strings.Contains(b.String(), "http.route=/storage/1.5/{uid}/info/{what}") || !strings.Contains(b.String(), "http.response.status_code=200") {
		t.Errorf("the spans are\n%s", &b)
	}
}

// Only a trusted proxy says in which trace a request is.
func TestTracesContinueThoseOfAProxy(t *testing.T) {
	t.Parallel()
	w, _, spans := traced(t, func(c *server.Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	ask := func(from, parent string) string {
		spans.Reset()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, root+"/__lbheartbeat__", nil)
		r.RemoteAddr = from
		r.Header.Set("Traceparent", parent)
		w.server.Handler().ServeHTTP(httptest.NewRecorder(), r)
		all := spans.GetSpans()
		if len(all) == 0 {
			return ""
		}
		return all[len(all)-1].SpanContext.TraceID().String()
	}
	if got := ask("10.0.0.1:7", "00-"+trace+"-00f067aa0ba902b7-01"); got != trace {
		t.Errorf("behind a proxy the trace is %s", got)
	}
	if got := ask("10.0.0.1:7", "00-"+trace+"-00f067aa0ba902b7-00"); got != "" {
		t.Error("a request that the proxy does not record is recorded")
	}
	valid := regexp.MustCompile("^[0-9a-f]{32}$")
	if got := ask("192.0.2.1:7", "00-"+trace+"-00f067aa0ba902b7-01"); got == trace || !valid.MatchString(got) {
		t.Errorf("a stranger's trace is %s", got)
	}
	for _, bad := range []string{"", "00-zz-00f067aa0ba902b7-01", strings.Repeat("0", 5000)} {
		if got := ask("10.0.0.1:7", bad); got == trace || !valid.MatchString(got) {
			t.Errorf("with %.20q the trace is %s", bad, got)
		}
	}
}
