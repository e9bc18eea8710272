package ui

import (
	"context"

	"github.com/syncmanager/syncmanager/api"
)

// conflictsPage is what waits for the user's word, and what was decided.
type conflictsPage struct {
	Waiting []problem
}

func showConflicts(ctx context.Context, q *request) (view, error) {
	results, err := call[api.Results](ctx, q, "sync.results", api.Limit{Limit: api.MaxResults})
	if err != nil {
		return view{}, err
	}
	return view{Title: "Conflicts", Data: conflictsPage{Waiting: waiting(results.Results)}}, nil
}
