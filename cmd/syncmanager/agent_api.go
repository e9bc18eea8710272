package main

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/api/door"
	"github.com/syncmanager/syncmanager/internal/home"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// agentAPI returns what serves the API on the agent's profile, on a socket that only the user
// can open, and what reports events until its context ends. events is told of the steps of
// syncs.
func (a *app) agentAPI(p *profile.Profile, events *api.Events) (serve http.Handler, watch func(context.Context), err error) {
	clients, err := a.clients()
	if err != nil {
		return nil, nil, err
	}
	s, err := api.New(api.Config{
		Home:   home.Home{Profile: p, ProgramVersion: buildInfo().Version, Events: events},
		Events: events, Now: a.now, Rand: rand.Reader,
	})
	if err != nil {
		return nil, nil, err
	}
	log := a.log()
	watch = func(ctx context.Context) {
		err := s.Watch(ctx)
		if ctx.Err() == nil {
			log.Error("the API has no events", "err", err)
		}
	}
	return door.New(door.Config{Service: s, Clients: clients, Local: &api.NoSecrets, Now: a.now, Log: log}), watch, nil
}
