package server

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/syncmanager/syncmanager/server/token"
)

// nodeFigures are the users and the states of the storage nodes, by the nodes' URLs, which the operator chose. The states are
// those of the last check. A server without nodes has none of these.
type nodeFigures struct {
	nodes        func(context.Context) ([]token.Node, error)
	users, state *prometheus.Desc
}

func newNodeFigures(nodes func(context.Context) ([]token.Node, error)) *nodeFigures {
	name := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(metricsNamespace+"_"+name, help, labels, nil)
	}
	return &nodeFigures{
		nodes: nodes,
		users: name("node_users", "Users of a storage node.", "node"),
		state: name("node_state", "1 for the state that a storage node is in: up, draining, or down, which is not answering.", "node", "state"),
	}
}

// Describe implements [prometheus.Collector].
func (n *nodeFigures) Describe(to chan<- *prometheus.Desc) {
	to <- n.users
	to <- n.state
}

// Collect implements [prometheus.Collector].
func (n *nodeFigures) Collect(to chan<- prometheus.Metric) {
	all, err := n.nodes(context.Background())
	if err != nil {
		to <- prometheus.NewInvalidMetric(n.users, err)
		return
	}
	for _, one := range all {
		url, is := nodeName(one.URL), nodeState(one)
		to <- prometheus.MustNewConstMetric(n.users, prometheus.GaugeValue, float64(one.Users), url)
		for _, state := range []string{NodeUp, NodeDraining, NodeDown} {
			value := 0.0
			if state == is {
				value = 1
			}
			to <- prometheus.MustNewConstMetric(n.state, prometheus.GaugeValue, value, url, state)
		}
	}
}
