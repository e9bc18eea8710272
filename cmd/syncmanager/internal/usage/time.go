package usage

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TimeHelp describes what [Time] takes, for help texts.
const TimeHelp = `TIME is a date, a date and a time ("2026-01-31 18:00"), RFC 3339, "today",
"yesterday", or how long ago: 90m, 12h, 7d.`

// layouts are those without a zone, for which the user's applies.
var layouts = []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04", "2006-01-02T15:04:05"}

// parseTime reads a time as [TimeHelp] describes it, in the zone of now.
func parseTime(s string, now time.Time) (time.Time, error) {
	year, month, today := now.Date()
	switch s {
	case "today":
		return time.Date(year, month, today, 0, 0, 0, 0, now.Location()), nil
	case "yesterday":
		return time.Date(year, month, today-1, 0, 0, 0, 0, now.Location()), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write a date such as 2026-01-31, or how long ago, such as 7d", s)
}

// Time is the value of a flag that takes a time.
type Time struct {
	time.Time
	text string
}

func (m *Time) String() string { return m.text }

// Type implements pflag.Value.
func (m *Time) Type() string { return "TIME" }

// Set implements pflag.Value.
func (m *Time) Set(s string) (err error) {
	m.text = s
	m.Time, err = parseTime(s, time.Now())
	return err
}
