// Package anydate parses dates in the files that browsers, tools and spreadsheets
// export.
package anydate

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/lazyre"
)

// webkitEpoch is the start of 1970 in Chrome's count, in microseconds since 1601.
const webkitEpoch = 11_644_473_600_000_000

// number matches a decimal number, also as a spreadsheet shows it: 1.6E+12, or 1,6E+12
// with a decimal comma.
var number = lazyre.New(`^[+-]?[0-9]{1,20}([.,][0-9]{0,20})?([eE][+-]?[0-9]{1,2})?$`)

// layouts are the layouts of dates that are not a number. A date without a zone is in UTC;
// a zone is an offset or GMT, since other names are ambiguous.
var layouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z0700", "2006-01-02 15:04:05 GMT", "2006-01-02 15:04:05", "2006-01-02 15:04",
	"2006-01-02", "2006/01/02 15:04:05", "2006/01/02", "20060102T150405Z",
	"Mon, 2 Jan 2006 15:04:05 GMT", "Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 GMT", "2 Jan 2006 15:04:05 -0700",
	"Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC, "Mon Jan _2 15:04:05 GMT 2006",
	"Mon Jan _2 2006 15:04:05 GMT-0700", // what JavaScript writes
}

// Parse parses a date: a number, see [Number], or ISO 8601, RFC 1123 and similar formats.
// The time is in UTC, in microseconds. If text is empty or 0, the
// time is zero and ok is true. If text is not a date, ok is false.
func Parse(text string) (t time.Time, ok bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, true
	}
	if number.MatchString(text) {
		return parseNumber(strings.Replace(text, ",", ".", 1))
	}
	// JavaScript adds the name of the zone in brackets.
	if at := strings.Index(text, " ("); at > 0 {
		text = text[:at]
	}
	text = strings.Replace(text, " UTC", " GMT", 1)
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Truncate(time.Microsecond), true
		}
	}
	return time.Time{}, false
}

func parseNumber(text string) (time.Time, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Number(n)
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || f < 0 || f > math.MaxInt64/2:
		return time.Time{}, false
	case f < mostSeconds: // seconds may have a fraction
		if f == 0 {
			return time.Time{}, true
		}
		return time.UnixMicro(int64(math.Round(f * 1e6))).UTC(), true
	}
	return Number(int64(math.Round(f)))
}

// Numbers below these bounds are in seconds, milliseconds and microseconds.
const (
	mostSeconds = 1e11
	mostMilli   = 1e14
	mostMicro   = 1e16
)

// Number converts a date that is a number, in seconds, milliseconds or microseconds
// since 1970, or in microseconds since 1601. The size of the number tells the unit, for
// dates from 1973 to 2286. If n is 0, the time is zero and ok is true. If n is negative, ok
// is false.
func Number(n int64) (t time.Time, ok bool) {
	switch {
	case n <= 0:
		return time.Time{}, n == 0
	case n < mostSeconds:
		return time.Unix(n, 0).UTC(), true
	case n < mostMilli:
		return time.UnixMilli(n).UTC(), true
	case n < mostMicro:
		return time.UnixMicro(n).UTC(), true
	}
	return time.UnixMicro(n - webkitEpoch).UTC(), true
}
