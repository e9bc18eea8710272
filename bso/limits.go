package bso

import (
	"encoding/json"
	"fmt"
)

// Limits are the limits that a server announces at info/configuration. All sizes are in
// bytes. A zero in a server's response means that it announced none.
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

// DefaultLimits returns the limits of Mozilla's server, which are also this server's
// defaults.
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

// SilentLimits returns the limits that a client may assume if a server announces none: 256
// KiB per record and 260 KiB per request, seen in Firefox 153.
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

// ParseLimits parses the body of info/configuration. It ignores unknown keys of any type (a
// server may send a "collections" object). Missing or unusably small values are replaced by
// those of [SilentLimits], and unreasonably large ones are reduced. The error means that body is
// not a JSON object.
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
