package exchange

import "time"

// fromMicro converts a date of a database, in microseconds since 1970; one that is not
// positive is zero.
func fromMicro(µs int64) time.Time {
	if µs <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(µs).UTC()
}
