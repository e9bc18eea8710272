package exchange

import "time"

// fromMicro reads a date of a database, in microseconds.
func fromMicro(µs int64) time.Time {
	if µs <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(µs).UTC()
}
