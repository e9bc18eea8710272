package sync15

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/seal"
)

// State is what a Client remembers between syncs. It marshals to JSON and holds secrets: the
// caller encrypts what it stores. A zero State is empty. It is not safe for use while its
// Client syncs.
type State struct{ s state }

// MarshalJSON writes the state for UnmarshalJSON, with the secrets in it.
func (s State) MarshalJSON() ([]byte, error) { return json.Marshal(&s.s) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *State) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &s.s) }

// Wait returns until when a sync has to wait: the service's orders always count, its
// requests only when the user did not ask for the sync. Zero: it need not wait.
func (s *State) Wait(now time.Time, userAsked bool) time.Time { return s.s.wait(now, userAsked) }

// NextAllowed is the latest time until which the service asked to wait, or zero.
func (s *State) NextAllowed(now time.Time) time.Time { return s.s.wait(now, false) }

// HashedUID is the hash of the account's ID that the token server issued, or "".
func (s *State) HashedUID() string {
	if s.s.Token == nil {
		return ""
	}
	return s.s.Token.HashedUID
}

// Devices lists the account's devices by name, this one included, as they were seen last. A
// device that the accounts server no longer knows is left out. Of several records of one
// device, the newest is used.
func (s *State) Devices() []engine.Device { return s.s.Clients.devices() }

// Send queues commands for other devices. They are sent with the next [Run.SyncClients].
func (s *State) Send(commands ...Outbound) {
	s.s.Clients.Outbox = append(s.s.Clients.Outbox, commands...)
}

// ForgetAccount drops everything except the waiting time that the service asked for, this
// device's ID, and which commands it carried out: the user may sign in to the same account
// again.
func (s *State) ForgetAccount() { s.s.forgetAccount() }

func (s *state) forgetAccount() {
	*s = state{RetryAfter: s.RetryAfter, Backoff: s.Backoff,
		Clients: clientsState{Self: s.Clients.Self, Written: s.Clients.Written, Done: s.Clients.Done}}
}

// state is what a State holds, as it is stored.
type state struct {
	Token *token `json:"token,omitempty"`
	// Skew is how far the server's clock is ahead of this device's, in seconds.
	Skew   int64       `json:"skew,omitempty"`
	Limits *bso.Limits `json:"limits,omitempty"`

	// Global and Keys are the account's meta/global and crypto/keys as they were
	// when info/collections listed MetaAt and CryptoAt.
	Global   *global       `json:"global,omitempty"`
	GlobalAt bso.Timestamp `json:"globalAt,omitempty"`
	Keys     *seal.Keys    `json:"keys,omitempty"`
	MetaAt   bso.Timestamp `json:"metaAt,omitempty"`
	CryptoAt bso.Timestamp `json:"cryptoAt,omitempty"`
	// KeysCheckedAt is when crypto/keys was last read because a record did not
	// open.
	KeysCheckedAt time.Time `json:"keysCheckedAt,omitzero"`

	// Renewed holds the sync IDs that this device gave to collections that were not on the
	// server, until there are records under them. A collection that accepts no records must not
	// be renewed at every sync.
	Renewed map[string]string `json:"renewed,omitempty"`

	// Marks holds the last write to each collection that this device knows of.
	Marks map[string]mark `json:"marks,omitempty"`

	// Declined has the collections that the account does not sync, as far as this device knows.
	Declined []string `json:"declined,omitempty"`
	// SealedWith holds, for each engine, the fingerprint of the keys that its
	// records were last synced with.
	SealedWith map[string]string `json:"sealedWith,omitempty"`

	// RetryAfter is when a required wait ends, Backoff when a requested one does.
	RetryAfter time.Time `json:"retryAfter,omitzero"`
	Backoff    time.Time `json:"backoff,omitzero"`

	Clients clientsState `json:"clients"`
}

// token is what the token server issued. The key is secret.
type token struct {
	ID        string    `json:"id"`
	Key       string    `json:"key"`
	UID       int64     `json:"uid"`
	Endpoint  string    `json:"endpoint"`
	HashedUID string    `json:"hashedUID,omitempty"`
	KeyID     string    `json:"keyID"`
	Renew     time.Time `json:"renew"`
}

// forgetNode drops the state of one storage node. Engines that sync at that moment find neither
// Global nor Keys, and end with ErrReassigned.
func (s *state) forgetNode() {
	s.Limits, s.Global, s.Keys = nil, nil, nil
	s.GlobalAt, s.MetaAt, s.CryptoAt = 0, 0, 0
	s.Clients.Seen, s.Clients.Uploaded = 0, time.Time{}
	s.Marks = nil
}

// wait implements [State.Wait].
func (s *state) wait(now time.Time, userAsked bool) time.Time {
	until := s.RetryAfter
	if !userAsked && s.Backoff.After(until) {
		until = s.Backoff
	}
	if !until.After(now) {
		return time.Time{}
	}
	return until
}

// global is the meta/global record: which storage this is, which engines it syncs and which the
// user declined. Fields and entries of other programs are kept unchanged.
type global struct {
	SyncID         string
	StorageVersion int
	Engines        map[string]engineEntry
	Declined       []string
	// HasDeclined tells a record without the list from one with an empty list.
	HasDeclined bool

	other map[string]json.RawMessage
}

// engineEntry is one engine's line in meta/global.
type engineEntry struct {
	Version int
	SyncID  string
	raw     json.RawMessage
}

// UnmarshalJSON reads the record's cleartext. A field of a wrong type counts as missing; only a
// text that is not an object is an error.
func (g *global) UnmarshalJSON(text []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	out := global{Engines: map[string]engineEntry{}, other: all}
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
			// Another program wrote this entry: it is kept, and never synced with.
			e.Version, e.SyncID = 0, ""
		}
		out.Engines[name] = engineEntry{e.Version, e.SyncID, raw}
	}
	for _, name := range []string{"syncID", "storageVersion", "declined", "engines"} {
		delete(out.other, name)
	}
	*g = out
	return nil
}

// MarshalJSON writes the record's cleartext.
func (g global) MarshalJSON() ([]byte, error) {
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
