package syncmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/sync15"
)

// stateVersion is the version of the persisted state's form. A program that finds
// a newer one stops; an older one is brought up as it is loaded.
const stateVersion = 1

// stateContext binds the sealed state to its use.
var stateContext = []byte("syncmanager state")

// saved is what outlives the process.
type saved struct {
	Version int `json:"version"`
	// Sync is the protocol's state as of the end of the last sync. It is kept as
	// text because a Sync that runs owns the live one.
	Sync json.RawMessage `json:"sync,omitempty"`
	// Pending are choices of SetEnabled, Outbox commands of SendCommand, that no
	// sync has taken up yet.
	Pending map[string]bool   `json:"pending,omitempty"`
	Outbox  []sync15.Outbound `json:"outbox,omitempty"`
	// DeviceName is the name that RenameDevice gave, or ""; Renamed says that the
	// accounts server does not know it yet.
	DeviceName string                `json:"deviceName,omitempty"`
	Renamed    bool                  `json:"renamed,omitempty"`
	Declined   []string              `json:"declined,omitempty"`
	Engines    map[string]engineNote `json:"engines,omitempty"`
	LastSync   time.Time             `json:"lastSync,omitzero"`
	// Refused is why nothing is sent until SignIn; nil: the account lets this device in.
	Refused *refusal  `json:"refused,omitempty"`
	Backoff time.Time `json:"backoff,omitzero"`
}

// engineNote is what is remembered of an engine's last syncs.
type engineNote struct {
	LastSync  time.Time `json:"lastSync,omitzero"`
	LastError string    `json:"lastError,omitempty"`
}

func (s saved) clone() saved {
	s.Pending, s.Engines = maps.Clone(s.Pending), maps.Clone(s.Engines)
	s.Outbox, s.Declined = slices.Clone(s.Outbox), slices.Clone(s.Declined)
	return s
}

func (m *Manager) load(ctx context.Context) error {
	m.saved, m.state = saved{Version: stateVersion}, &sync15.State{}
	sealed, err := m.cfg.State.Load(ctx)
	if err != nil {
		return fmt.Errorf("load the sync state: %w", err)
	}
	if sealed == nil {
		return nil
	}
	text, err := m.sealer.Open(sealed, stateContext)
	if err != nil {
		return fmt.Errorf("%w: it is damaged, or sealed with another key", ErrState)
	}
	var version struct{ Version int }
	if err := json.Unmarshal(text, &version); err != nil {
		return fmt.Errorf("%w: it is damaged", ErrState)
	}
	if version.Version > stateVersion {
		return ErrNewerState
	}
	if err := json.Unmarshal(text, &m.saved); err != nil {
		return fmt.Errorf("%w: it is damaged", ErrState)
	}
	if len(m.saved.Sync) > 0 {
		if err := json.Unmarshal(m.saved.Sync, m.state); err != nil {
			return fmt.Errorf("%w: it is damaged", ErrState)
		}
	}
	return nil
}

// keep takes the live protocol state over and saves. The caller holds running.
func (m *Manager) keep(ctx context.Context) error {
	text, err := json.Marshal(m.state)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.saved.Sync = text
	m.mu.Unlock()
	return m.save(ctx)
}

// save writes what is remembered, whether or not a sync was cancelled.
func (m *Manager) save(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	text, err := json.Marshal(m.saved)
	if err != nil {
		return err
	}
	sealed, err := m.sealer.Seal(text, stateContext)
	if err != nil {
		return err
	}
	// Under the lock, so that two saves cannot swap.
	if err := m.cfg.State.Save(context.WithoutCancel(ctx), sealed); err != nil {
		return fmt.Errorf("save the sync state: %w", err)
	}
	return nil
}
