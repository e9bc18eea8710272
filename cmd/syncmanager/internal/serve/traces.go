package serve

import (
	"context"
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/otlp"
	"github.com/syncmanager/syncmanager/server"
)

// lastSpans is how long a server that stopped waits for the collector to take the last spans.
const lastSpans = 2 * time.Second

// trace makes the server send traces, if a collector is named. stop sends those that wait.
func (o *Options) trace(ctx context.Context, cfg *server.Config, env Env) (stop func(), err error) {
	c, ok, err := otlp.Settings(o.otlp, env.Getenv)
	if err != nil || !ok {
		return func() {}, err
	}
	c.Service, c.Version, c.Log = "syncmanager", env.Version, cfg.Log
	c.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: lastSpans, MaxIdleConnsPerHost: 1}
	provider, err := otlp.New(ctx, c)
	if err != nil {
		return nil, err
	}
	cfg.Traces = provider
	return func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSpans)
		defer cancel()
		_ = provider.Shutdown(ending) // what was not sent is lost, as the log says
	}, nil
}
