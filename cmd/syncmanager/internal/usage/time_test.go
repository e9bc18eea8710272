package usage

import (
	"testing"
	"time"
)

func TestMomentsAsPeopleTypeThem(t *testing.T) {
	zone := time.FixedZone("somewhere", 2*60*60)
	now := time.Date(2026, 3, 1, 9, 30, 0, 0, zone)
	for word, want := range map[string]string{
		"today":                "2026-03-01T00:00:00+02:00",
		"yesterday":            "2026-02-28T00:00:00+02:00",
		"2026-01-31":           "2026-01-31T00:00:00+02:00",
		"2026-01-31 18:00":     "2026-01-31T18:00:00+02:00",
		"2026-01-31T18:00:05":  "2026-01-31T18:00:05+02:00",
		"2026-01-31T18:00:05Z": "2026-01-31T18:00:05Z",
		"90m":                  "2026-03-01T08:00:00+02:00",
		"2d":                   "2026-02-27T09:30:00+02:00",
	} {
		got, err := parseTime(word, now)
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %s, %v; want %s", word, got.Format(time.RFC3339), err, want)
		}
	}
	for _, word := range []string{"", "soon", "d", "-2d", "-1h", "7", "2026-02-30"} {
		if got, err := parseTime(word, now); err == nil {
			t.Errorf("%q is %s", word, got)
		}
	}
}
