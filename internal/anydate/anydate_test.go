package anydate

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	t.Parallel()
	const day = "2020-09-13T12:26:40"
	for _, c := range []struct{ given, want string }{
		{"1600000000", day}, {"1600000000000", day}, {"1600000000000000", day}, {"13244473600000000", day}, {" 1600000000\n", day},
		{"1600000000.5", day + ".5"}, {"1600000000,5", day + ".5"}, {"1600000000.123456", day + ".123456"},
		{"1.6E+12", day}, {"1.6e9", day}, {"1,6E+12", day}, {"1.6E+15", day}, {"1.32444736E+16", day}, {"+1600000000", day},
		{"2020-09-13T12:26:40Z", day}, {"2020-09-13T14:26:40+02:00", day}, {"2020-09-13T12:26:40.123456789Z", day + ".123456"},
		{"2020-09-13 12:26:40", day}, {"2020-09-13 12:26:40 +0000", day}, {"2020-09-13 12:26:40 UTC", day}, {"2020-09-13T12:26:40", day},
		{"2020-09-13", "2020-09-13T00:00:00"}, {"Sun, 13 Sep 2020 12:26:40 GMT", day}, {"Sun, 13 Sep 2020 14:26:40 +0200", day},
		{"Sunday, 13-Sep-20 12:26:40 UTC", day}, {"Sun Sep 13 12:26:40 2020", day}, {"Sun Sep 13 2020 14:26:40 GMT+0200 (Central European Summer Time)", day},
		// Nothing is said.
		{"", ""}, {"  ", ""}, {"0", ""}, {"0.0", ""},
		// Before dates make sense, and no unit is mistaken.
		{"1", "1970-01-01T00:00:01"}, {"1.5", "1970-01-01T00:00:01.5"},
		// Nonsense.
		{"soon", "bad"}, {"-1", "bad"}, {"-1.5", "bad"}, {"99999999999999999999", "bad"}, {"1e99", "bad"}, {"NaN", "bad"}, {"Inf", "bad"}, {"0x10", "bad"},
		{"2020-13-45", "bad"}, {"13/09/2020", "bad"}, {"1_600", "bad"}, {"1.6.7", "bad"}, {"Sun, 13 Sep 2020 12:26:40 CEST", "bad"},
	} {
		got, ok := Parse(c.given)
		text := ""
		switch {
		case !ok:
			text = "bad"
		case !got.IsZero():
			text = got.Format("2006-01-02T15:04:05.999999")
		}
		if text != c.want {
			t.Errorf("%q is read as %q; want %q", c.given, text, c.want)
		}
		if !ok && !got.IsZero() {
			t.Errorf("%q is not ok, and is %v", c.given, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1.6E+12")
	f.Add("2020-09-13T12:26:40Z")
	f.Fuzz(func(t *testing.T, text string) {
		if got, ok := Parse(text); !ok && !got.IsZero() || got.Location() != time.UTC {
			t.Errorf("%q is read as %v, %v", text, got, ok)
		}
	})
}
