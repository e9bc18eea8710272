package syncmanager

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
)

// maxStuckListed is how many stuck records of each kind Engines names.
const maxStuckListed = 100

// Stuck lists the records of an engine that do not sync until they are changed; see
// [engine.Troubled].
type Stuck engine.Troubles

// MarshalJSON writes the counts, and the records with their reasons.
func (s Stuck) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Unsent        int       `json:"unsent"`
		Unread        int       `json:"unread"`
		Held          int       `json:"held"`
		UnsentRecords []problem `json:"unsentRecords"`
		UnreadRecords []problem `json:"unreadRecords"`
		HeldRecords   []problem `json:"heldRecords"`
	}{s.Unsent, s.Unread, s.Held, problems(s.UnsentRecords), problems(s.UnreadRecords), problems(s.HeldRecords)})
}

// problem is an engine.Problem as JSON.
type problem struct {
	ID     engine.ID `json:"id"`
	Reason string    `json:"reason"`
}

func problems(list []engine.Problem) []problem {
	out := make([]problem, len(list))
	for i, p := range list {
		out[i] = problem{p.ID, p.Err.Error()}
	}
	return out
}

// stuck asks an engine what is stuck, and names max of each kind.
func stuck(ctx context.Context, e engine.Engine, max int) (*Stuck, error) {
	t, ok := e.(engine.Troubled)
	if !ok {
		return nil, nil
	}
	found, err := t.Troubles(ctx, max)
	if err != nil {
		return nil, fmt.Errorf("count what is stuck in %s: %w", e.Collection(), err)
	}
	if found.Unsent+found.Unread+found.Held == 0 {
		return nil, nil
	}
	return (*Stuck)(&found), nil
}
