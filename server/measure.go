package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// SetCertificate adds the metric of the certificate's expiry. expires returns the time at
// which the server's certificate expires; the zero time means that it is unknown.
func (s *Server) SetCertificate(expires func() time.Time) {
	s.certificate.Store(&expires)
	s.metrics.registry.MustRegister(&figures{
		descs: []*prometheus.Desc{describe("certificate_expiry_timestamp_seconds", "When the certificate expires, in seconds since 1970.")},
		read: func(context.Context) []float64 {
			if at := expires(); !at.IsZero() {
				return []float64{float64(at.Unix())}
			}
			return nil
		},
	})
}

// measure adds the metrics that are read from the server at each scrape.
func (m *metrics) measure(s *Server) {
	m.registry.MustRegister(&figures{
		descs: []*prometheus.Desc{
			describe("disk_free_bytes", "Free bytes of the disk that the data is on."),
			describe("disk_size_bytes", "The size of that disk."),
		},
		read: func(context.Context) []float64 {
			left, size, err := s.cfg.Disk(s.cfg.Dir)
			if err != nil || size == 0 {
				return nil
			}
			return []float64{float64(left), float64(size)}
		},
	}, &figures{
		descs: []*prometheus.Desc{describe("healthy", "1 if /__heartbeat__ says that sign-ins and writes work, else 0.")},
		read: func(ctx context.Context) []float64 {
			if h, _ := s.Health(ctx); h.OK {
				return []float64{1}
			}
			return []float64{0}
		},
	})
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: metricsNamespace, Name: "storage_steps_in_progress", Help: "Reads and writes of the storage that run or wait for their turn.",
	}, func() float64 { return float64(s.storage.Steps().InProgress) }), prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "storage_steps_refused_total", Help: "Requests refused because the storage had too much to do.",
	}, func() float64 { return float64(s.storage.Steps().Refused) }))
	if s.cfg.Node == nil {
		m.registry.MustRegister(newNodeFigures(s.tokens.Nodes), m.drained)
	}
	for name, queue := range map[string]func() int{"mail": s.mail.Waiting, "push": s.push.Waiting} {
		if name == "mail" && s.mail == nil || name == "push" && s.push == nil {
			continue
		}
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: metricsNamespace, Name: name + "_queue_length", Help: "Messages that wait to be sent.",
		}, func() float64 { return float64(queue()) }))
	}
}

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(metricsNamespace+"_"+name, help, nil, nil)
}

// figures are gauges that are read together. An unknown figure is left out.
type figures struct {
	descs []*prometheus.Desc
	read  func(context.Context) []float64
}

// Describe implements [prometheus.Collector].
func (f *figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range f.descs {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (f *figures) Collect(to chan<- prometheus.Metric) {
	for i, v := range f.read(context.Background()) {
		to <- prometheus.MustNewConstMetric(f.descs[i], prometheus.GaugeValue, v)
	}
}

// watch returns a logger that counts the database and disk errors that pass through it.
func (m *metrics) watch(log *slog.Logger) *slog.Logger {
	return slog.New(&faultCounter{log.Handler(), m})
}

// faultCounter counts the errors in the attributes of log records.
type faultCounter struct {
	slog.Handler
	m *metrics
}

// Handle implements [slog.Handler].
func (c *faultCounter) Handle(ctx context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			if reason := reasonOf(err); reason != "failed" {
				c.m.faults.WithLabelValues(reason).Inc()
			}
		}
		return true
	})
	return c.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (c *faultCounter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &faultCounter{c.Handler.WithAttrs(attrs), c.m}
}

// WithGroup implements [slog.Handler].
func (c *faultCounter) WithGroup(name string) slog.Handler {
	return &faultCounter{c.Handler.WithGroup(name), c.m}
}
