package sync15

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/seal"
)

// State is what a Client remembers between syncs. It marshals to JSON and holds
// secrets: the caller seals what it stores.
type State struct {
	Token *Token `json:"token,omitempty"`
	// Skew is how far the server's clock is ahead of this device's, in seconds.
	Skew   int64       `json:"skew,omitempty"`
	Limits *bso.Limits `json:"limits,omitempty"`

	// Global and Keys are the account's meta/global and crypto/keys as they were
	// when info/collections listed MetaAt and CryptoAt.
	Global   *Global       `json:"global,omitempty"`
	GlobalAt bso.Timestamp `json:"globalAt,omitempty"`
	Keys     *seal.Keys    `json:"keys,omitempty"`
	MetaAt   bso.Timestamp `json:"metaAt,omitempty"`
	CryptoAt bso.Timestamp `json:"cryptoAt,omitempty"`
	// KeysCheckedAt is when crypto/keys was last read because a record did not
	// open.
	KeysCheckedAt time.Time `json:"keysCheckedAt,omitzero"`

	// Renewed holds the sync IDs that this device gave to collections that were not on
	// the server, until there are records under them: one that takes none must not be
	// renewed at every sync.
	Renewed map[string]string `json:"renewed,omitempty"`

	// Marks holds the last write to each collection that this device knows of.
	Marks map[string]Mark `json:"marks,omitempty"`

	// Declined is what this device knows the account not to sync.
	Declined []string `json:"declined,omitempty"`
	// SealedWith holds, for each engine, the fingerprint of the keys that its
	// records were last synced with.
	SealedWith map[string]string `json:"sealedWith,omitempty"`

	// RetryAfter is an order to wait, Backoff a request.
	RetryAfter time.Time `json:"retryAfter,omitzero"`
	Backoff    time.Time `json:"backoff,omitzero"`

	Clients ClientsState `json:"clients"`
}

// Token is what the token server gave out. The key is secret.
type Token struct {
	ID        string    `json:"id"`
	Key       string    `json:"key"`
	UID       int64     `json:"uid"`
	Endpoint  string    `json:"endpoint"`
	HashedUID string    `json:"hashedUID,omitempty"`
	KeyID     string    `json:"keyID"`
	Renew     time.Time `json:"renew"`
}

// forgetNode drops what belongs to one storage node.
func (s *State) forgetNode() {
	s.Limits, s.Global, s.Keys = nil, nil, nil
	s.GlobalAt, s.MetaAt, s.CryptoAt = 0, 0, 0
	s.Clients.Seen, s.Clients.Uploaded = 0, time.Time{}
	s.Marks = nil
}

// ForgetAccount drops everything but the waiting that the service asked for, this
// device's ID, and which commands it carried out: the account may be the next one too.
func (s *State) ForgetAccount() {
	*s = State{RetryAfter: s.RetryAfter, Backoff: s.Backoff,
		Clients: ClientsState{Self: s.Clients.Self, Written: s.Clients.Written, Done: s.Clients.Done}}
}

// Wait tells until when a sync has to wait: the service's orders always hold, its
// requests only when the user did not ask. Zero: no need to.
func (s *State) Wait(now time.Time, userAsked bool) time.Time {
	until := s.RetryAfter
	if !userAsked && s.Backoff.After(until) {
		until = s.Backoff
	}
	if !until.After(now) {
		return time.Time{}
	}
	return until
}

// NextAllowed is the latest time that the service asked to wait for, or zero.
func (s *State) NextAllowed(now time.Time) time.Time { return s.Wait(now, false) }

// Global is the meta/global record: which storage this is, which engines it
// syncs and which the user declined. Fields and entries of other programs are
// kept as they are.
type Global struct {
	SyncID         string
	StorageVersion int
	Engines        map[string]EngineEntry
	Declined       []string
	// HasDeclined tells a record without the list from one with an empty list.
	HasDeclined bool

	other map[string]json.RawMessage
}

// EngineEntry is one engine's line in meta/global.
type EngineEntry struct {
	Version int
	SyncID  string
	raw     json.RawMessage
}

// UnmarshalJSON reads the record's cleartext. What is there but of a wrong type
// counts as missing; only a text that is no object is an error.
func (g *Global) UnmarshalJSON(text []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	out := Global{Engines: map[string]EngineEntry{}, other: all}
	_ = json.Unmarshal(all["syncID"], &out.SyncID)
	_ = json.Unmarshal(all["storageVersion"], &out.StorageVersion)
	out.HasDeclined = json.Unmarshal(all["declined"], &out.Declined) == nil && out.Declined != nil
	var entries map[string]json.RawMessage
	_ = json.Unmarshal(all["engines"], &entries)
	for name, raw := range entries {
		var e struct {
			Version int
			SyncID  string
		}
		if json.Unmarshal(raw, &e) != nil {
			// Some other program's idea of an engine: kept, and never synced with.
			e.Version, e.SyncID = 0, ""
		}
		out.Engines[name] = EngineEntry{e.Version, e.SyncID, raw}
	}
	for _, name := range []string{"syncID", "storageVersion", "declined", "engines"} {
		delete(out.other, name)
	}
	*g = out
	return nil
}

// MarshalJSON writes the record's cleartext.
func (g Global) MarshalJSON() ([]byte, error) {
	all := map[string]any{}
	for k, v := range g.other {
		all[k] = v
	}
	engines := map[string]any{}
	for name, e := range g.Engines {
		if e.raw != nil {
			engines[name] = e.raw
		} else {
			engines[name] = map[string]any{"version": e.Version, "syncID": e.SyncID}
		}
	}
	declined := slices.Clone(g.Declined)
	if declined == nil {
		declined = []string{}
	}
	slices.Sort(declined)
	all["syncID"], all["storageVersion"], all["engines"], all["declined"] = g.SyncID, g.StorageVersion, engines, declined
	return json.Marshal(all)
}
