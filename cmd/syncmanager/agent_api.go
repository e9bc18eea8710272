package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/api/door"
	"github.com/syncmanager/syncmanager/internal/browsers"
	"github.com/syncmanager/syncmanager/internal/home"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// agentAPI returns the API on the agent's profile, as served on a socket that only the user
// can open, and what reports events until its context ends, of each manager that the profile
// has.
func (a *app) agentAPI(h home.Home, log *slog.Logger) (d door.Config, watch func(context.Context), err error) {
	clients, err := a.clients()
	if err != nil {
		return d, nil, err
	}
	p := h.Profile
	s, err := api.New(api.Config{Home: h, Timeline: home.NewTimeline(p, log), Events: h.Events, Now: a.now, Rand: rand.Reader})
	if err != nil {
		return d, nil, err
	}
	watch = func(ctx context.Context) {
		for ctx.Err() == nil {
			_, changed := p.WatchAccount()
			if !p.SignedOut() { // whoever wiped the data wants no new files either
				err := s.Watch(ctx)
				log.Debug("the manager ended, and the API's events with it", "err", err)
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
	return door.Config{Service: s, Clients: clients, Local: &api.NoSecrets, Now: a.now, Log: log}, watch, nil
}

// onSocket serves an API and what the native hosts of browsers ask, which only the user's own
// programs reach.
func (a *app) onSocket(p *profile.Profile, d door.Config) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/browser/", browsers.New(browsers.Config{Profile: p, Now: a.now, Log: a.log()}))
	mux.Handle("/", door.New(d))
	return mux
}
