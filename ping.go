package syncmanager

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/sync15"
)

// Ping is the telemetry document of one sync, in the format of the public "sync"
// ping that Firefox sends. It does not name records, hosts or people, and the manager
// does not send it: an app may.
type Ping struct {
	// Version is the format's version.
	Version int `json:"version"`
	// UID is the hashed account ID from the token server, and DeviceID a hash of it and the
	// device's ID. Empty means unknown.
	UID      string     `json:"uid,omitempty"`
	DeviceID string     `json:"deviceID,omitempty"`
	Syncs    []PingSync `json:"syncs"`
}

// PingSync is one sync. Times are milliseconds; When is since 1970.
type PingSync struct {
	When          int64        `json:"when"`
	Took          int64        `json:"took"`
	Why           string       `json:"why"`
	FailureReason *PingFailure `json:"failureReason,omitempty"`
	Devices       []PingDevice `json:"devices,omitempty"`
	Engines       []PingEngine `json:"engines,omitempty"`
}

// PingDevice is another device of the account.
type PingDevice struct {
	ID      string `json:"id"`
	OS      string `json:"os,omitempty"`
	Version string `json:"version,omitempty"`
	Type    string `json:"type,omitempty"`
}

// PingEngine is one engine's part.
type PingEngine struct {
	Name          string         `json:"name"`
	Took          int64          `json:"took,omitempty"`
	Status        string         `json:"status,omitempty"`
	FailureReason *PingFailure   `json:"failureReason,omitempty"`
	Incoming      *PingIncoming  `json:"incoming,omitempty"`
	Outgoing      []PingOutgoing `json:"outgoing,omitempty"`
}

// PingIncoming counts downloaded records.
type PingIncoming struct {
	Applied    int `json:"applied,omitempty"`
	Failed     int `json:"failed,omitempty"`
	NewFailed  int `json:"newFailed,omitempty"`
	Reconciled int `json:"reconciled,omitempty"`
}

// PingOutgoing counts uploaded records.
type PingOutgoing struct {
	Sent   int `json:"sent,omitempty"`
	Failed int `json:"failed,omitempty"`
}

// PingFailure describes a failure. Name is its kind, which determines the other field that is
// set.
type PingFailure struct {
	// Name is "httperror" (Code), "autherror" (From), "shutdownerror" or
	// "othererror" (Error): "network" where no answer came, "page" where a web page did.
	Name  string `json:"name"`
	Code  int    `json:"code,omitempty"`
	From  string `json:"from,omitempty"`
	Error string `json:"error,omitempty"`
}

func (s *syncing) ping() *Ping {
	p := &Ping{Version: 1}
	uid := s.m.state.HashedUID()
	if uid != "" {
		p.UID = uid
		p.DeviceID = hashedDevice(s.m.cfg.Account.DeviceID(), uid)
	}
	one := PingSync{
		When: s.began.UnixMilli(), Took: s.result.Took.Milliseconds(), Why: string(s.options.Reason), FailureReason: failure(s.result.Err),
	}
	for _, d := range s.m.Devices() {
		if !d.Local && uid != "" {
			one.Devices = append(one.Devices, PingDevice{ID: hashedDevice(string(d.ID), uid), OS: d.OS, Version: d.Version, Type: d.Type})
		}
	}
	for _, e := range s.chosen {
		name := e.Collection()
		r, ok := s.result.Engines[name]
		if !ok || r.Status == StatusDeclined {
			continue
		}
		c := s.stats[name]
		pe := PingEngine{Name: name, Took: r.Took.Milliseconds(), FailureReason: failure(r.Err)}
		if in := (PingIncoming{c.Merged.Applied, c.Merged.Failed, c.Merged.NewFailed, c.Merged.Reconciled}); in != (PingIncoming{}) {
			pe.Incoming = &in
		}
		if c.Uploaded > 0 || len(c.Refused) > 0 {
			pe.Outgoing = []PingOutgoing{{Sent: c.Uploaded, Failed: len(c.Refused)}}
		}
		one.Engines = append(one.Engines, pe)
	}
	p.Syncs = []PingSync{one}
	return p
}

func hashedDevice(id, uid string) string {
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(id + uid))
	return hex.EncodeToString(sum[:])
}

// failure describes an error without its text, which may contain a host's name.
func failure(err error) *PingFailure {
	if err == nil {
		return nil
	}
	switch {
	case errors.As(err, new(*AuthError)):
		return &PingFailure{Name: "autherror", From: "tokenserver"}
	case httpStatus(err) != 0:
		return &PingFailure{Name: "httperror", Code: httpStatus(err)}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &PingFailure{Name: "shutdownerror"}
	}
	if isNetwork(err) {
		return &PingFailure{Name: "othererror", Error: "network"}
	}
	if errors.As(err, new(*sync15.ServerError)) {
		return &PingFailure{Name: "othererror", Error: "page"}
	}
	for _, k := range []struct {
		is   error
		name string
	}{
		{sync15.ErrConflict, "conflict"}, {sync15.ErrRace, "race"}, {sync15.ErrQuota, "quota"}, {sync15.ErrKeys, "keys"},
		{sync15.ErrGlobal, "meta-global"}, {sync15.ErrProtocol, "protocol"},
	} {
		if errors.Is(err, k.is) {
			return &PingFailure{Name: "othererror", Error: k.name}
		}
	}
	switch {
	case errors.As(err, new(*BackedOffError)):
		return &PingFailure{Name: "othererror", Error: "backoff"}
	case errors.As(err, new(*engine.TooManyDeletionsError)):
		return &PingFailure{Name: "othererror", Error: "needsConfirmation"}
	}
	return &PingFailure{Name: "othererror", Error: "unknown"}
}
