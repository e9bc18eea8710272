package server

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/syncmanager/syncmanager/server/security"
)

// metrics holds what a monitoring system reads. Labels never contain a user, a collection or
// a path: a client must not be able to create new series.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	sent     *prometheus.CounterVec
	inFlight prometheus.Gauge
	events   *prometheus.CounterVec
	refused  prometheus.Counter
	faults   *prometheus.CounterVec
	damaged  prometheus.Gauge
	drained  prometheus.Gauge
}

const metricsNamespace = "syncmanager"

func newMetrics(version string, users func(context.Context) (int, error)) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: metricsNamespace, Name: "http_requests_total", Help: "Answered requests.",
		}, []string{"service", "method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: metricsNamespace, Name: "http_request_duration_seconds", Help: "Time from a request's header to the end of its response.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"service"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: metricsNamespace, Name: "http_response_bytes_total", Help: "Bytes of response bodies.",
		}, []string{"service"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: metricsNamespace, Name: "http_requests_in_flight", Help: "Requests in progress.",
		}),
	}
	m.events = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "security_events_total", Help: "Events of the security log: failed sign-ins, refused tokens and the like.",
	}, []string{"event", "reason"})
	m.refused = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "connections_refused_total", Help: "Connections closed because too many were open.",
	})
	m.faults = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "database_errors_total", Help: "Logged errors of databases and disks, by reason.",
	}, []string{"reason"})
	for _, reason := range []string{"disk_full", "damaged", "busy", "unreachable", "read_only"} {
		m.faults.WithLabelValues(reason) // export a zero before the first error
	}
	m.damaged = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: metricsNamespace, Name: "damaged_files", Help: "Users' files that the last sweep found damaged.",
	})
	m.drained = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: metricsNamespace, Name: "drain_step_timestamp_seconds", Help: "When this server last moved a user in a drain, in seconds since 1970; 0: not since its start.",
	})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: metricsNamespace, Name: "build_info", Help: "Always 1; the label has the program's version.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, m.sent, m.inFlight, m.events, m.refused, m.faults, m.damaged, build, &userCount{
		desc:  prometheus.NewDesc(metricsNamespace+"_users", "Users who have storage.", nil, nil),
		count: users,
	}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// secure counts an event of the security log.
func (m *metrics) secure(e security.Event, why security.Reason) {
	m.events.WithLabelValues(string(e), string(why)).Inc()
}

// journalWaits adds the histogram of the waits for the journal of the users' files, and returns what fills it.
func (m *metrics) journalWaits() func(time.Duration) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: metricsNamespace, Name: "journal_wait_seconds", Help: "Time that a write waited until the journal of the users' files had it on the disk.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	})
	m.registry.MustRegister(h)
	return func(took time.Duration) { h.Observe(took.Seconds()) }
}

// userCount counts the users in the database at each scrape.
type userCount struct {
	desc  *prometheus.Desc
	count func(context.Context) (int, error)
}

// Describe implements [prometheus.Collector].
func (u *userCount) Describe(to chan<- *prometheus.Desc) { to <- u.desc }

// Collect implements [prometheus.Collector].
func (u *userCount) Collect(to chan<- prometheus.Metric) {
	n, err := u.count(context.Background())
	if err != nil {
		to <- prometheus.NewInvalidMetric(u.desc, err)
		return
	}
	to <- prometheus.MustNewConstMetric(u.desc, prometheus.GaugeValue, float64(n))
}

// services maps the first element of a path to the service that answers it.
var services = map[string]string{
	"storage": "storage", "token": "token", "1.0": "token", "auth": "accounts", "oauth": "accounts", "profile": "accounts", ".well-known": "accounts",
	"v1": "pairing",
}

func serviceOf(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if name, ok := services[first]; ok {
		return name
	}
	return "other"
}

// methodNames are the methods with their own series.
var methodNames = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete}

func methodOf(method string) string {
	if slices.Contains(methodNames, method) {
		return method
	}
	return "other"
}

// observe counts an answered request.
func (m *metrics) observe(r *http.Request, path string, code int, bytes int64, took time.Duration) {
	service := serviceOf(path)
	m.requests.WithLabelValues(service, methodOf(r.Method), strconv.Itoa(code)).Inc()
	m.seconds.WithLabelValues(service).Observe(took.Seconds())
	m.sent.WithLabelValues(service).Add(float64(bytes))
}

// Metrics returns a handler that answers every request with the metrics in Prometheus' text
// format. It is not part of [Server.Handler]: the operator decides who may see it. A metric
// that cannot be read is left out.
func (s *Server) Metrics() http.Handler {
	return promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, ErrorHandling: promhttp.ContinueOnError})
}
