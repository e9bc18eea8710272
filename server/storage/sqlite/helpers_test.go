package sqlite

import "time"

// newTestClock is a clock that stands still.
func newTestClock() func() time.Time {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	return func() time.Time { return now }
}
