package telemetry

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Connections is the state of a pool of connections to a database.
type Connections struct {
	// Used and Idle are open; Most may be.
	Used, Idle, Most int
	// Waits is how often a caller had to wait for a connection, and Waited how long all of them did.
	Waits  int64
	Waited time.Duration
}

// pool is where the figures of a pool come from.
type pool struct {
	name string
	read func() Connections
}

// Pool adds the pool of a part, whose state read returns. suffix tells apart the pools of one
// part; usually it is "".
func (p *Part) Pool(suffix string, read func() Connections) {
	if p == nil {
		return
	}
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.of.pools = append(p.of.pools, pool{p.name + suffix, read})
}

// NamedConnections is the state of a pool with its name.
type NamedConnections struct {
	Name string
	Connections
}

// Pools returns the states of all pools. A nil Observer has none.
func (o *Observer) Pools() (all []NamedConnections) {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.pools {
		all = append(all, NamedConnections{p.name, p.read()})
	}
	return all
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_database_"+name, help, append([]string{"pool"}, labels...), nil)
}

var (
	connections = describe("connections", "Open connections to a database, in use or idle.", "state")
	most        = describe("connections_max", "How many connections may be open.")
	waits       = describe("waits_total", "How often a request had to wait for a connection.")
	waited      = describe("wait_seconds_total", "How long requests waited for connections.")
)

// Describe implements [prometheus.Collector].
func (o *Observer) Describe(to chan<- *prometheus.Desc) {
	o.seconds.Describe(to)
	for _, d := range []*prometheus.Desc{connections, most, waits, waited} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (o *Observer) Collect(to chan<- prometheus.Metric) {
	o.seconds.Collect(to)
	o.mu.Lock()
	all := slices.Clone(o.pools)
	o.mu.Unlock()
	for _, p := range all {
		c := p.read()
		to <- prometheus.MustNewConstMetric(connections, prometheus.GaugeValue, float64(c.Used), p.name, "used")
		to <- prometheus.MustNewConstMetric(connections, prometheus.GaugeValue, float64(c.Idle), p.name, "idle")
		to <- prometheus.MustNewConstMetric(most, prometheus.GaugeValue, float64(c.Most), p.name)
		to <- prometheus.MustNewConstMetric(waits, prometheus.CounterValue, float64(c.Waits), p.name)
		to <- prometheus.MustNewConstMetric(waited, prometheus.CounterValue, c.Waited.Seconds(), p.name)
	}
}
