package home

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// Timeline keeps the results of the last syncs in the profile. It implements [api.Timeline].
type Timeline struct {
	profile *profile.Profile
	log     *slog.Logger

	mu sync.Mutex
}

var _ api.Timeline = (*Timeline)(nil)

// NewTimeline returns the timeline of a profile. There may be one at a time.
func NewTimeline(p *profile.Profile, log *slog.Logger) *Timeline {
	return &Timeline{profile: p, log: log}
}

// Add implements [api.Timeline]. A timeline that cannot be read is set aside.
func (t *Timeline) Add(r api.SyncResult) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list, err := t.read()
	if err != nil {
		t.log.Warn("the timeline of syncs begins again", "err", err)
		err = t.profile.SetTimelineAside()
	}
	var raw []byte
	if err == nil {
		raw, err = json.Marshal(api.AppendResult(list, r))
	}
	if err == nil {
		err = t.profile.WriteTimeline(raw)
	}
	if err != nil {
		t.log.Warn("the result of a sync is not in the timeline", "err", err)
	}
}

// List implements [api.Timeline].
func (t *Timeline) List(n int) ([]api.SyncResult, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list, err := t.read()
	return api.Newest(list, n), err
}

// read returns the list, the newest last.
func (t *Timeline) read() (list []api.SyncResult, err error) {
	raw, err := t.profile.ReadTimeline()
	if raw == nil || err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("the timeline of syncs is damaged: %w", err)
	}
	return list, nil
}
