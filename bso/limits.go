package bso

import (
	"encoding/json"
	"fmt"
)

// Limits are what a server announces at info/configuration. All sizes are
// bytes. A zero in what a server sent means that it said nothing.
type Limits struct {
	// MaxPostRecords is the number of records in one POST.
	MaxPostRecords int `json:"max_post_records"`
	// MaxPostBytes is the sum of the payloads in one POST.
	MaxPostBytes int `json:"max_post_bytes"`
	// MaxTotalRecords is the number of records in one batch of POSTs.
	MaxTotalRecords int `json:"max_total_records"`
	// MaxTotalBytes is the sum of the payloads in one batch of POSTs.
	MaxTotalBytes int `json:"max_total_bytes"`
	// MaxRecordPayloadBytes is the size of one record's payload.
	MaxRecordPayloadBytes int `json:"max_record_payload_bytes"`
	// MaxRequestBytes is the size of a request's body, envelopes included.
	MaxRequestBytes int `json:"max_request_bytes"`
}

// DefaultLimits are those of Mozilla's server, and of ours.
func DefaultLimits() Limits {
	return Limits{
		MaxPostRecords:        100,
		MaxPostBytes:          2_621_440,
		MaxTotalRecords:       10_000,
		MaxTotalBytes:         262_144_000,
		MaxRecordPayloadBytes: 2_621_440,
		MaxRequestBytes:       2_625_536,
	}
}

// SilentLimits are what a client may rely on when a server announces nothing:
// 256 KiB a record and 260 KiB a request, seen in Firefox 153.
func SilentLimits() Limits {
	return Limits{
		MaxPostRecords:        100,
		MaxPostBytes:          260 << 10,
		MaxTotalRecords:       100,
		MaxTotalBytes:         260 << 10,
		MaxRecordPayloadBytes: 256 << 10,
		MaxRequestBytes:       260 << 10,
	}
}

// The bounds of what a server may announce. Above them a client would hold what a hostile
// server wants it to; below, it could send nothing.
const (
	maxRecords, maxTotalRecords = 10_000, 1_000_000
	minBytes                    = 512
	maxPayload, maxRequest      = 16 << 20, 64 << 20
	maxTotalBytes               = 1 << 30
)

// ParseLimits reads the body of info/configuration. Keys it does not know are
// passed over, whatever their type (a server may send a "collections" object);
// what is missing or unusably small takes its value from SilentLimits, and what is
// larger than any server needs is cut.
func ParseLimits(body []byte) (Limits, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return Limits{}, fmt.Errorf("info/configuration is not a JSON object: %w", err)
	}
	l := SilentLimits()
	for name, limit := range map[string]struct {
		into     *int
		min, max int
	}{
		"max_post_records":         {&l.MaxPostRecords, 1, maxRecords},
		"max_post_bytes":           {&l.MaxPostBytes, minBytes, maxRequest},
		"max_total_records":        {&l.MaxTotalRecords, 1, maxTotalRecords},
		"max_total_bytes":          {&l.MaxTotalBytes, minBytes, maxTotalBytes},
		"max_record_payload_bytes": {&l.MaxRecordPayloadBytes, minBytes, maxPayload},
		"max_request_bytes":        {&l.MaxRequestBytes, minBytes, maxRequest},
	} {
		var n float64 // a number that no int holds is one that is too large
		if v, ok := raw[name]; ok && json.Unmarshal(v, &n) == nil && n >= float64(limit.min) {
			*limit.into = int(min(n, float64(limit.max)))
		}
	}
	return l, nil
}
