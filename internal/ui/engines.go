package ui

import (
	"context"
	"strings"

	"github.com/syncmanager/syncmanager/api"
)

// enginesPage is the choice of what to sync.
type enginesPage struct {
	Engines []api.EngineStatus
	// Waiting are those that wait for the user's word, by name.
	Waiting map[string]api.EngineResult
}

func showEngines(ctx context.Context, q *request) (view, error) {
	list, err := call[api.EngineList](ctx, q, "engines.list", nil)
	if err != nil {
		return view{}, err
	}
	page := enginesPage{Engines: inOrder(list.Engines, func(e api.EngineStatus) string { return e.Name }), Waiting: map[string]api.EngineResult{}}
	// A timeline that cannot be read is said on the first page.
	results, _ := call[api.Results](ctx, q, "sync.results", api.Limit{Limit: shownSyncs})
	for _, e := range pending(results.Results) {
		page.Waiting[e.Engine] = e
	}
	return view{Title: "What to sync", Data: page}, nil
}

// showEngineOff asks before an engine is switched off, for all devices.
func showEngineOff(ctx context.Context, q *request) (view, error) {
	name := q.bounded("engine", 64)
	list, err := call[api.EngineList](ctx, q, "engines.list", nil)
	if err != nil {
		return view{}, err
	}
	for _, e := range list.Engines {
		if e.Name == name {
			return view{Title: "Stop syncing " + strings.ToLower(engineName(name)) + "?", Under: "engines", Data: e}, nil
		}
	}
	return view{}, &api.Error{Code: api.CodeNotFound, Message: "there is no such engine"}
}

func actEngineOn(ctx context.Context, q *request) (string, error) {
	return switchEngine(ctx, q, "engines.enable", " sync again, on all devices, from the next sync on.")
}

func actEngineOff(ctx context.Context, q *request) (string, error) {
	return switchEngine(ctx, q, "engines.disable", " stop syncing with the next sync, on all devices. What each device has stays there.")
}

func switchEngine(ctx context.Context, q *request, verb, said string) (string, error) {
	name := q.form.Get("engine")
	err := act(ctx, q, verb, api.Engines{Engines: []string{name}})
	if err == nil {
		q.of.say(notice{Text: engineName(name) + said})
	}
	return "engines", err
}
