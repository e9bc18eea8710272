package bso

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Timestamp is a server time in hundredths of a second since 1970. The protocol writes it as
// decimal seconds with exactly two digits ("1795372560.22"). It is an integer because a float
// would not reproduce the digits, which the server compares (X-If-Unmodified-Since).
type Timestamp int64

// ErrTimestamp is wrapped by all errors from [ParseTimestamp].
var ErrTimestamp = errors.New("not a server timestamp")

// ParseTimestamp parses decimal seconds. It truncates further digits after the second and
// never rounds up: a time that is too early costs a download, a time that is too late loses a
// record.
func ParseTimestamp(s string) (Timestamp, error) {
	whole, frac, _ := strings.Cut(s, ".")
	seconds, err := strconv.ParseUint(whole, 10, 63)
	if err != nil || seconds > math.MaxInt64/100-1 {
		return 0, fmt.Errorf("%w: %.40q", ErrTimestamp, s)
	}
	hundredths := int64(seconds) * 100
	for i := range len(frac) {
		if frac[i] < '0' || frac[i] > '9' {
			return 0, fmt.Errorf("%w: %.40q", ErrTimestamp, s)
		}
		switch i {
		case 0:
			hundredths += int64(frac[i]-'0') * 10
		case 1:
			hundredths += int64(frac[i] - '0')
		}
	}
	return Timestamp(hundredths), nil
}

// TimestampOf returns the server time of t, truncated to hundredths of a second.
func TimestampOf(t time.Time) Timestamp { return Timestamp(t.UnixMilli() / 10) }

// Time returns t as a [time.Time] in UTC.
func (t Timestamp) Time() time.Time { return time.UnixMilli(int64(t) * 10).UTC() }

// String returns the text in the protocol: decimal seconds with two digits.
func (t Timestamp) String() string { return string(t.AppendText(make([]byte, 0, 16))) }

// AppendText appends the text of t in the protocol to b.
func (t Timestamp) AppendText(b []byte) []byte {
	if t < 0 {
		b = append(b, '-')
		t = -t
	}
	b = strconv.AppendInt(b, int64(t/100), 10)
	frac := t % 100
	return append(b, '.', byte('0'+frac/10), byte('0'+frac%10))
}

// MarshalJSON writes a JSON number with two digits after the point.
func (t Timestamp) MarshalJSON() ([]byte, error) { return t.AppendText(nil), nil }

// UnmarshalJSON reads a JSON number in plain or exponent notation, or null as zero.
func (t *Timestamp) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" {
		*t = 0
		return nil
	}
	if strings.ContainsAny(s, "eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f < 0 || f > math.MaxInt64/200 {
			return fmt.Errorf("%w: %.40q", ErrTimestamp, s)
		}
		s = strconv.FormatFloat(f, 'f', 3, 64)
	}
	v, err := ParseTimestamp(s)
	if err != nil {
		return err
	}
	*t = v
	return nil
}
