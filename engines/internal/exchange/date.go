package exchange

import "time"

// webkitEpoch is 1970 in microseconds since 1601, from where Chrome counts.
const webkitEpoch = 11_644_473_600_000_000

func fromWebkit(µs int64) time.Time {
	if µs <= webkitEpoch {
		return time.Time{}
	}
	return time.UnixMicro(µs - webkitEpoch).UTC()
}

// fromAnyUnit reads a date of an HTML file. It is in seconds by custom, but there
// are programs that write milliseconds, microseconds, or Chrome's own count; no two
// of these can be the same date between 1973 and 2286.
func fromAnyUnit(n int64) time.Time {
	switch {
	case n <= 0:
		return time.Time{}
	case n < 1e11:
		return time.Unix(n, 0).UTC()
	case n < 1e14:
		return time.UnixMilli(n).UTC()
	case n < 1e16:
		return time.UnixMicro(n).UTC()
	default:
		return fromWebkit(n)
	}
}

func fromMicro(µs int64) time.Time {
	if µs <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(µs).UTC()
}
