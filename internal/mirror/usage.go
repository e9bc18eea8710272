package mirror

import (
	"encoding/json"
	"strconv"
	"time"
)

// Number reads a time or a count as leniently as other clients do: anything else is 0
// (unknown), and the record stays valid.
func Number(value []byte) int64 {
	var n json.Number
	if json.Unmarshal(value, &n) != nil {
		return 0
	}
	i, err := n.Int64()
	if err != nil {
		f, err := n.Float64()
		if err != nil || f < 0 || f > 1<<53 {
			return 0
		}
		i = int64(f)
	}
	return max(i, 0)
}

// Time is a record's time, in Unix milliseconds, in UTC; 0 is the zero time: not known.
func Time(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Milliseconds is a time as records have it. A time before 1970 is 0, as the zero time is.
func Milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.UnixMilli(), 0)
}

// Round brings times into the form that Time gives them: so two that records do not tell
// apart are equal.
func Round(times ...*time.Time) {
	for _, t := range times {
		*t = Time(Milliseconds(*t))
	}
}

// ResolveUsage decides the fields that tell when and how often a record was used,
// which have the same names in all collections: the first creation, the last use and
// change, and all uses together.
func ResolveUsage(c Conflict) (value []byte, ok bool) {
	base, local, remote := Number(c.Base), Number(c.Local), Number(c.Remote)
	n := max(local, remote)
	switch c.Field {
	case "timeCreated":
		if local > 0 && remote > 0 {
			n = min(local, remote)
		}
	case "timeLastUsed", "timeLastModified", "timePasswordChanged":
	case "timesUsed":
		if base > 0 {
			n = max(local+remote-base, n)
		}
	default:
		return nil, false
	}
	return strconv.AppendInt(nil, n, 10), true
}
